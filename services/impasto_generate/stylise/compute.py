"""Draws in a runner: a photograph in a mix of built-in styles and artworks."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from typing import Any

from impasto.errors import JobFailed
from impasto_ml.analysis.pixels import shrink
from impasto_ml.styles.transfer import MIN_SIDE, StyleTransfer
from impasto_worker.computing import read_picture, threads
from impasto_worker.runner_child import Report


@cache
def _networks(folder: str) -> StyleTransfer:
    return StyleTransfer.load(Path(folder), threads())


def stylise(payload: dict[str, Any], report: Report) -> dict[str, Any]:
    """Writes the PNG to `out`; gives its `path`, `width`, `height` and `compute_seconds`.

    `picture` and the first of each pair in `artworks` are files; weights are relative to their common sum.

    Raises:
        JobFailed: a picture cannot be read or has a side under 16 px.
    """
    started = time.monotonic()
    report(0.05, "reading the picture")
    photo = shrink(read_picture(Path(payload["picture"])), payload["max_side_px"])
    if min(photo.size) < MIN_SIDE:
        raise JobFailed(
            "dimensions_invalid",
            f"{photo.width} x {photo.height} px are too few to draw on; each side needs {MIN_SIDE}",
            limit=MIN_SIDE,
        )
    networks = _networks(payload["weights"])
    report(0.2, "reading the style")
    codes = [networks.style_code(read_picture(Path(path), 256)) for path, _ in payload["artworks"]]
    report(0.3, "drawing")
    drawn = networks.stylise_mixed(
        photo,
        payload["builtin"],
        codes,
        [weight for _, weight in payload["artworks"]],
        payload["strength"],
        payload["colour"],
    )
    report(0.95, "writing")
    drawn.save(payload["out"], "PNG")
    return {
        "path": payload["out"],
        "width": drawn.width,
        "height": drawn.height,
        "compute_seconds": round(time.monotonic() - started, 3),
    }
