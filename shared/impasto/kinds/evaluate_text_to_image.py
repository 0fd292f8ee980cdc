"""`evaluate.text_to_image`: whether a checkpoint draws what is asked, as asked, and nothing that it has by heart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from impasto.artifacts import ArtifactRef
from impasto.checkpoints import Measure
from impasto.identifiers import CheckpointId, DatasetVersionId, EvaluationId, Sha256
from impasto.kinds.kind import Kind, Params, Result


class EvaluateTextToImage(Params):
    """Measure a checkpoint that draws from words, or an adapter over its base."""

    checkpoint: CheckpointId = Field(
        description="Not the starter, which came measured. An adapter is laid over its base with the weight 1."
    )
    dataset_version: DatasetVersionId | None = Field(
        None, description="Whose held-out works give the captions and are compared with; null: only scenes are drawn."
    )
    classifier: CheckpointId | None = Field(
        None, description="A measured style classifier, which judges whether styles are as asked."
    )
    seeds: int = Field(2, ge=1, le=16, description="Pictures a prompt and style.")
    max_prompts: int = Field(24, ge=1, le=500, description="Captions at most, and as many procedural scenes.")
    steps: int = Field(10, ge=1, le=200)
    guidance: float = Field(2.5, ge=0, le=30)
    style_guidance: float = Field(5.0, ge=0, le=30, description="How much of a style that is asked for by name.")
    seed: int = Field(0, ge=0, lt=2**32, description="The first of the seeds; it also chooses the prompts.")


class StyleMeasures(Result):
    """How often the classifier names the style that was asked for, and how often it is right about real works."""

    drawn: Measure
    by_style: dict[str, Measure]
    real: Measure | None = Field(None, description="On held-out works, in the size that is drawn: bounds `drawn`.")
    real_by_style: dict[str, Measure]


class SceneMeasures(Result):
    """How often a procedural scene shows what was asked, read off by a program that learnt nothing."""

    colour: Measure | None = Field(None, description="Of styles that have colours.")
    shape: Measure
    place: Measure
    every: Measure | None = Field(None, description="Colour, shape and place at once; of styles that have colours.")
    by_style: dict[str, Measure] = Field(description="All that the style can show, at once.")


class NearCopy(Result):
    """A drawn picture, by its number among those drawn for captions, and the work that it is nearest to."""

    drawn: int
    work: str
    similarity: float


class CopyingMeasures(Result):
    """How near drawn pictures are to works that were learnt from: cosine similarity in the encoder's space."""

    nearest: Measure = Field(description="Mean similarity to the nearest work.")
    largest: float
    real: Measure | None = Field(None, description="The mean for held-out works, which cannot be copies.")
    threshold: float | None = Field(None, description="99 % of held-out works are less similar; none below 20 works.")
    copy_rate: Measure | None = Field(None, description="Share of drawn pictures above the threshold.")
    works: int
    worst: list[NearCopy]


class SpreadMeasures(Result):
    """Mean distance (1 - cosine) between drawn pictures: of one prompt and style by seed, and between prompts."""

    seeds: Measure | None = None
    prompts: Measure | None = None


class StabilityMeasures(Result):
    """Largest difference, in steps of 1/255, when the same is drawn again, and when it is drawn alone."""

    again: int
    alone: int
    requests: int


class EvaluatedTextToImage(Result):
    """What was measured; null where what it needs was not given. 95 % bootstrap intervals, drawn by prompt."""

    evaluation: EvaluationId
    drawn: int
    prompts: int
    styles: list[str]
    encoder: str
    held_out_works: int
    learnt_works: int = Field(description="Of its training and of those of its bases, each counted once.")
    not_looked_at: list[str] = Field(
        [],
        description="What it learnt from that is not here and was compared with nothing: checkpoints that came from "
        "elsewhere, such as the starter or an imported one, and dataset versions that are gone.",
    )
    style: StyleMeasures | None = None
    scenes_held_out: SceneMeasures | None = Field(
        None, description="Combinations that procedural lessons never show, in any manner."
    )
    scenes_seen: SceneMeasures | None = None
    kid: Measure | None = Field(None, description="Kernel inception distance to held-out works, without bias.")
    copying: CopyingMeasures | None = None
    spread: SpreadMeasures
    stability: StabilityMeasures
    sheet: ArtifactRef = Field(description="A row a prompt, a column a style.")
    copies: ArtifactRef | None = Field(None, description="The worst copies beside the works that they are near.")
    report_sha256: Sha256


def _work(params: Mapping[str, Any]) -> float:
    return float(params.get("seeds", 2) * params.get("max_prompts", 24) * params.get("steps", 10))


KIND = Kind(
    name="evaluate.text_to_image",
    params=EvaluateTextToImage,
    result=EvaluatedTextToImage,
    queue="evaluate",
    shape="run",
    run_limit_s=12 * 3600,
    no_progress_s=3600,
    summary="Measure a model that draws from words: styles, attributes, likeness, copies, spread.",
    work=_work,
)
