"""Memory of a device, as it is told to operators."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from impasto.testing.processes import eventually
from impasto_ml.families import memory as families_memory
from impasto_worker import memory
from impasto_worker.memory import DeviceMemory, Memory


def test_on_the_cpu_it_is_this_process_and_its_children() -> None:
    alone = DeviceMemory("cpu").now()
    assert alone.used_bytes is not None
    assert alone.total_bytes is not None
    assert psutil.Process().memory_info().rss * 0.5 < alone.used_bytes < alone.total_bytes
    hold = "x = bytearray(200_000_000); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with_child = DeviceMemory("cpu").now()
        child.kill()
    assert with_child.used_bytes is not None
    assert with_child.used_bytes > alone.used_bytes + 150_000_000


def test_it_is_measured_at_most_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = DeviceMemory("cpu")
    assert measured.now() is measured.now()
    monkeypatch.setattr(memory, "_FRESH_S", 0.0)
    first = measured.now()
    assert eventually(lambda: measured.now() is not first, "it is measured anew")


def test_a_containers_limit_is_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(families_memory, "_CGROUP", limit)
    limit.write_text("123456789\n")
    assert DeviceMemory("cpu").now().total_bytes == 123456789
    limit.write_text("max\n")
    assert DeviceMemory("cpu").now().total_bytes == psutil.virtual_memory().total


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_a_device_that_cannot_be_asked_says_nothing(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", _no_library)
    assert DeviceMemory(device).now() == Memory(None, None)


def _no_library(name: str) -> None:
    raise OSError(name)


class _Driver:
    """The calls of NVML that are used, as its manual describes them, on a machine with two devices."""

    def __init__(self, name: str) -> None:
        assert name == "libnvidia-ml.so.1"

    def nvmlInit_v2(self) -> int:
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:
        handle._obj.value = 100 + index.value
        return 0 if index.value < 2 else 2

    def nvmlDeviceGetHandleByUUID(self, name: Any, handle: Any) -> int:
        handle._obj.value = 100 + [b"GPU-a", b"GPU-b"].index(name.value)
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: Any, found: Any) -> int:
        found._obj.total, found._obj.used = 80_000, handle.value
        return 0


@pytest.mark.parametrize(
    ("device", "visible", "used"),
    [
        ("cuda:0", None, 100),
        ("cuda:1", None, 101),
        ("cuda:0", "1", 101),
        ("cuda:1", "1,0", 100),
        ("cuda:0", "GPU-b", 101),
        ("cuda:5", None, None),
    ],
)
def test_the_driver_is_asked_for_the_device_that_is_visible(
    device: str, visible: str | None, used: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", _Driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert DeviceMemory(device).now() == Memory(used, used and 80_000)
