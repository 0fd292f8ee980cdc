"""A safetensors header is believed only if it is whole, unambiguous and fills the file exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from impasto_ml.weights import Header, WeightsCorrupt, WeightsError, WeightsTooLarge, WeightsUnsafe, check_weight_file

from .files import entry, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def test_what_the_library_writes_is_accepted_with_every_tensor_in_its_place(path: Path) -> None:
    tensors = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.zeros((0, 4), np.float16),
        "c": np.array(7, np.int64),
        "d": np.ones(3, np.bool_),
    }
    save_file(tensors, path, {"made": "here"})
    header = check_weight_file(path)
    assert header.metadata == {"made": "here"}
    assert header.shapes == {name: array.shape for name, array in tensors.items()}
    raw = path.read_bytes()
    for tensor in header.tensors:
        assert raw[tensor.start : tensor.end] == tensors[tensor.name].tobytes()


def test_a_file_without_tensors_is_whole(path: Path) -> None:
    assert check_weight_file(write(path, {})).tensors == ()


@pytest.mark.parametrize(
    ("header", "data", "reason"),
    [
        ({"a": entry(0, 8), "b": entry(4, 12)}, bytes(12), "overlap"),
        ({"a": entry(0, 8), "b": entry(0, 8)}, bytes(8), "overlap"),
        ({"a": entry(4, 8)}, bytes(8), "hole"),
        ({"a": entry(0, 4), "b": entry(8, 12)}, bytes(12), "hole"),
        ({"a": entry(0, 16)}, bytes(8), "past the end"),
        ({"a": entry(0, 4)}, bytes(8), "follow the last"),
        ({}, bytes(1), "follow the last"),
        ({"a": entry(0, 8, "F32", [3])}, bytes(8), "do not fill"),
        ({"a": entry(0, 8, "F32", [1 << 40, 1 << 40])}, bytes(8), "do not fill"),
        ({"a": entry(8, 0, "U8", [0])}, bytes(8), "do not fill"),
        ({"a": entry(0, 8, "F32", [-1, -2])}, bytes(8), "out of range"),
        ({"a": entry(0, 8, "U8", [8.0])}, bytes(8), "out of range"),
        ({"a": entry(0, 1, "U8", [True])}, bytes(1), "out of range"),
        ({"a": entry(0, 8, "U8", [1 << 70])}, bytes(8), "out of range"),
        ({"a": entry(0, 1, "U8", [1] * 9)}, bytes(1), "out of range"),
        ({"a" * 600: entry(0, 1)}, bytes(1), "out of range"),
        ({"a": entry(0, 8, "O64")}, bytes(8), "dtype"),
        ({"a": entry(0, 8) | {"more": 1}}, bytes(8), "not described"),
        ({"a": {"dtype": "U8", "shape": [8]}}, bytes(8), "not described"),
        ({"a": [1, 2]}, b"", "not described"),
        ({"__metadata__": {"a": 1}}, b"", "metadata"),
        ({"__metadata__": "a"}, b"", "metadata"),
        ("[1]", b"", "not a JSON object"),
        (' {"a": 1}', b"", "not a JSON object"),
        ('{"a": ', b"", "not well-formed"),
        (b'{"\xff": 1}', b"", "not well-formed"),
        ('{"a": ' + "9" * 5000 + "}", b"", "not well-formed"),
        ('{"a":' + "[" * 50_000 + "]" * 50_000 + "}", b"", "not well-formed"),
        ('{"a": {}, "a": {}}', b"", "twice"),
        ('{"a": {"dtype": "U8", "dtype": "F64", "shape": [8], "data_offsets": [0, 8]}}', bytes(8), "twice"),
        ('{"__metadata__": {"a": "1", "a": "2"}}', b"", "twice"),
    ],
)
def test_a_file_that_contradicts_itself_is_corrupt(path: Path, header: Any, data: bytes, reason: str) -> None:
    with pytest.raises(WeightsCorrupt, match=reason):
        check_weight_file(write(path, header, data))


@pytest.mark.parametrize("content", [b"", b"1234567", b"\x09\0\0\0\0\0\0\0{}", b"\xff" * 64])
def test_a_file_too_short_for_its_header_is_corrupt(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(WeightsCorrupt):
        check_weight_file(path)


@pytest.mark.parametrize(
    "header",
    [
        b"{" + b" " * (16 << 20) + b"}",
        json.dumps({f"t{n}": entry(0, 0) for n in range(20_001)}),
        "{" + ",".join(f'"{n}":0' for n in range(450_000)) + "}",
    ],
)
def test_too_much_of_a_header_is_too_large(path: Path, header: Any) -> None:
    with pytest.raises(WeightsTooLarge):
        check_weight_file(write(path, header))


def test_the_most_tensors_allowed_are_allowed(path: Path) -> None:
    header = {f"t{n}": entry(4 * n, 4 * n + 4, "F32", [1]) for n in range(20_000)}
    assert len(check_weight_file(write(path, header, bytes(80_000))).tensors) == 20_000


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07builtin.", "pickle"),
        (b"cos\nsystem\n(S'true'\ntR.", "pickle"),
        (b"PK\x03\x04" + bytes(40), "zip"),
        (b"\x1f\x8b\x08" + bytes(40), "gzip"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5"),
        (b"GGUF" + bytes(40), "GGUF"),
        (b"x" * 257 + b"ustar" + bytes(40), "tar"),
        (b"#!/bin/sh\n", "script"),
    ],
)
def test_another_format_under_this_name_is_unsafe_and_named(path: Path, content: bytes, kind: str) -> None:
    path.write_bytes(content)
    with pytest.raises(WeightsUnsafe, match=kind):
        check_weight_file(path)


@pytest.mark.parametrize("length", [0x280, 0x480, 0x4D5A, 0x5A4D, 0x2123, 0x8B1F, 0x6328])
def test_a_length_that_begins_like_another_format_is_still_a_length(path: Path, length: int) -> None:
    header = json.dumps({"a": entry(0, 4)}).ljust(length)
    assert check_weight_file(write(path, header, bytes(4))).shapes == {"a": (4,)}


def test_errors_name_the_place_and_quote_nothing_else(path: Path) -> None:
    with pytest.raises(WeightsError) as refused:
        check_weight_file(write(path, {"layer.weight": entry(0, 8, "secret")}), "unet/model.safetensors")
    assert refused.value.where == "unet/model.safetensors:layer.weight"
    assert "secret" not in str(refused.value)


_GOOD = {"a": entry(0, 8, "F32", [2]), "b": entry(8, 12, "F16", [2]), "__metadata__": {"format": "pt"}}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.integers(0, 40),
)
def test_whatever_is_damaged_it_is_refused_by_name_or_read_alike(
    path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    raw = bytearray(write(path, _GOOD, bytes(range(12))).read_bytes())
    for place, value in changes:
        raw[place % len(raw)] = value
    path.write_bytes(raw[: len(raw) - cut])
    code, header = _judged(path)
    assert code in {None, "model_corrupt", "model_format_unsafe", "model_too_large"}
    # What is accepted means the same to the library that reads it.
    if header and not any(t.dtype in ("BF16", "F8_E4M3", "F8_E5M2") for t in header.tensors):
        assert {name: array.shape for name, array in load_file(path).items()} == header.shapes


def _judged(path: Path) -> tuple[str | None, Header | None]:
    try:
        return None, check_weight_file(path)
    except WeightsError as refused:
        return refused.code, None
