"""How far a predicted picture's edges are from those of the picture."""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

_SIZES: Final = 3


def edge_loss(x_hat_B3SS: Tensor, x_B3SS: Tensor, t_B: Tensor) -> Tensor:
    """Mean difference between the steps from pixel to pixel of both pictures, at full, half and quarter size.

    Mathieu et al. 2016 (arXiv 1511.05440), section 3.2. A square of errors hardly sees a faint unevenness on what
    should be flat; whoever looks at the picture does. It counts by t: in pure noise no edge can be right.
    """
    error = x_hat_B3SS - x_B3SS
    total = error.new_zeros(len(t_B))
    for _ in range(_SIZES):
        total = total + sum(error.diff(dim=side).abs().mean((1, 2, 3)) for side in (2, 3))
        error = nn.functional.avg_pool2d(error, 2)
    return (t_B * total).mean()
