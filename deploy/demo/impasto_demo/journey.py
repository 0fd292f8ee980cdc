"""The demonstration from beginning to end, through the client alone: art, upload, jobs, lineage, outcome."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from impasto import Client
from impasto_demo import drawing, gallery, packages, paintings, photographs, school, studio
from impasto_demo.board import Board
from impasto_demo.drawing import FAVOURITES, Drawn
from impasto_demo.following import Following
from impasto_demo.hands import HANDS
from impasto_demo.outcome import ContactRow, HandShown, Outcome, Traces, Work
from impasto_demo.school import Lesson
from impasto_demo.size import Size
from impasto_demo.subjects import pick

_SHOWN: Final = 10


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
        making, redrawing = self._begin_studio()
        try:
            pictures = self._draw()
            pictures_at = self.folder / "pictures" / self.size.name
            uploaded = school.upload(self.client, self.board, pictures, pictures_at)
            lesson = school.teach(self.client, self.following, self.size, list(uploaded.artworks.values()))
            results = redrawing.result()
            analyses = school.analyse(
                self.client, self.following, lesson.training.checkpoint, self._analysed(making), self.folder
            )
        finally:
            self.following.close()
        stylised = studio.collect(self.client, making, results, self.folder)
        return Outcome(
            mode=self.size.name,
            version=version,
            started_at=started_at,
            hands=self._hands(pictures),
            contact_sheet=self._contact_sheet(pictures),
            upload=uploaded.told,
            photographs=making.photographs,
            paintings=making.paintings,
            dataset=lesson.dataset,
            training=lesson.training,
            evaluation=lesson.evaluation,
            stylised=stylised,
            enlargement=studio.collect_enlargement(self.client, making, results, self.folder),
            analyses=analyses,
            traces=self._trace(stylised[-1].result.artifact.sha256, lesson, making),
            timelines=sorted(self.following.timelines, key=lambda job: job.queued_at),
            stages=list(self.board.stages),
            seconds=round(self.board.seconds, 1),
        )

    def _begin_studio(self) -> tuple[studio.Studio, Future[dict[str, Any]]]:
        with self.board.stage("Photographs and paintings") as tell:
            tell(0, 3, "cutting to size")
            files = photographs.prepare(self.folder / "photographs")
            tell(1, 3, "painting")
            painted = paintings.paint(self.folder / "paintings")
            tell(2, 3, "uploading")
            shown = gallery.hang_photographs(self.client, files, self.folder)
            hung = gallery.hang_paintings(self.client, painted, self.folder)
        making = studio.submit(self.client, shown, hung)
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

    def _hands(self, pictures: list[Drawn]) -> list[HandShown]:
        shown = []
        for hand in HANDS:
            about = packages.about(hand, self.art)
            shown.append(
                HandShown(
                    slug=hand.slug,
                    artist=hand.artist,
                    name=about["name"],
                    author=about["author"]["name"],
                    url=about["author"]["url"],
                    package=hand.specifier,
                    licence=about["license"]["spdx"],
                    trained=hand.trained,
                    pictures=sum(picture.hand is hand for picture in pictures),
                )
            )
        return shown

    def _contact_sheet(self, pictures: list[Drawn]) -> list[ContactRow]:
        by_name: dict[str, dict[str, str]] = {}
        for picture in pictures:
            path = picture.path.relative_to(self.folder).as_posix()
            by_name.setdefault(picture.name, {})[picture.hand.slug] = path
        most = max(len(drawn) for drawn in by_name.values())
        full = [name for name, drawn in by_name.items() if len(drawn) == most]
        first = [name for name in FAVOURITES if name in full]
        rest = pick([name for name in full if name not in first], _SHOWN, purpose="contact sheet")
        return [ContactRow(subject=name.replace("-", " "), pictures=by_name[name]) for name in (first + rest)[:_SHOWN]]

    def _trace(self, stylised: str, lesson: Lesson, making: studio.Studio) -> Traces:
        with self.board.stage("Trace where it came from"):
            return Traces(
                picture=self.client.lineage(f"sha256:{stylised}"),
                checkpoint=self.client.lineage(lesson.training.checkpoint),
                work=self.client.lineage(making.photographs[studio.REDRAWN[0]].artwork_id, "down"),
            )
