"""What drawing from words came to: pictures before and after learning, how it was learnt, and what was measured."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from impasto.kinds.evaluate_text_to_image import EvaluatedTextToImage
from impasto.kinds.generate_text_to_image import GeneratedTextToImage
from impasto.kinds.train_text_to_image import TrainedTextToImage
from impasto.lineage import LineageGraph


class Part(BaseModel):
    """Base of what an outcome is made of. Paths are relative to the demonstration's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DrawnGrid(Part):
    """Pictures that one job drew: a row for each prompt, a column for each style."""

    prompts: list[str]
    styles: list[str]
    paths: list[list[str]]
    job_id: str
    result: GeneratedTextToImage


class SampleShown(Part):
    """A sheet that was drawn on the way: a row for each style, a column for each prompt."""

    step: int
    path: str


class FromWords(Part):
    """`places`: by prompt, the half of the dataset where works of that subject are (`train`, `validation`), or nothing.

    `loss`: (step, value). `trace`: from the picture in row and column `traced` of `after` up to works.
    """

    before: DrawnGrid
    after: DrawnGrid
    places: dict[str, str]
    training: TrainedTextToImage
    training_job: str
    loss: list[tuple[int, float]]
    sample_prompts: list[str]
    samples: list[SampleShown]
    evaluation: EvaluatedTextToImage
    traced: tuple[int, int]
    trace: LineageGraph
