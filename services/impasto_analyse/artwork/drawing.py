"""Draws the analysis sheet in a runner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from impasto.errors import JobFailed
from impasto_ml.analysis.artwork import ArtworkAnalysis
from impasto_ml.analysis.composition import Composition
from impasto_ml.analysis.gauges import Neighbour
from impasto_ml.analysis.palette import Palette
from impasto_ml.analysis.quality import Quality
from impasto_ml.analysis.safety import SafetyScore
from impasto_ml.analysis.sheet import draw_sheet
from impasto_worker.computing import read_picture
from impasto_worker.runner_child import Report

# The sheet shows the artwork 640 px wide; more pixels than twice that are not seen.
_SHOWN_PX: Final = 1280
_THUMBNAIL_PX: Final = 256
_PARTS: Final[dict[str, TypeAdapter[Any]]] = {
    "palette": TypeAdapter(Palette),
    "composition": TypeAdapter(Composition),
    "quality": TypeAdapter(Quality),
    "safety": TypeAdapter(SafetyScore),
}


def draw(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Writes the PNG to `out`; gives its `path` and `seconds`."""
    started = time.monotonic()
    report(0.75, "drawing the sheet")
    sheet = draw_sheet(
        read_picture(Path(payload["picture"]), _SHOWN_PX),
        _analysis(payload["analysis"]),
        list(_neighbours(payload["neighbours"])),
        _style(payload["style"]),
        list(payload["tags"]),
        title=payload["title"],
    )
    report(0.95, "writing")
    sheet.save(payload["out"], "PNG")
    return {"path": payload["out"], "seconds": time.monotonic() - started}


def _analysis(told: dict[str, Any]) -> ArtworkAnalysis:
    parts = {name: adapter.validate_python(told[name]) for name, adapter in _PARTS.items()}
    return ArtworkAnalysis(width=told["width"], height=told["height"], **parts)


def _neighbours(told: list[dict[str, Any]]) -> Iterator[Neighbour]:
    for near in told:
        try:
            picture = read_picture(Path(near["path"]), _THUMBNAIL_PX)
        except JobFailed:
            continue  # another work's damaged file is no fault of this one
        yield picture, near["caption"], near["similarity"]


def _style(told: dict[str, Any] | None) -> dict[str, float | bool] | None:
    if told is None:
        return None
    # The sheet reads "unknown" as the verdict; a hand of that very name is left to the data.
    chances = {name: p for name, p in told["confidence"].items() if name != "unknown"}
    return {**chances, "unknown": told["unknown"]}
