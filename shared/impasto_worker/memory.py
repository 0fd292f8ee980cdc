"""Memory of a worker's device, without torch: the driver's library for CUDA, the kernel's counts for the CPU."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil

from impasto_ml.families.memory import total_bytes

_FRESH_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes in use and in all; None where nobody can tell."""

    used_bytes: int | None
    total_bytes: int | None


class DeviceMemory:
    """Measures at most every five seconds: it is asked with every renewal of the leases.

    On the CPU `used_bytes` is what this worker and its runners hold; on CUDA it is the whole device's.
    """

    def __init__(self, device: str) -> None:
        self._measure = _cuda(int(device.partition(":")[2] or 0)) if device.startswith("cuda") else _host
        self._last, self._at = Memory(None, None), -1e9

    def now(self) -> Memory:
        """As it is, or was a moment ago."""
        if time.monotonic() - self._at >= _FRESH_S:
            self._last, self._at = self._measure(), time.monotonic()
        return self._last


def _host() -> Memory:
    own, used = psutil.Process(), 0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):  # it ended meanwhile
            used += process.memory_info().rss
    return Memory(used, total_bytes("cpu"))


class _NvmlMemory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def _cuda(index: int) -> Callable[[], Memory]:
    """Asks NVML, which is part of the driver; where it is missing or refuses, nothing is known."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return lambda: Memory(None, None)
    handle = ctypes.c_void_p()
    if nvml.nvmlInit_v2() or _handle_of(nvml, index, ctypes.byref(handle)):
        return lambda: Memory(None, None)

    def measure() -> Memory:
        found = _NvmlMemory()
        if nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(found)):
            return Memory(None, None)
        return Memory(int(found.used), int(found.total))

    return measure


def _handle_of(nvml: ctypes.CDLL, index: int, handle: object) -> int:
    """CUDA numbers only the devices that are visible, NVML all: the variable names the one that is meant."""
    visible = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    name = visible[index] if index < len(visible) else str(index)
    if name.isdigit():
        return int(nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(int(name)), handle))
    return int(nvml.nvmlDeviceGetHandleByUUID(ctypes.c_char_p(name.encode()), handle))
