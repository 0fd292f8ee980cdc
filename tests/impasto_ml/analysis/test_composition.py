"""Saliency, thirds, symmetry, balance, negative space."""

import numpy as np
import pytest
from PIL import Image

from impasto_ml.analysis.composition import read_composition
from impasto_ml.analysis.saliency import saliency_map

from .pictures import disc_at, gradient, mirrored, photograph


@pytest.mark.parametrize(("x", "y"), [(0.2, 0.3), (0.7, 0.6), (0.5, 0.85)])
def test_attention_goes_to_the_disc(x: float, y: float) -> None:
    saliency = saliency_map(disc_at(x, y))
    row, column = np.unravel_index(int(np.argmax(saliency)), saliency.shape)
    assert abs((column + 0.5) / saliency.shape[1] - x) < 0.07
    assert abs((row + 0.5) / saliency.shape[0] - y) < 0.1
    assert saliency.sum() == pytest.approx(1, abs=1e-4)
    assert saliency.min() >= 0


def test_an_empty_picture_attracts_evenly() -> None:
    saliency = saliency_map(Image.new("RGB", (200, 100), (90, 120, 90)))
    assert saliency.max() == pytest.approx(saliency.min())


def test_a_subject_on_a_power_point_scores_higher_than_a_centred_one() -> None:
    scores = [read_composition(disc_at(x, y)).thirds for x, y in ((1 / 3, 1 / 3), (2 / 3, 2 / 3), (0.42, 0.42))]
    centred = read_composition(disc_at(0.5, 0.5)).thirds
    assert min(scores[:2]) > 0.75
    assert scores[0] > scores[2] > centred
    assert centred < 0.2


def test_a_horizon_on_a_third_lies_on_the_lines() -> None:
    def horizon(share: float) -> float:
        rows = np.full((180, 240, 3), 210, dtype=np.uint8)
        rows[int(180 * share) - 3 : int(180 * share) + 3] = (40, 40, 90)
        return read_composition(Image.fromarray(rows)).on_thirds_lines

    assert horizon(2 / 3) > horizon(0.5) + 0.3


@pytest.mark.parametrize("name", ["chelsea", "astronaut", "rocket"])
def test_a_mirrored_picture_is_symmetrical_and_its_original_is_not(name: str) -> None:
    original = photograph(name)
    result = read_composition(mirrored(original))
    assert result.symmetry_left_right == pytest.approx(1, abs=1e-3)
    assert result.centre_x == pytest.approx(0.5, abs=0.01)
    assert read_composition(original).symmetry_left_right < 0.6


def test_the_axes_of_symmetry_are_told_apart() -> None:
    sideways = mirrored(photograph("coffee"))
    turned = sideways.transpose(Image.Transpose.ROTATE_90)
    assert read_composition(turned).symmetry_top_bottom == pytest.approx(1, abs=1e-3)
    assert read_composition(turned).symmetry_left_right < 0.6
    assert read_composition(gradient()).symmetry_top_bottom == 1
    assert read_composition(gradient()).symmetry_left_right == 0


def test_the_centre_of_weight_follows_the_subject_and_balance_falls_with_its_distance() -> None:
    results = [read_composition(disc_at(x, 0.5)) for x in (0.5, 0.65, 0.8)]
    assert [result.centre_x for result in results] == pytest.approx([0.5, 0.65, 0.8], abs=0.05)
    assert results[0].balance > 0.95
    assert results[0].balance > results[1].balance > results[2].balance


def test_negative_space_shrinks_as_the_subject_grows() -> None:
    shares = []
    for radius in (10, 30, 60):
        noisy = np.asarray(disc_at(0.5, 0.5, radius=radius), dtype=float)
        subject = np.abs(noisy - (150, 152, 155)).sum(axis=2, keepdims=True) > 30
        noisy = noisy + subject * np.random.default_rng(0).normal(0, 40, noisy.shape)
        shares.append(read_composition(Image.fromarray(noisy.clip(0, 255).astype(np.uint8))).negative_space)
    assert shares[0] > 0.9
    assert shares[0] > shares[1] > shares[2]


def test_focus_is_high_for_one_spot_and_low_for_none() -> None:
    assert read_composition(disc_at(0.5, 0.5)).focus > 0.9
    assert read_composition(Image.new("RGB", (100, 100), (80, 80, 80))).focus < 0.02
