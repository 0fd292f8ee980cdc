"""Drawing from words: what the starter draws, a training on the hands' pictures, and the same words asked again."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from impasto import Client
from impasto.checkpoints import STARTER, Checkpoint
from impasto.client import Job
from impasto.kinds.dataset_prepare import PreparedDataset
from impasto.kinds.evaluate_text_to_image import EvaluateTextToImage
from impasto.kinds.generate_text_to_image import GeneratedTextToImage, GenerateTextToImage
from impasto.kinds.train_text_to_image import TrainedTextToImage, TrainTextToImage
from impasto_demo import from_words_facts as facts
from impasto_demo.drawing import KEPT_OUT
from impasto_demo.following import Following
from impasto_demo.from_words_outcome import DrawnGrid, FromWords, SampleShown
from impasto_demo.size import Drawing

# Subjects that every hand drew, and last the one that is in no dataset.
SUBJECTS: Final = ("strawberry", "ghost", "penguin", "octopus", KEPT_OUT)
PROMPTS: Final = tuple(f"{'an' if subject[0] in 'aeiou' else 'a'} {subject}" for subject in SUBJECTS)
TITLES: Final = ("Draw from words, before", "Learn to draw", "Draw from words, after", "Measure how it draws")
_BEFORE, _LEARN, _AFTER, _MEASURE = TITLES
_SEED: Final = 7
_STEPS: Final = 16
_MOST_STYLES: Final = 5
_TRACED: Final = (0, 0)


@dataclass(slots=True)
class FromWordsLesson:
    """Jobs of one run, each submitted as soon as what it needs is there; `folder` is the demonstration's."""

    client: Client
    following: Following
    size: Drawing
    folder: Path
    _jobs: dict[str, Job[Any]] = field(default_factory=dict)
    _waiting: dict[str, Future[Any]] = field(default_factory=dict)
    _own: list[str] = field(default_factory=list)
    _version: str = ""
    _places: dict[str, str] = field(default_factory=dict)

    def begin(self, starter: Checkpoint) -> None:
        """Has the starter draw, in its own styles."""
        self._own = starter.config["config"]["styles"]
        self._submit(_BEFORE, self._asking(STARTER, self._own))

    def learn(self, dataset: PreparedDataset) -> None:
        """Has the starter learn the hands of that dataset."""
        self._version = dataset.dataset_version
        params = TrainTextToImage(
            dataset_version=dataset.dataset_version,
            name="demo-hands-drawn",
            steps=self.size.steps,
            sample_prompts=list(PROMPTS),
            sample_every=self.size.sample_every,
        )
        self._submit(_LEARN, params)
        self._places = facts.places_of(self.client, dataset.manifest_sha256)

    def ask_again(self, classifier: str) -> None:
        """Once it has learnt: has the new checkpoint draw the same, and measured with the classifier as a judge."""
        learnt: TrainedTextToImage = self._result(_LEARN)
        # It still knows the starter's styles; those of the hands are new.
        hands = [style for style in learnt.styles if style not in self._own]
        self._submit(_AFTER, self._asking(learnt.checkpoint, hands))
        params = EvaluateTextToImage(
            checkpoint=learnt.checkpoint,
            dataset_version=self._version,
            classifier=classifier,
            max_prompts=self.size.captions,
            seeds=self.size.seeds,
        )
        self._submit(_MEASURE, params)

    def collect(self) -> FromWords:
        """Waits for what is left, and downloads it."""
        learnt: TrainedTextToImage = self._result(_LEARN)
        measured = self._result(_MEASURE)
        after = self._collected(_AFTER, "after")
        samples = [
            SampleShown(step=sample.step, path=self._fetch(sample.artifact.sha256, f"sample-{sample.step}"))
            for sample in learnt.samples
        ]
        picture = after.result.pictures[_TRACED[0] * len(after.styles) + _TRACED[1]]
        return FromWords(
            before=self._collected(_BEFORE, "before"),
            after=after,
            places={prompt: self._places.get(subject, "") for prompt, subject in zip(PROMPTS, SUBJECTS, strict=True)},
            training=learnt,
            training_job=self._jobs[_LEARN].id,
            loss=facts.loss_of(self.client, self._jobs[_LEARN].id),
            sample_prompts=list(PROMPTS),
            samples=samples,
            evaluation=measured,
            traced=_TRACED,
            trace=self.client.lineage(f"sha256:{picture.artifact.sha256}"),
        )

    def _asking(self, checkpoint: str, styles: list[str]) -> GenerateTextToImage:
        return GenerateTextToImage(
            checkpoint=checkpoint,
            prompts=list(PROMPTS),
            styles=styles[:_MOST_STYLES],
            seeds=[_SEED],
            steps=_STEPS,
            # Drawn beside its measuring, for this page alone.
            allow_unmeasured=checkpoint != STARTER,
        )

    def _submit(self, title: str, params: Any) -> None:
        job = self._jobs[title] = self.client.submit(params)
        self._waiting[title] = self.following.begin(job, title)

    def _result(self, title: str) -> Any:
        return self._waiting[title].result()

    def _collected(self, title: str, name: str) -> DrawnGrid:
        result: GeneratedTextToImage = self._result(title)
        styles = list(dict.fromkeys(picture.style or "" for picture in result.pictures))
        paths = [
            self._fetch(picture.artifact.sha256, f"{name}-{number:02}")
            for number, picture in enumerate(result.pictures, start=1)
        ]
        rows = [paths[start : start + len(styles)] for start in range(0, len(paths), len(styles))]
        return DrawnGrid(prompts=list(PROMPTS), styles=styles, paths=rows, job_id=self._jobs[title].id, result=result)

    def _fetch(self, sha256: str, name: str) -> str:
        path = self.client.artifacts.download(sha256, self.folder / "made" / f"words-{name}.png")
        return path.relative_to(self.folder).as_posix()
