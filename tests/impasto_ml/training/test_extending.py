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


def test_a_new_style_begins_as_the_mean_of_the_old() -> None:
    rows = extended(lively(), ("chalk",)).styles.weight
    torch.testing.assert_close(rows[3], rows[1:3].mean(0))


def test_the_first_style_of_a_network_without_any_begins_as_none() -> None:
    more = extended(lively(styles=()), ("chalk",))
    torch.testing.assert_close(drawn(more, 1), drawn(more, 0))


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
