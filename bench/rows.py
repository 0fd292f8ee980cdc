"""A benchmark's row, and where rows are kept."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

LATEST: Final = Path(__file__).parent / "results" / "latest.jsonl"


@dataclass(frozen=True, slots=True)
class Row:
    """`figure` and `peer_figure` are medians over `runs` alternating runs; `ratio` is the one over the other."""

    name: str
    figure: float
    unit: str
    peer: str
    peer_figure: float
    ratio: float
    target: float
    ok: bool
    runs: int
    machine: str = ""
    load: float = 0.0
    at: str = ""


def keep(row: Row) -> Row:
    """Adds a row to `results/latest.jsonl`, with the machine and the load it was measured under."""
    told = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 2),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    whole = Row(**{**asdict(row), **told})
    LATEST.parent.mkdir(exist_ok=True)
    with LATEST.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(whole)) + "\n")
    return whole
