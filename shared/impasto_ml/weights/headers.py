"""The header of a safetensors file, checked in full before any library opens the file.

Format: eight bytes (little-endian length), a JSON object of that length, the tensors' bytes without gaps
(https://github.com/huggingface/safetensors#format). Limits are narrower than the format's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from .content import disguise
from .errors import WeightsCorrupt, WeightsTooLarge, WeightsUnsafe

MAX_HEADER_BYTES = 16 << 20
MAX_TENSORS = 20_000
_MAX_DIMENSIONS = 8
_MAX_NAME = 512
# Parsing makes objects of some 100 bytes for two bytes of text: commas are counted before anything is parsed.
_MAX_COMMAS = 20 * MAX_TENSORS

DTYPE_BITS: Mapping[str, int] = {
    "F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "I8": 8, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor: `start` and `end` are offsets in the file, in bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Header:
    """What a weight file says about itself; the entries are in the order of their bytes."""

    tensors: tuple[TensorEntry, ...]
    metadata: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {tensor.name: tensor.shape for tensor in self.tensors}


def check_weight_file(path: Path, where: str = "") -> Header:
    """The header of a whole and honest safetensors file.

    `where` is what errors call the file; its name unless given.

    Raises:
        WeightsUnsafe: it is a pickle or an archive under another name.
        WeightsTooLarge: header over 16 MB, or more than 20,000 tensors.
        WeightsCorrupt: anything else that is not as the format says.
    """
    where = where or path.name
    if hidden := disguise(path):
        raise WeightsUnsafe(where, f"it is {hidden}, not safetensors")
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(8)
        length = int.from_bytes(first, "little")
        if len(first) < 8:
            raise WeightsCorrupt(where, "it is shorter than eight bytes")
        if length > size - 8:
            raise WeightsCorrupt(where, "the header is longer than the file")
        if length > MAX_HEADER_BYTES:
            raise WeightsTooLarge(where, f"the header has {length} bytes, more than {MAX_HEADER_BYTES}")
        raw = file.read(length)
    described = _parse(raw, where)
    metadata = _metadata(described.pop("__metadata__", {}), where)
    if len(described) > MAX_TENSORS:
        raise WeightsTooLarge(where, f"{len(described)} tensors, more than {MAX_TENSORS}")
    entries = sorted(_entries(described, 8 + length, where), key=lambda e: (e.start, e.end))
    _check_packed(entries, 8 + length, size, where)
    return Header(tuple(entries), metadata)


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _parse(raw: bytes, where: str) -> dict[str, Any]:
    if raw.count(b",") > _MAX_COMMAS:
        raise WeightsTooLarge(where, f"the header describes more than {MAX_TENSORS} tensors")
    if not raw.startswith(b"{"):
        raise WeightsCorrupt(where, "the header is not a JSON object")
    try:
        described: dict[str, Any] = json.loads(raw.decode("utf-8"), object_pairs_hook=unique_names)
    except (ValueError, RecursionError) as error:
        # The parser's own message may quote the file.
        reason = "a name occurs twice" if "occurs twice" in str(error) else "not well-formed JSON"
        raise WeightsCorrupt(where, f"the header is broken: {reason}") from None
    return described


def _metadata(found: Any, where: str) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise WeightsCorrupt(where, "its metadata are not texts by name")
    return found


def _natural(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


def _entries(described: Mapping[str, Any], base: int, where: str) -> Iterator[TensorEntry]:
    for name, entry in described.items():
        place = f"{where}:{name[:80]}"
        match entry:
            case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [start, end]} if len(entry) == 3:
                pass
            case _:
                raise WeightsCorrupt(place, "not described by dtype, shape and data_offsets")
        if dtype not in DTYPE_BITS:
            raise WeightsCorrupt(place, f"its dtype is not one of {', '.join(DTYPE_BITS)}")
        if len(name) > _MAX_NAME or len(shape) > _MAX_DIMENSIONS or not all(map(_natural, [*shape, start, end])):
            raise WeightsCorrupt(place, "its name, shape or offsets are out of range")
        if end - start != prod(shape) * DTYPE_BITS[dtype] // 8:
            raise WeightsCorrupt(place, "its shape and dtype do not fill its range of bytes")
        yield TensorEntry(name, dtype, tuple(shape), base + start, base + end)


def _check_packed(entries: list[TensorEntry], begin: int, size: int, where: str) -> None:
    at = begin
    for entry in entries:
        place = f"{where}:{entry.name[:80]}"
        if entry.end > size:
            raise WeightsCorrupt(place, "its bytes lie past the end of the file")
        if entry.start < at:
            raise WeightsCorrupt(place, "its bytes overlap those of another tensor")
        if entry.start > at:
            raise WeightsCorrupt(place, "there is a hole before its bytes")
        at = entry.end
    if at != size:
        raise WeightsCorrupt(where, f"{size - at} bytes follow the last tensor")
