"""Whether every number of a weight file is finite, read in pieces of a few megabytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import WeightsCorrupt, WeightsNotFinite
from .headers import Header, TensorEntry, check_weight_file

# A file is read, not mapped: a mapped file that shrinks kills its reader.
_PIECE_BYTES = 8 << 20

# Per dtype: the unsigned type of its bits, and the exponent's bits, which are all set in NaN and infinity alone
# (IEEE 754; F8_E4M3 has no infinity, and NaN has its mantissa set as well).
_EXPONENT: Mapping[str, tuple[str, int]] = {
    "F64": ("<u8", 0x7FF0000000000000),
    "F32": ("<u4", 0x7F800000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F8_E5M2": ("<u1", 0x7C),
    "F8_E4M3": ("<u1", 0x7F),
}


def check_finite(path: Path, where: str = "", header: Header | None = None) -> None:
    """Reads all floating-point tensors once, with less than 32 MB of memory.

    `header` spares reading it again.

    Raises:
        WeightsNotFinite: names the first tensor with a NaN or an infinity.
        WeightsError: the file is not a whole safetensors file.
    """
    where = where or path.name
    header = header or check_weight_file(path, where)
    buffer = bytearray(_PIECE_BYTES)
    with path.open("rb", buffering=0) as file:
        for tensor in header.tensors:
            if tensor.dtype in _EXPONENT:
                _check_tensor(file, tensor, memoryview(buffer), where)


def _check_tensor(file: Any, tensor: TensorEntry, buffer: memoryview, where: str) -> None:
    kind, exponent = _EXPONENT[tensor.dtype]
    file.seek(tensor.start)
    left = tensor.size_bytes
    while left:
        wanted = min(left, len(buffer))
        _fill(file, buffer[:wanted], where)
        bits: NDArray[Any] = np.frombuffer(buffer[:wanted], dtype=kind)
        mask = bits.dtype.type(exponent)
        if ((bits & mask) == mask).any():
            raise WeightsNotFinite(f"{where}:{tensor.name[:80]}", "it holds a NaN or an infinite number")
        left -= wanted


def _fill(file: Any, view: memoryview, where: str) -> None:
    at = 0
    while at < len(view):
        count = file.readinto(view[at:])
        if not count:
            raise WeightsCorrupt(where, "the file became shorter while it was read")
        at += count
