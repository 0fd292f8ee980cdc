"""Reads a `torch.save` file of tensors into numpy arrays without running anything that the file asks for.

A pickle is a program. This reader answers to a closed list of names: tensors, their storages and OrderedDict. It is
used once, when a pinned package's weights are converted to safetensors; nothing in Impasto unpickles afterwards.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

# torch/serialization.py, _legacy_load: the first pickle of the file is this number, the second the protocol.
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGE_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ByteStorage": "u1",
}


class UnsafePickle(ValueError):
    """The file asks for a name outside the allow-list, or is not laid out as the reader expects."""


@dataclass(frozen=True)
class _StorageType:
    dtype: str


class _Storage:
    """A flat run of numbers that is named in the pickle and filled from the bytes that follow it."""

    def __init__(self, dtype: str, size: int) -> None:
        self.dtype = np.dtype(dtype)
        self.size = size
        self.values: NDArray[Any] | None = None


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        """Copies the view out. The bounds are checked first: as_strided would read past the end of the storage."""
        values = self.storage.values
        if values is None:
            raise UnsafePickle("a tensor names a storage whose bytes are missing")
        if any(n < 0 for n in (self.offset, *self.shape, *self.strides)) or len(self.shape) != len(self.strides):
            raise UnsafePickle("a tensor has a negative or inconsistent shape")
        empty = 0 in self.shape
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if not empty and last >= values.size:
            raise UnsafePickle("a tensor reaches beyond its storage")
        strides = tuple(s * values.itemsize for s in self.strides)
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides).copy()


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise UnsafePickle("a tensor is built on something that is not a storage")
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


_ALLOWED: dict[tuple[str, str], Callable[..., Any] | _StorageType] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    **{("torch", name): _StorageType(dtype) for name, dtype in _STORAGE_DTYPES.items()},
}


class _TensorUnpickler(pickle.Unpickler):  # the allow-list below is the point of this class
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        allowed = _ALLOWED.get((module, name))
        if allowed is None:
            raise UnsafePickle(f"{module}.{name} is not on the list of names a weight file may use")
        return allowed

    def persistent_load(self, pid: Any) -> _Storage:
        match pid:
            case ("storage", _StorageType(dtype), str(key), _, int(size), None) if size >= 0:
                return self.storages.setdefault(key, _Storage(dtype, size))
        raise UnsafePickle("a persistent id is not a plain storage")


def _load_plain(file: BinaryIO) -> Any:
    return _TensorUnpickler(file).load()


def _fill(file: BinaryIO, keys: list[Any], storages: dict[str, _Storage]) -> None:
    for key in keys:
        storage = storages.get(key)
        size = int.from_bytes(file.read(8), "little")
        if storage is None or size != storage.size:
            raise UnsafePickle(f"storage {key!r} does not match its description")
        raw = file.read(size * storage.dtype.itemsize)
        if len(raw) != size * storage.dtype.itemsize:
            raise UnsafePickle("the file is cut short")
        storage.values = np.frombuffer(raw, dtype=storage.dtype)


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The state dict in `path`, a file of torch's format before 1.6 (not the zip one), as arrays by name.

    Raises UnsafePickle for any name outside the allow-list and for a file that is not laid out like that.
    """
    file = io.BytesIO(path.read_bytes())
    try:
        header = _load_plain(file), _load_plain(file)
        if header != (_MAGIC, _PROTOCOL):
            raise UnsafePickle("not a torch file of the legacy layout")
        _load_plain(file)  # byte order and type sizes of the machine that wrote it
        reader = _TensorUnpickler(file)
        state = reader.load()
        keys = _load_plain(file)
    except (pickle.UnpicklingError, EOFError, IndexError, KeyError, AttributeError, TypeError) as error:
        # What a damaged or hostile stream makes the unpickler stumble over.
        raise UnsafePickle(f"not a readable weight file: {error}") from error
    if not isinstance(state, dict) or not isinstance(keys, list):
        raise UnsafePickle("not a dictionary of tensors")
    _fill(file, keys, reader.storages)
    if not all(isinstance(k, str) and isinstance(v, _Tensor) for k, v in state.items()):
        raise UnsafePickle("not a dictionary of tensors")
    return {name: tensor.array() for name, tensor in state.items()}
