"""What of a picture belongs to its one thing: outlines are filled, specks are left out."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

# What is less of the whole than this counts as specks; more, and there are several things.
_SPECKS: Final = 0.2


def silhouette(ink: Mask) -> Mask | None:
    """Everything that the ground, seen from the corners, does not reach; None where that is nothing or several things.

    Gaps of up to two pixels in an outline are closed first.
    """
    thick = _grown(ink)
    corners = np.zeros_like(ink)
    corners[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    ground = _reached(corners & ~thick, ~thick)
    # Thickening took one pixel of the ground; it is given back where the thing itself is not.
    filled = ~_grown(ground) | ink
    return _largest(filled)


def eroded(mask: Mask) -> Mask:
    """Without the pixels that touch others at a side."""
    return ~_grown(~mask)


def _largest(mask: Mask) -> Mask | None:
    left, best = mask.copy(), np.zeros_like(mask)
    total = int(mask.sum())
    while int(left.sum()) > best.sum():
        seed = np.zeros_like(mask)
        seed.flat[int(left.argmax())] = True
        part = _reached(seed, left)
        left &= ~part
        if part.sum() > best.sum():
            best = part
    return best if total and best.sum() >= (1 - _SPECKS) * total else None


def _reached(start: Mask, allowed: Mask) -> Mask:
    """What can be reached from `start` over sides within `allowed`."""
    reached = start
    while True:
        more = _grown(reached) & allowed
        if (more == reached).all():
            return more
        reached = more


def _grown(mask: Mask) -> Mask:
    """With its neighbours above, below, left and right."""
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    return grown
