"""The room on the disk that a process writes to, for Prometheus."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Final

from prometheus_client import Gauge

FREE: Final = Gauge("impasto_disk_free_bytes", "Room that is left on the disk of the data folder")
SIZE: Final = Gauge("impasto_disk_bytes", "Size of the disk of the data folder")


def watch_disk(folder: Path) -> None:
    """From now on each scrape tells of the disk on which this folder is, or will be."""
    FREE.set_function(lambda: _room(folder)[0])
    SIZE.set_function(lambda: _room(folder)[1])


def _room(folder: Path) -> tuple[float, float]:
    """Bytes that are free and in all; no numbers where the disk does not answer, which must not end the scrape."""
    here = next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)
    try:
        found = shutil.disk_usage(here)
    except OSError:
        return math.nan, math.nan
    return found.free, found.total
