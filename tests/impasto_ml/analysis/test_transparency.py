"""Transparent pictures in every form are analysed as they look on white paper."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from impasto_ml.analysis.pixels import to_array


def hidden_red(form: str) -> Image.Image:
    """4 x 4 pixels that show nothing, though their colour is red."""
    if form == "a transparent colour":
        picture = Image.new("RGB", (4, 4), (255, 0, 0))
        picture.info["transparency"] = (255, 0, 0)
        return picture
    return Image.new("RGBA", (4, 4), (255, 0, 0, 0)).convert(form)


@pytest.mark.parametrize("form", ["RGBA", "RGBa", "a transparent colour"])
def test_what_shows_nothing_is_white(form: str) -> None:
    assert np.all(to_array(hidden_red(form)) == 1)
