"""Enlarges in a runner, tile by tile, and tells after each."""

from __future__ import annotations

import math
import time
from functools import cache
from pathlib import Path
from typing import Any, Final

from impasto.errors import JobFailed
from impasto_ml.upscaling.upscaler import Model, Upscaler
from impasto_worker.computing import read_picture, threads
from impasto_worker.runner_child import Report

# The result is held whole: 64 Mpx are 192 MB, and a PNG that every viewer still opens.
MOST_PIXELS: Final = 64_000_000


@cache
def _upscaler(folder: str, model: Model) -> Upscaler:
    return Upscaler.load(Path(folder), model, threads())


def upscale(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Writes the PNG to `out`; gives its `path`, `width`, `height` and `compute_seconds`.

    Raises:
        JobFailed: the picture cannot be read, or would have more than 64 million pixels.
    """
    started = time.monotonic()
    report(0.0, "reading the picture")
    picture = read_picture(Path(payload["picture"]))
    _check_size(picture.size, payload["factor"])
    upscaler = _upscaler(payload["weights"], payload["model"])

    def told(done: int, total: int) -> None:
        report(0.95 * done / total, f"tile {done} of {total}", step=done, steps=total)

    larger = upscaler.upscale(picture, payload["factor"], told)
    report(0.97, "writing")
    larger.save(payload["out"], "PNG")
    return {
        "path": payload["out"],
        "width": larger.width,
        "height": larger.height,
        "compute_seconds": round(time.monotonic() - started, 3),
    }


def _check_size(size: tuple[int, int], factor: int) -> None:
    width, height = size
    pixels = width * height * factor**2
    if pixels <= MOST_PIXELS:
        return
    scale = math.sqrt(MOST_PIXELS / pixels)
    largest = [int(width * scale), int(height * scale)]
    raise JobFailed(
        "dimensions_invalid",
        f"{width} x {height} px enlarged by {factor} are {pixels / 1e6:.0f} megapixels; "
        f"in these proportions at most {largest[0]} x {largest[1]} px can be enlarged by {factor}",
        hint="scale the picture down, or use a smaller factor",
        limit=largest,
        actual=[width, height],
    )
