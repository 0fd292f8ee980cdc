"""`generate.upscale`: a larger picture with detail drawn in (Real-ESRGAN)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from impasto.artifacts import ArtifactRef
from impasto.identifiers import PictureId
from impasto.kinds.kind import Kind, Params, Result


class Upscale(Params):
    """Enlarge a picture."""

    picture: PictureId = Field(description="An artwork's id or an artifact's `sha256:<digest>`.")
    factor: Literal[2, 4] = 4
    model: Literal["photo", "illustration", "fast"] = "fast"


class Upscaled(Result):
    """The larger picture (PNG)."""

    artifact: ArtifactRef
    width: int
    height: int
    compute_seconds: float


KIND = Kind(
    name="generate.upscale",
    params=Upscale,
    result=Upscaled,
    queue="generate",
    shape="pool",
    run_limit_s=3600,
    no_progress_s=1200,
    summary="Enlarge a picture by two or four.",
)
