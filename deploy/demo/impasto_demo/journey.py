"""The demonstration from beginning to end, through the client alone: art, upload, jobs, lineage, outcome."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from impasto import Client
from impasto_demo import drawing, gallery, packages, paintings, photographs, school, shown, studio
from impasto_demo.board import Board
from impasto_demo.drawing import Drawn
from impasto_demo.following import Following
from impasto_demo.from_words import FromWordsLesson
from impasto_demo.from_words_facts import starter_of
from impasto_demo.hands import HANDS
from impasto_demo.outcome import Outcome, Traces, Work
from impasto_demo.school import Lesson
from impasto_demo.size import Size


@dataclass(slots=True)
class Journey:
    """One run. `folder` keeps what is drawn between runs, and what this one makes; `art` holds the fetched packages."""

    client: Client
    board: Board
    size: Size
    folder: Path
    art: Path
    following: Following = field(init=False)

    def __post_init__(self) -> None:
        self.following = Following(self.board)

    def run(self) -> Outcome:
        """Everything.

        Raises:
            NoPackages: the art could not be fetched.
            ImpastoError: the platform refused, or a job failed.
        """
        started_at = datetime.now(UTC)
        version = self.client.about().version
        # The studio's jobs go first: the workers draw while this machine fetches the other pictures.
        words = self._begin_drawing()
        making, redrawing = self._begin_studio()
        try:
            pictures = self._draw()
            pictures_at = self.folder / "pictures" / self.size.name
            uploaded = school.upload(self.client, self.board, pictures, pictures_at)
            dataset = school.prepare(self.client, self.following, self.size, list(uploaded.artworks.values()))
            if words:
                words.learn(dataset)  # beside the classifier, where there are two cores
            lesson = school.teach(self.client, self.following, self.size, dataset)
            if words:
                words.ask_again(lesson.training.checkpoint)
            results = redrawing.result()
            analyses = school.analyse(
                self.client, self.following, lesson.training.checkpoint, self._analysed(making), self.folder
            )
            drawn = words.collect() if words else None
        finally:
            self.following.close()
        stylised = studio.collect(self.client, making, results, self.folder)
        return Outcome(
            mode=self.size.name,
            version=version,
            started_at=started_at,
            hands=shown.hands(pictures, self.art),
            contact_sheet=shown.contact_sheet(pictures, self.folder),
            upload=uploaded.told,
            photographs=making.photographs,
            paintings=making.paintings,
            dataset=lesson.dataset,
            training=lesson.training,
            evaluation=lesson.evaluation,
            stylised=stylised,
            enlargement=studio.collect_enlargement(self.client, making, results, self.folder),
            analyses=analyses,
            from_words=drawn,
            traces=self._trace(stylised[-1].result.artifact.sha256, lesson, making),
            timelines=sorted(self.following.timelines, key=lambda job: job.queued_at),
            stages=list(self.board.stages),
            seconds=round(self.board.seconds, 1),
        )

    def _begin_drawing(self) -> FromWordsLesson | None:
        """None where there is nothing to begin with: the rest of the demonstration goes on."""
        if (starter := starter_of(self.client)) is None:
            return None
        words = FromWordsLesson(self.client, self.following, self.size.drawing, self.folder)
        words.begin(starter)
        return words

    def _begin_studio(self) -> tuple[studio.Studio, Future[dict[str, Any]]]:
        with self.board.stage("Photographs and paintings") as tell:
            tell(0, 3, "cutting to size")
            files = photographs.prepare(self.folder / "photographs")
            tell(1, 3, "painting")
            painted = paintings.paint(self.folder / "paintings")
            tell(2, 3, "uploading")
            taken = gallery.hang_photographs(self.client, files, self.folder)
            hung = gallery.hang_paintings(self.client, painted, self.folder)
        making = studio.submit(self.client, taken, hung)
        return making, self.following.many(making.jobs, f"Redraw and enlarge, {len(making.jobs)} jobs")

    def _draw(self) -> list[Drawn]:
        with self.board.stage("Fetch the hands (npm)"):
            packages.fetch(HANDS, self.art)
        with self.board.stage("Draw the hands' pictures") as tell:
            at = self.folder / "pictures" / self.size.name
            pictures = drawing.plan(self.size, self.art, at)
            drawing.draw(pictures, at, lambda done: tell(done, len(pictures), f"{done:,} of {len(pictures):,}"))
        return pictures

    def _analysed(self, making: studio.Studio) -> dict[str, tuple[Work, str]]:
        drawn = drawing.kept_out(self.art, self.folder / "kept-out")
        fields = drawn.fields()
        del fields["file_name"]
        work = gallery.hang(self.client, drawn.path, fields, self.folder)
        photograph = (making.photographs["astronaut"], "")
        return {"Analyse a drawing": (work, drawn.hand.artist), "Analyse a photograph": photograph}

    def _trace(self, stylised: str, lesson: Lesson, making: studio.Studio) -> Traces:
        with self.board.stage("Trace where it came from"):
            return Traces(
                picture=self.client.lineage(f"sha256:{stylised}"),
                checkpoint=self.client.lineage(lesson.training.checkpoint),
                work=self.client.lineage(making.photographs[studio.REDRAWN[0]].artwork_id, "down"),
            )
