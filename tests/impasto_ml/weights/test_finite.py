"""NaN and infinity are found in every precision and place; other numbers, and other types, pass."""

from __future__ import annotations

import math
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from impasto_ml.weights import WeightsNotFinite, check_finite

from .files import entry, write

_FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.float8_e5m2, torch.float8_e4m3fn)


# The last of them has no infinity.
@pytest.mark.parametrize(
    ("dtype", "value"),
    [(d, v) for d in _FLOATS for v in (math.nan, math.inf, -math.inf) if math.isnan(v) or d != _FLOATS[-1]],
)
def test_one_number_that_is_not_finite_is_found(tmp_path: Path, dtype: torch.dtype, value: float) -> None:
    path = tmp_path / "model.safetensors"
    good, bad = torch.ones(33).to(dtype), torch.ones(33)
    save_file({"fine": good}, path)
    check_finite(path)
    bad[32] = value
    save_file({"fine": good, "ill": bad.to(dtype)}, path)
    with pytest.raises(WeightsNotFinite) as refused:
        check_finite(path, "unet/x")
    assert refused.value.where == "unet/x:ill"


@pytest.mark.parametrize("dtype", _FLOATS)
def test_the_largest_and_smallest_numbers_are_finite(tmp_path: Path, dtype: torch.dtype) -> None:
    limits = torch.finfo(dtype)
    values = torch.tensor([limits.max, limits.min, limits.tiny, 0.0, -0.0], dtype=torch.float64).to(dtype)
    save_file({"a": values}, tmp_path / "model.safetensors")
    check_finite(tmp_path / "model.safetensors")


def test_whole_numbers_may_have_any_bits(tmp_path: Path) -> None:
    save_file({"a": torch.full((5,), -1, dtype=torch.int32)}, tmp_path / "model.safetensors")
    check_finite(tmp_path / "model.safetensors")


@pytest.mark.parametrize("place", [0, (8 << 20) // 4 - 1, (8 << 20) // 4, 5_000_000 - 1])
def test_it_is_found_at_the_edges_of_the_pieces_in_bounded_memory(tmp_path: Path, place: int) -> None:
    numbers = np.zeros(5_000_000, np.float32)
    numbers[place] = np.nan
    # An odd start: nothing says that tensors are aligned.
    header = {"a": entry(0, 1), "b": entry(1, 20_000_001, "F32", [5_000_000])}
    path = write(tmp_path / "model.safetensors", header, b"x" + numbers.tobytes())
    tracemalloc.start()
    try:
        with pytest.raises(WeightsNotFinite):
            check_finite(path)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_a_lone_bit_pattern_of_infinity_is_enough(tmp_path: Path) -> None:
    path = write(tmp_path / "m.safetensors", {"a": entry(0, 4, "F32", [1])}, struct.pack("<f", math.inf))
    with pytest.raises(WeightsNotFinite):
        check_finite(path)
