"""`generate.text_to_image`: pictures drawn from words, a grid over prompts, styles and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from impasto.artifacts import ArtifactRef
from impasto.checkpoints import AnyCheckpoint
from impasto.identifiers import CheckpointId, PictureId
from impasto.kinds.kind import Kind, Params, Result
from impasto.kinds.prompts import Prompt

MOST_PICTURES: Final = 256

StyleName = Annotated[str, Field(min_length=1, max_length=200)]
Seed = Annotated[int, Field(ge=0, lt=2**53)]


class AppliedAdapter(Params):
    """LoRA weights laid over the checkpoint."""

    checkpoint: CheckpointId = Field(description="An adapter that was imported for this checkpoint.")
    weight: float = Field(1.0, ge=-2, le=2)


class GenerateTextToImage(Params):
    """Draw from words. Every prompt is drawn in every style with every seed."""

    checkpoint: AnyCheckpoint = Field("starter", description="`starter`, or a checkpoint that draws from words.")
    prompts: list[Prompt] = Field(min_length=1, max_length=64)
    styles: list[StyleName] = Field(
        [], max_length=16, description="Names of the checkpoint's styles; none: as the words say."
    )
    seeds: list[Seed] = Field([0], min_length=1, max_length=64)
    steps: int = Field(10, ge=1, le=200)
    guidance: float = Field(2.5, ge=0, le=30)
    style_guidance: float = Field(5.0, ge=0, le=30, description="How much of a style that is asked for by name.")
    negative_prompt: Annotated[str, Field(max_length=1000)] = Field("", description="For families that take one.")
    width: int | None = Field(None, ge=16, le=4096, description="None: the checkpoint's own.")
    height: int | None = Field(None, ge=16, le=4096, description="None: the checkpoint's own.")
    picture: PictureId | None = Field(None, description="Drawing starts from this picture instead of from noise.")
    strength: float = Field(0.7, gt=0, le=1, description="How much of `picture` is drawn anew.")
    adapters: list[AppliedAdapter] = Field([], max_length=4)
    grid: bool = Field(True, description="Also put all pictures on one sheet.")
    allow_unmeasured: bool = Field(False, description="Use a checkpoint or adapters that have no finished evaluation.")

    @model_validator(mode="after")
    def _not_too_many(self) -> GenerateTextToImage:
        count = len(self.prompts) * max(1, len(self.styles)) * len(self.seeds)
        if count > MOST_PICTURES:
            raise ValueError(f"prompts, styles and seeds make {count} pictures; a job draws at most {MOST_PICTURES}")
        return self


class DrawnPicture(Result):
    """One picture (PNG); `prompt` counts from 0."""

    artifact: ArtifactRef
    prompt: int
    style: str | None
    seed: int
    width: int
    height: int


class GeneratedTextToImage(Result):
    """The pictures, by prompt, then seed, then style."""

    pictures: list[DrawnPicture]
    grid: ArtifactRef | None = Field(None, description="A row for each prompt and seed, a column for each style.")
    waited_seconds: float
    compute_seconds: float


def _work(params: Mapping[str, Any]) -> float:
    """Steps over all pictures, larger ones counting for more."""
    pictures = len(params["prompts"]) * max(1, len(params.get("styles") or [])) * len(params.get("seeds") or [0])
    pixels = (params.get("width") or 64) * (params.get("height") or 64)
    return float(pictures * params.get("steps", 10) * max(1.0, pixels / 64**2))


KIND = Kind(
    name="generate.text_to_image",
    params=GenerateTextToImage,
    result=GeneratedTextToImage,
    queue="generate",
    shape="engine",
    run_limit_s=3600,
    no_progress_s=1800,
    summary="Draw pictures from words.",
    affinity="checkpoint",
    work=_work,
)
