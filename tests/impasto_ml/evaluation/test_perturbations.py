"""Every declared perturbation changes the picture, repeatably, and says truly whether chance is in it."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from impasto_ml.evaluation.perturbations import PERTURBATIONS, Perturbation

PHOTO = Image.fromarray(data.coffee()).resize((160, 120))


@pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=lambda p: p.name)
def test_it_changes_the_picture_and_repeats(perturbation: Perturbation) -> None:
    first, again = (np.asarray(perturbation(PHOTO, 1, "key")) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.shape != np.asarray(PHOTO).shape or not np.array_equal(first, np.asarray(PHOTO))


@pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=lambda p: p.name)
def test_only_seeded_ones_depend_on_seed_or_key(perturbation: Perturbation) -> None:
    looks = {perturbation(PHOTO, seed, key).tobytes() for seed in range(6) for key in ("a", "b")}
    assert (len(looks) > 1) == perturbation.seeded


@pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=lambda p: p.name)
def test_what_is_transparent_lies_on_white(perturbation: Perturbation) -> None:
    clear, white = Image.new("RGBA", (40, 40), (255, 0, 0, 0)), Image.new("RGB", (40, 40), "white")
    seen = perturbation(clear, 0, "")
    assert seen.mode == "RGB"
    assert seen.tobytes() == perturbation(white, 0, "").tobytes()


def test_the_list_grows_on_purpose() -> None:
    assert [p.name for p in PERTURBATIONS] == [
        "jpeg_q50",
        "blur",
        "brightness",
        "rotate_10",
        "crop_90",
        "greyscale",
        "noise",
    ]
