"""Made strangers: crossed from two hands, and a loss that is least where the head is unsure."""

import math

import numpy as np
import pytest
import torch

from impasto_ml.encoders.layout import STYLE_CHANNELS, STYLE_FEATURES
from impasto_ml.training.strangers import certainty_loss, made_strangers


def _batch(truth: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """Every statistic of a picture is the picture's own number, so that its origin can be read off."""
    numbers = torch.arange(len(truth), dtype=torch.float32)
    return numbers[:, None].expand(-1, STYLE_FEATURES).clone(), torch.tensor(truth)


def test_a_stranger_has_about_half_of_each_of_two_hands() -> None:
    x, truth = _batch([0, 1] * 20)
    strangers = made_strangers(x, truth, np.random.default_rng(0))
    assert strangers.shape == (80, STYLE_FEATURES)
    for place, stranger in enumerate(strangers):
        first = float(place % 40)
        assert set(stranger.tolist()) <= {first, (first - 1) % 40}
    shares = (strangers == x.repeat(2, 1)).float().mean(1)
    assert shares[:40].sub(0.5).abs().max() < 0.1
    assert float(shares[40:].mean()) == pytest.approx(0.5, abs=0.1)


def test_the_second_way_keeps_whole_blocks_together() -> None:
    x, truth = _batch([0, 1] * 20)
    single, blocks = made_strangers(x, truth, np.random.default_rng(1)).chunk(2)
    sizes = [channels for channels in STYLE_CHANNELS for _ in ("mean", "deviation")]
    whole = [(part == part[:, :1]).all(1) for part in blocks.split(sizes, dim=1)]
    assert torch.stack(whole).all()
    assert not any((part == part[:, :1]).all() for part in single.split(sizes, dim=1))
    assert (blocks != blocks[:, :1]).any(1).float().mean() > 0.9


def test_pictures_of_one_hand_are_not_crossed_and_cost_nothing() -> None:
    x, truth = _batch([2, 2, 2])
    strangers = made_strangers(x, truth, np.random.default_rng(0))
    assert strangers.shape == (0, STYLE_FEATURES)
    assert certainty_loss(torch.empty(0, 3)).item() == 0
    x, truth = _batch([2, 2, 1])
    assert len(made_strangers(x, truth, np.random.default_rng(0))) == 4


def test_the_same_draw_makes_the_same_strangers() -> None:
    x, truth = _batch([0, 1, 2, 0])
    first, again, other = (made_strangers(x, truth, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_being_unsure_costs_least() -> None:
    assert certainty_loss(torch.zeros(5, 4)).item() == pytest.approx(math.log(4))
    assert certainty_loss(torch.tensor([[3.0, 0.0, 0.0, 0.0]])).item() > math.log(4) + 0.5
