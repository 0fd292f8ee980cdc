"""What a run of the demonstration found: everything the page shows, and what `report.json` holds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from impasto.kinds.analyse_artwork import AnalysedArtwork
from impasto.kinds.dataset_prepare import PreparedDataset
from impasto.kinds.evaluate_checkpoint import EvaluatedCheckpoint
from impasto.kinds.generate_stylise import Stylised
from impasto.kinds.generate_upscale import Upscaled
from impasto.kinds.train_style_classifier import TrainedStyleClassifier
from impasto.lineage import LineageGraph
from impasto_demo.from_words_outcome import FromWords, Part


class HandShown(Part):
    """A hand and what was shown of it."""

    slug: str
    artist: str
    name: str
    author: str
    url: str
    package: str
    licence: str
    trained: bool
    pictures: int


class ContactRow(Part):
    """One subject, as each hand drew it: paths by the hand's slug."""

    subject: str
    pictures: dict[str, str]


class Upload(Part):
    """What ingestion said of the hands' pictures; `kept` are the works that went into the dataset, each once."""

    accepted: int
    duplicate: int
    refused: int
    kept: int
    seconds: float


class Work(Part):
    """A photograph or a painting that was uploaded."""

    artwork_id: str
    title: str
    artist: str
    licence: str
    path: str


class StylisedPicture(Part):
    """A photograph redrawn. `styles`: (what it is, built-in or artwork, weight)."""

    photograph: str
    styles: list[tuple[str, Literal["builtin", "artwork"], float]]
    job_id: str
    path: str
    result: Stylised


class Enlargement(Part):
    """A detail before and after."""

    before: str
    after: str
    factor: int
    job_id: str
    result: Upscaled


class Analysis(Part):
    """A picture, whose hand it truly is (if any), and what was found."""

    title: str
    path: str
    sheet: str
    truth: str
    job_id: str
    result: AnalysedArtwork


class JobTimeline(Part):
    """When a job was accepted, taken and done, by the platform's own clock."""

    job_id: str
    kind: str
    title: str
    queued_at: datetime
    started_at: datetime
    finished_at: datetime
    attempts: int
    worker: str


class Traces(Part):
    """Lineage: up from a stylised picture and from the checkpoint, down from one work."""

    picture: LineageGraph
    checkpoint: LineageGraph
    work: LineageGraph


class Outcome(Part):
    """The whole run. `seconds`: from the first line on the screen to the last job, art and uploads included.

    `from_words` is None where the platform has no starter checkpoint to go on from.
    """

    mode: str
    version: str
    started_at: datetime
    seconds: float
    stages: list[tuple[str, float]]
    hands: list[HandShown]
    contact_sheet: list[ContactRow]
    upload: Upload
    photographs: dict[str, Work]
    paintings: dict[str, Work]
    dataset: PreparedDataset
    training: TrainedStyleClassifier
    evaluation: EvaluatedCheckpoint
    stylised: list[StylisedPicture]
    enlargement: Enlargement
    analyses: list[Analysis]
    from_words: FromWords | None
    timelines: list[JobTimeline]
    traces: Traces
