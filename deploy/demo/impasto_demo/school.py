"""What the demonstration teaches the platform: a dataset of hands, a classifier of them, and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from impasto import Client
from impasto.client import UploadProgress
from impasto.kinds.analyse_artwork import AnalyseArtwork
from impasto.kinds.dataset_prepare import ArtworkSelection, PrepareDataset, PreparedDataset, SplitRecipe
from impasto.kinds.evaluate_checkpoint import EvaluateCheckpoint, EvaluatedCheckpoint
from impasto.kinds.train_style_classifier import TrainedStyleClassifier, TrainStyleClassifier
from impasto_demo.board import Board
from impasto_demo.drawing import Drawn
from impasto_demo.following import Following
from impasto_demo.hands import STRANGER
from impasto_demo.outcome import Analysis, Upload, Work
from impasto_demo.size import Size


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What ingestion said, and the works' identifiers by file name."""

    told: Upload
    artworks: dict[str, str]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Three results that follow from one another."""

    dataset: PreparedDataset
    training: TrainedStyleClassifier
    evaluation: EvaluatedCheckpoint


def upload(client: Client, board: Board, pictures: list[Drawn], folder: Path) -> Uploaded:
    """Uploads the hands' pictures with the captions that lie beside them."""
    with board.stage("Upload the hands' pictures") as tell:

        def on_progress(progress: UploadProgress) -> None:
            tell(progress.files_done, progress.files, f"{progress.files_done:,} of {progress.files:,}")

        began = board.seconds
        result = client.upload(folder, on_progress=on_progress)
        took = board.seconds - began
    wanted = {picture.path.name for picture in pictures}
    artworks = {v.file_name: v.artwork.id for v in result.files if v.artwork and v.file_name in wanted}
    told = Upload(
        accepted=result.accepted,
        duplicate=result.duplicate,
        refused=result.refused,
        kept=len(set(artworks.values())),
        seconds=round(took, 2),
    )
    return Uploaded(told, artworks)


def prepare(client: Client, following: Following, size: Size, artworks: list[str]) -> PreparedDataset:
    """Makes a dataset version of the hands' works."""
    params = PrepareDataset(
        dataset="demo-hands",
        select=ArtworkSelection(ids=sorted(set(artworks))),
        split=SplitRecipe(validation_fraction=size.validation_fraction),
    )
    return following.one(client.submit(params), "Prepare the dataset")


def teach(client: Client, following: Following, size: Size, dataset: PreparedDataset) -> Lesson:
    """Trains and measures; the second needs the first."""
    train = TrainStyleClassifier(
        dataset_version=dataset.dataset_version,
        name="demo-hands",
        exclude_labels=[STRANGER.artist],
        epochs=size.epochs,
        views=size.views,
    )
    training = following.one(client.submit(train), "Train the style classifier")
    evaluate = EvaluateCheckpoint(
        checkpoint=training.checkpoint,
        dataset_version=dataset.dataset_version,
        perturbation_seeds=size.perturbation_seeds,
        max_perturbed_samples=size.perturbed,
    )
    return Lesson(dataset, training, following.one(client.submit(evaluate), "Measure the checkpoint"))


def analyse(
    client: Client, following: Following, checkpoint: str, works: dict[str, tuple[Work, str]], folder: Path
) -> list[Analysis]:
    """Analyses pictures side by side; `works`: by title, the picture and whose hand it truly is."""
    jobs = {
        title: client.submit(AnalyseArtwork(picture=work.artwork_id, checkpoint=checkpoint))
        for title, (work, _) in works.items()
    }
    results = following.many(jobs, "Analyse two pictures").result()
    found = []
    for number, (title, (work, truth)) in enumerate(works.items(), start=1):
        sheet = client.artifacts.download(results[title].sheet.sha256, folder / "made" / f"analysis-{number}.png")
        found.append(
            Analysis(
                title=work.title,
                path=work.path,
                sheet=sheet.relative_to(folder).as_posix(),
                truth=truth,
                job_id=jobs[title].id,
                result=results[title],
            )
        )
    return found
