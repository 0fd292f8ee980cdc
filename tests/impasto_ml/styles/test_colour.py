"""Closed-form colour."""

import numpy as np
import pytest
from skimage import data

from impasto_ml.analysis.pixels import to_oklab
from impasto_ml.styles.colour import keep_photo_colour, match_colour


def picture(name: str) -> np.ndarray:
    return (getattr(data, name)()[::4, ::4] / 255).astype(np.float32)


def test_matching_gives_the_references_mean_and_covariance() -> None:
    # A soft reference: what leaves the gamut is clipped, and clipping changes the moments.
    source, reference = picture("chelsea"), 0.35 + 0.3 * picture("coffee")
    moved, wanted = (to_oklab(rgb).reshape(-1, 3) for rgb in (match_colour(source, reference), reference))
    assert np.abs(moved.mean(axis=0) - wanted.mean(axis=0)).max() < 0.01
    before = np.abs(np.cov(to_oklab(source).reshape(-1, 3).T) - np.cov(wanted.T)).max()
    assert np.abs(np.cov(moved.T) - np.cov(wanted.T)).max() < 0.15 * before


def test_matching_a_picture_to_itself_changes_nothing() -> None:
    source = picture("coffee")
    assert np.abs(match_colour(source, source) - source).max() < 0.02


def test_keeping_colour_takes_hue_from_the_photograph_and_structure_from_the_drawing() -> None:
    photo = picture("chelsea")
    drawn = 1 - photo
    kept = keep_photo_colour(drawn, photo)
    chroma_error = np.abs(to_oklab(kept)[..., 1:] - to_oklab(photo)[..., 1:]).mean()
    assert chroma_error < 0.01
    assert np.corrcoef(to_oklab(kept)[..., 0].ravel(), to_oklab(drawn)[..., 0].ravel())[0, 1] > 0.95
    assert abs(to_oklab(kept)[..., 0].mean() - to_oklab(photo)[..., 0].mean()) < 0.02


def test_pictures_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="photograph"):
        keep_photo_colour(picture("coffee"), picture("chelsea"))
