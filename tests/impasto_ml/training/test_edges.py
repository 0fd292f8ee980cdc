"""The loss of edges: it sees unevenness, and nothing else."""

from __future__ import annotations

import pytest
import torch

from impasto_ml.training.edges import edge_loss


def even(value: float = 0.0) -> torch.Tensor:
    return torch.full((1, 3, 16, 16), value)


def test_another_tone_everywhere_is_no_edge() -> None:
    assert edge_loss(even(0.7), even(-0.2), torch.ones(1)) == 0


def test_a_shade_that_runs_across_counts_by_how_much_it_climbs() -> None:
    across = torch.linspace(0, 1, 16).expand(1, 3, 16, 16)
    # A step of 1/15 at full size, of twice and four times that at half and quarter size, in one direction.
    assert edge_loss(across, even(), torch.ones(1)).item() == pytest.approx(7 / 15, rel=1e-4)
    assert edge_loss(2 * across, even(), torch.ones(1)).item() == pytest.approx(14 / 15, rel=1e-4)
    assert edge_loss(across, across, torch.ones(1)) == 0


def test_it_counts_by_the_time() -> None:
    dice = torch.Generator().manual_seed(0)
    uneven = torch.randn(2, 3, 16, 16, generator=dice)
    flat = torch.zeros_like(uneven)
    alone = [edge_loss(uneven[row : row + 1], flat[:1], torch.ones(1)) for row in range(2)]
    both = edge_loss(uneven, flat, torch.tensor([0.5, 0.25]))
    torch.testing.assert_close(both, (0.5 * alone[0] + 0.25 * alone[1]) / 2)
