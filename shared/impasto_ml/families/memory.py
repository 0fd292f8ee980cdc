"""How much memory a device has, and giving back what a library keeps for later."""

from __future__ import annotations

import gc
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_CGROUP: Final = Path("/sys/fs/cgroup/memory.max")


def total_bytes(device: str) -> int:
    """Of the device `cpu`, `cuda`, `cuda:0` …; for the processor, what this process may have."""
    if device.startswith("cuda"):
        import torch  # the rest of this module needs none

        return int(torch.cuda.mem_get_info(torch.device(device))[1])
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # "max": no limit
        total = min(total, int(_CGROUP.read_text("ascii")))
    return total


def release(device: str) -> None:
    """Hands back what nobody refers to any more; the allocator of a GPU keeps it otherwise."""
    gc.collect()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()
