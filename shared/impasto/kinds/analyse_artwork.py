"""`analyse.artwork`: palette, composition, style, quality, tags, safety and nearest works, as data and as a picture."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from impasto.artifacts import ArtifactRef
from impasto.identifiers import CheckpointId, PictureId
from impasto.kinds.kind import Kind, Params, Result


class AnalyseArtwork(Params):
    """Analyse a picture."""

    picture: PictureId = Field(description="An artwork's id or an artifact's `sha256:<digest>`.")
    checkpoint: CheckpointId | None = Field(None, description="A measured style classifier; none: no style is named.")
    neighbours: int = Field(5, ge=0, le=20, description="How many nearest works of the tenant to find.")
    allow_unmeasured: bool = Field(False, description="Use a checkpoint that has no finished evaluation.")


class StyleVerdict(Result):
    """Which hand it is in, with calibrated confidence; `unknown` when it is like none of them."""

    label: str
    unknown: bool
    unknown_score: float
    confidence: dict[str, float]


class Neighbour(Result):
    """A near work of the tenant and its cosine similarity."""

    artwork: str
    caption: str
    artist: str
    similarity: float


class AnalysedArtwork(Result):
    """All that was found. `sheet` is the same as a picture (PNG)."""

    palette: dict[str, Any]
    composition: dict[str, Any]
    quality: dict[str, Any]
    style: StyleVerdict | None
    tags: dict[str, float]
    nsfw: float
    neighbours: list[Neighbour]
    sheet: ArtifactRef
    compute_seconds: float


KIND = Kind(
    name="analyse.artwork",
    params=AnalyseArtwork,
    result=AnalysedArtwork,
    queue="analyse",
    shape="pool",
    run_limit_s=600,
    summary="Analyse a picture: palette, composition, style, quality, nearest works.",
)
