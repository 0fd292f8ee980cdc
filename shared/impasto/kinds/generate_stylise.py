"""`generate.stylise`: a picture redrawn in built-in styles, in the manner of artworks, or a mix of both."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from impasto.artifacts import ArtifactRef
from impasto.identifiers import PictureId, StyleId
from impasto.kinds.kind import Kind, Params, Result
from impasto.styles import Mix


class Stylise(Params):
    """Redraw a picture; give `mix` or a kept `style`."""

    picture: PictureId = Field(description="An artwork's id or an artifact's `sha256:<digest>`.")
    mix: Mix | None = Field(None, examples=[{"builtin": {"woodcut-sand": 1.0}}])
    style: StyleId | None = None
    strength: float = Field(1.0, ge=0, le=1)
    colour: Literal["style", "photo"] = Field("style", description="Whose colours the outcome has.")
    max_side_px: int = Field(1024, ge=64, le=4096, description="Larger pictures are scaled down first.")

    @model_validator(mode="after")
    def _one_source(self) -> Stylise:
        if (self.mix is None) == (self.style is None):
            raise ValueError("give exactly one of mix and style")
        return self


class Stylised(Result):
    """The new picture (PNG)."""

    artifact: ArtifactRef
    width: int
    height: int
    compute_seconds: float


KIND = Kind(
    name="generate.stylise",
    params=Stylise,
    result=Stylised,
    queue="generate",
    shape="pool",
    run_limit_s=600,
    summary="Redraw a picture in a style.",
)
