"""Three hands that draw the same subjects, and what the platform learns from them: shared by the tests of all kinds."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from impasto.kinds.dataset_prepare import ArtworkSelection, PrepareDataset, PreparedDataset, SplitRecipe
from impasto.kinds.evaluate_checkpoint import EvaluateCheckpoint, EvaluatedCheckpoint
from impasto.kinds.train_style_classifier import TrainedStyleClassifier, TrainStyleClassifier
from impasto.testing.stacks import Stack

HANDS: Final = ("boxes", "dots", "hatching")
SUBJECTS: Final = 13


def draw(subject: int, hand: str, size: tuple[int, int] = (200, 150)) -> Image.Image:
    """A subject is where things are and in which colours; a hand is how they are drawn."""
    dice = random.Random(subject)
    picture = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(picture)
    for _ in range(8):
        x, y, side = dice.randrange(size[0]), dice.randrange(size[1]), dice.randrange(15, 70)
        colour = (dice.randrange(256), dice.randrange(256), dice.randrange(256))
        if hand == "dots":
            pen.ellipse([x, y, x + side, y + side], fill=colour)
        elif hand == "boxes":
            pen.rectangle([x, y, x + side, y + side], outline=colour, width=4)
        else:
            for step in range(0, side, 6):
                pen.line([x, y + step, x + side, y + step], fill=colour)
    return picture


@dataclass
class School:
    """A tenant's works by (subject, hand), the dataset of them, and, once asked for, a measured checkpoint."""

    stack: Stack
    works: dict[tuple[int, str], str]
    dataset: PreparedDataset
    _learnt: TrainedStyleClassifier | None = None
    _measured: EvaluatedCheckpoint | None = None

    @property
    def learnt(self) -> TrainedStyleClassifier:
        """Trained on two hands; hatching is the stranger. Not measured until `measured` was asked for."""
        if self._learnt is None:
            params = TrainStyleClassifier(
                dataset_version=self.dataset.dataset_version, name="hands", exclude_labels=["hatching"], flavor="tiny"
            )
            self._learnt = self.stack.client().run(params)
        return self._learnt

    @property
    def measured(self) -> EvaluatedCheckpoint:
        if self._measured is None:
            params = EvaluateCheckpoint(
                checkpoint=self.learnt.checkpoint,
                dataset_version=self.dataset.dataset_version,
                perturbation_seeds=1,
                max_perturbed_samples=50,
            )
            self._measured = self.stack.client().run(params)
        return self._measured


_SCHOOLS: dict[str, School] = {}


def school(stack: Stack, folder: Path) -> School:
    """The school of this platform; opened by whoever asks first."""
    if stack.url not in _SCHOOLS:
        works = upload_hands(stack, folder)
        dataset = stack.client().run(prepared())
        _SCHOOLS[stack.url] = School(stack, works, dataset)
    return _SCHOOLS[stack.url]


def prepared(name: str = "hands", **changes: object) -> PrepareDataset:
    """The params of the school's dataset, with changes."""
    values = {
        "dataset": name,
        "select": ArtworkSelection(collection="hands"),
        "split": SplitRecipe(validation_fraction=0.35),
        "samples_per_shard": 16,
    }
    return PrepareDataset.model_validate(values | changes)


def upload_hands(stack: Stack, folder: Path) -> dict[tuple[int, str], str]:
    """Uploads every subject by every hand; gives their ids."""
    names = {f"{subject}-{hand}.png": (subject, hand) for subject in range(SUBJECTS) for hand in HANDS}
    table = []
    for name, (subject, hand) in names.items():
        draw(subject, hand).save(folder / name)
        told = {
            "file_name": name,
            "caption": f"scene  {subject} in {hand}",
            "artist": hand,
            "subject": f"Scene {subject}",
        }
        told |= {"subject": f"Scene {subject}", "collection": "hands", "medium": "vector", "licence": "CC0-1.0"}
        table.append(told)
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, table)), "utf-8")
    result = stack.client().upload(folder)
    return {names[v.file_name]: v.artwork.id for v in result.files if v.artwork}
