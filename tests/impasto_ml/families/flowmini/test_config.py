"""Sizes of flowmini: what there is, and what no network can be made of."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch

from impasto_ml.families.flowmini import FLAVORS, FlowMini, FlowMiniConfig
from impasto_ml.families.flowmini.config import MAX_STYLES

# As the family's README says.
PARAMETERS = {"tiny": 269_739, "small-32": 6_456_827, "small-64": 6_532_955}


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_flavor_has_the_parameters_that_the_readme_tells(flavor: str) -> None:
    with torch.device("meta"):
        model = FlowMini(FlowMiniConfig.of(flavor, ()))
    assert sum(value.numel() for value in model.parameters()) == PARAMETERS[flavor]


@pytest.mark.parametrize("flavor", FLAVORS)
def test_a_flavor_draws_pictures_of_its_size(flavor: str) -> None:
    config = FlowMiniConfig.of(flavor, ("oil",))
    side = config.size_px
    with torch.inference_mode():
        drawn = FlowMini(config)(
            torch.zeros(1, 3, side, side),
            torch.zeros(1),
            torch.zeros(1, 2, 384),
            torch.ones(1, 2).bool(),
            torch.eye(2)[:1],
        )
    assert drawn.shape == (1, 3, side, side)


def test_a_flavor_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="tiny, small-32, small-64"):
        FlowMiniConfig.of("huge", ())


def test_sixty_four_styles_fit_and_no_more() -> None:
    styles = tuple(f"hand {number}" for number in range(MAX_STYLES))
    assert FlowMiniConfig.of("tiny", styles).styles == styles
    with pytest.raises(ValueError, match="at most 64"):
        FlowMiniConfig.of("tiny", (*styles, "one more"))


def test_two_styles_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="different names"):
        FlowMiniConfig.of("tiny", ("oil", "oil"))


@pytest.mark.parametrize(
    "change",
    [
        {"size_px": 0},
        {"size_px": 33},
        {"size_px": 1 << 20},
        {"size_px": 32.0},
        {"patch": 0},
        {"patch": -4},
        {"blocks": 0},
        {"blocks": 1_000_000},
        {"widths": (16, 32)},
        {"widths": (16, 32, 1 << 30)},
        {"widths": (10, 32, 48)},
        {"widths": (16, 32, True)},
        {"styles": (1, 2)},
    ],
)
def test_sizes_that_no_network_has_are_refused_before_any_memory_is_taken(change: dict[str, object]) -> None:
    config = FlowMiniConfig.of("tiny", ())
    with pytest.raises(ValueError, match=r"."):
        replace(config, **change)  # type: ignore[arg-type]
    assert FlowMiniConfig(**asdict(config)) == config
