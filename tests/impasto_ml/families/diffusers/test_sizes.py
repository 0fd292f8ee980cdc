"""A size is allowed or answered with the nearest one that is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto_ml.families.diffusers import SizeNotAllowed
from impasto_ml.families.diffusers.sizes import Sizes

_SDXL = Sizes.of((1024, 1024), latent_px=8, patch=1, positions=None, pixels=4 << 20)
_SD3 = Sizes.of((1024, 1024), latent_px=8, patch=2, positions=192, pixels=4 << 20)


def test_the_default_is_taken_for_what_is_not_given() -> None:
    assert _SDXL.check(None, None) == (1024, 1024)
    assert _SDXL.check(640, None) == (640, 1024)


@pytest.mark.parametrize(
    ("sizes", "asked", "nearest", "reason"),
    [
        (_SDXL, (1023, 1024), (1024, 1024), "multiples of 8"),
        (_SDXL, (0, 512), (8, 512), "multiples of 8"),
        (_SDXL, (-8, 512), (8, 512), "multiples of 8"),
        (_SDXL, (4096, 2048), (2896, 1448), "4194304 px"),
        (_SD3, (1000, 1000), (1008, 1008), "multiples of 16"),
        (_SD3, (4096, 256), (3072, 256), "at most 3072 px"),
    ],
)
def test_what_is_refused_has_a_reason_and_a_neighbour(
    sizes: Sizes, asked: tuple[int, int], nearest: tuple[int, int], reason: str
) -> None:
    with pytest.raises(SizeNotAllowed, match=reason) as refused:
        sizes.check(*asked)
    assert refused.value.nearest == nearest


@given(width=st.integers(-10, 20_000), height=st.integers(-10, 20_000))
def test_the_nearest_size_is_always_allowed(width: int, height: int) -> None:
    for sizes in (_SDXL, _SD3):
        nearest = sizes.nearest((width, height))
        assert sizes.check(*nearest) == nearest
