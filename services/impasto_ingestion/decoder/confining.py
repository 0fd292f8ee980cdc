"""Takes from the decoder's process what it does not need, before it sees a stranger's bytes."""

from __future__ import annotations

import os
import resource
from typing import Final

# 64 Mpx are 256 MiB in memory; at most four such pictures are alive at once while colours are converted.
MOST_MEMORY_BYTES: Final = 1536 << 20
MOST_WRITTEN_BYTES: Final = 384 << 20
MOST_CPU_S: Final = 20


def confine() -> None:
    """Limits memory, file sizes, open files and processes; no core dumps; the nicest priority."""
    for what, most in (
        (resource.RLIMIT_AS, MOST_MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, MOST_WRITTEN_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_NPROC, 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    # Decoding never takes the processor from those who answer requests.
    os.nice(10)


def allow_one_file() -> None:
    """Sets the processor time that one file may take from now on; beyond it the kernel ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + MOST_CPU_S
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
