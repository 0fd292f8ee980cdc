"""More styles: the old ones draw what they drew."""

from __future__ import annotations

import pytest
import torch

from impasto_ml.families.flowmini import FlowMini, FlowMiniConfig
from impasto_ml.training.extending import extended
from tests.impasto_ml.families.flowmini.networks import lively


def drawn(model: FlowMini, row: int) -> torch.Tensor:
    dice = torch.Generator().manual_seed(1)
    z, words = torch.randn(1, 3, 32, 32, generator=dice), torch.randn(1, 3, 384, generator=dice)
    style = torch.eye(len(model.config.styles) + 1)[row : row + 1]
    with torch.inference_mode():
        result: torch.Tensor = model(z, torch.tensor([0.4]), words, torch.ones(1, 3).bool(), style)
    return result


def test_old_styles_draw_what_they_drew() -> None:
    base = lively()
    more = extended(base, ("chalk", "ink", "pen"))
    assert more.config.styles == ("oil", "ink", "chalk", "pen")
    for row in range(3):
        torch.testing.assert_close(drawn(more, row), drawn(base, row), atol=1e-5, rtol=0)


def test_new_styles_begin_as_far_from_the_mean_as_the_old_are_and_apart_from_one_another() -> None:
    rows = extended(lively(), ("chalk", "pen")).styles.weight
    mean = rows[1:3].mean(0)
    away = [(row - mean).square().mean().sqrt() for row in rows[1:]]
    assert 0.5 < away[2] / away[0] < 2
    assert 0.5 < away[3] / away[0] < 2
    assert (rows[3] - rows[4]).square().mean().sqrt() > away[0]


def test_a_style_begins_at_the_same_place_whatever_is_learnt_beside_it() -> None:
    alone = extended(lively(), ("chalk",)).styles.weight[3]
    assert torch.equal(extended(lively(), ("pen", "chalk")).styles.weight[4], alone)


def test_the_first_styles_of_a_network_without_any_begin_apart() -> None:
    rows = extended(lively(styles=()), ("chalk", "pen")).styles.weight
    assert (rows[1] - rows[2]).abs().max() > 0.1
    assert (rows[1] - rows[0]).abs().max() > 0.1


def test_known_styles_alone_add_nothing() -> None:
    base = lively()
    more = extended(base, ("ink",))
    assert more.config == base.config
    assert more is not base


def test_the_base_is_left_as_it_was() -> None:
    base = lively()
    before = {name: value.clone() for name, value in base.state_dict().items()}
    more = extended(base, ("chalk",))
    with torch.no_grad():
        for value in more.parameters():
            value.zero_()
    assert all(torch.equal(value, before[name]) for name, value in base.state_dict().items())


def test_more_than_sixty_four_are_refused() -> None:
    base = FlowMini(FlowMiniConfig.of("tiny", tuple(f"hand {n}" for n in range(63))))
    assert len(extended(base, ("one",)).config.styles) == 64
    with pytest.raises(ValueError, match="at most 64"):
        extended(base, ("one", "two"))
