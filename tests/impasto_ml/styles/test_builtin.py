"""The table of built-in styles."""

import re

import numpy as np
import pytest

from impasto_ml.styles.builtin import BUILTIN_STYLES, blend_weights


def test_slugs_are_frozen() -> None:
    # A slug is stored with a user's style: renaming or moving one changes pictures that exist.
    assert [style.slug for style in BUILTIN_STYLES] == [
        *("golden-haze", "ink-and-yellow", "quiet-gouache", "carnival", "claret-canvas", "autumn-strokes"),
        *("midnight-seeds", "primary-glow", "spring-sketch", "red-and-slate-dabs", "terracotta", "honey-engraving"),
        *("lilac-morning", "lime-and-teal", "sea-mist", "stained-glass", "electric-dusk", "woven-blocks"),
        *("woodcut-sand", "cobalt-night", "ember", "paper-cutout", "charcoal-and-vermilion", "dusk-pastel"),
        *("blue-woodblock", "burnished-mosaic"),
    ]


def test_every_style_has_a_name_and_a_line() -> None:
    for style in BUILTIN_STYLES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", style.slug)
        assert style.name.lower().replace(" ", "-") == style.slug
        assert style.summary.endswith(".")


def test_weights_are_shares_at_the_styles_places() -> None:
    vector = blend_weights({"ink-and-yellow": 1, "burnished-mosaic": 3})
    assert vector.shape == (26,)
    assert vector.dtype == np.float32
    assert (vector[1], vector[25], vector.sum()) == (0.25, 0.75, 1.0)


@pytest.mark.parametrize("weights", [{}, {"ember": 0.0}, {"ember": -1.0, "sea-mist": 2.0}, {"ember": float("nan")}])
def test_weights_that_mean_nothing_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        blend_weights(weights)


def test_an_unknown_slug_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown built-in style 'embers'.*sea-mist"):
        blend_weights({"embers": 1})
