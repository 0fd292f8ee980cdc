"""Handlers: a job kind's function, and what it is given to work with."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from impasto.artifacts import ArtifactRef
from impasto.artworks import Artwork
from impasto.backends.postgres.artworks import PostgresArtworks
from impasto.backends.postgres.catalogue import PostgresCatalogue
from impasto.backends.postgres.trainings import PostgresTrainings
from impasto.errors import NotFound
from impasto.jobs import ClaimedJob, Progress
from impasto.kinds import Kind
from impasto.logs import LogLevel
from impasto.outcomes import Outcome
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_worker.active import ActiveJob
from impasto_worker.engine import CallDropped
from impasto_worker.engine_orders import Drawn, DrawOrder, EngineCheckpoint
from impasto_worker.job_folder import JobFolder
from impasto_worker.log_writer import LogWriter
from impasto_worker.progress import ProgressWriter
from impasto_worker.runners import RunnerLeft, RunnerLost, Runners
from impasto_worker.stops import StopReason
from impasto_worker.transfer import Transfer

# A job that was lost so often with others beside it is drawn alone: then it is known whose fault it was.
_ATTEMPTS_IN_COMPANY: Final = 2
_NUMBERS: Final = re.compile(r"[\d.,/%]+")
_WORTH_A_LINE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Handler:
    """A kind and the function that carries a job of it from params to outcome."""

    kind: Kind[Any, Any]
    run: Callable[[JobContext, Any], Outcome]


def load_handlers(queues: list[str]) -> dict[str, Handler]:
    """The handlers of these queues by kind, from the entry points `impasto.handlers`.

    Raises:
        ValueError: a queue has no handlers, or two handlers claim one kind.
    """
    handlers: dict[str, Handler] = {}
    for point in entry_points(group="impasto.handlers"):
        if point.name in queues:
            for handler in point.load():
                if handler.kind.name in handlers:
                    raise ValueError(f"two handlers claim {handler.kind.name!r}")
                handlers[handler.kind.name] = handler
    if missing := set(queues) - {handler.kind.queue for handler in handlers.values()}:
        raise ValueError(f"no handlers for the queues {', '.join(sorted(missing))}")
    return handlers


@dataclass(frozen=True, slots=True)
class Tools:
    """What all jobs of a worker share."""

    artworks: PostgresArtworks
    catalogue: PostgresCatalogue
    trainings: PostgresTrainings
    transfer: Transfer
    progress: ProgressWriter
    logs: LogWriter
    runners: Runners
    models: Path
    backbones: Path
    imports: Path
    hub: bool
    cache: Path
    device: str


class JobContext:
    """One attempt at a job: its tenant's things, its folder, its runner. Every call may raise `Stopped`."""

    def __init__(self, active: ActiveJob, tools: Tools, folder: JobFolder) -> None:
        self._active, self.tools, self._folder = active, tools, folder
        self._stored: dict[str, ArtifactRef] = {}
        self._stage = ""

    @property
    def job(self) -> ClaimedJob:
        return self._active.job

    @property
    def tenant_id(self) -> str:
        return self._active.job.tenant_id

    @property
    def folder(self) -> Path:
        """This attempt's own folder, which is gone when it ends."""
        return self._folder.path

    @property
    def stored(self) -> tuple[ArtifactRef, ...]:
        """Every artifact this attempt has put; the finish publishes them all."""
        return tuple(self._stored.values())

    def check(self) -> None:
        """Raises:
        Stopped: the job is to stop.
        """
        self._active.check()

    def artwork(self, identifier: str) -> Artwork:
        """The tenant's artwork of that id.

        Raises:
            NotFound: there is none.
        """
        if (found := self.tools.artworks.by_id(self.tenant_id, identifier)) is None:
            raise NotFound("artwork", identifier)
        return found

    def picture(self, identifier: str) -> Path:
        """The picture of an artwork (`art_…`) or artifact (`sha256:…`) as a file.

        Raises:
            NotFound: there is none.
        """
        digest = identifier.partition(":")[2] or self.artwork(identifier).sha256
        return self.fetch(digest)

    def fetch(self, sha256: str, into: Path | None = None) -> Path:
        """An artifact as a read-only file, verified: in the worker's cache, or `into` a folder of the job's own."""
        began = time.monotonic()
        path = self.tools.transfer.fetch(self.tenant_id, sha256, self.check, into)
        self._log_if_long("fetched an artifact", began)
        return path

    def put(self, path: Path) -> ArtifactRef:
        """Stores a file; it becomes visible with the job's success."""
        artifact = self.tools.transfer.put(self.tenant_id, path, self.check)
        self._stored[artifact.sha256] = artifact
        return artifact

    def tell(self, fraction: float | None = None, message: str = "", **rest: Any) -> None:
        """Tells how far the job is, with a fraction of 0 to 1."""
        self._tell(Progress(fraction=fraction, message=message, **rest))

    def log(self, message: str, level: LogLevel = "info") -> None:
        """A line for the job's log, which its tenant reads: facts, and never a prompt or a secret."""
        self.tools.logs.say(self.job, message, level)

    def _tell(self, progress: Progress) -> None:
        self.tools.progress.tell(self.job, progress)
        # Another stage is worth a line, another number is not.
        stage = _NUMBERS.sub("", progress.message)
        if stage and stage != self._stage:
            self.log(progress.message)
        self._stage = stage or self._stage

    def _heard_by(self, on_progress: Callable[[Progress], None]) -> Callable[[Progress], None]:
        def told(progress: Progress) -> None:
            self._active.heard()
            on_progress(progress)

        return told

    def _log_if_long(self, what: str, began: float) -> None:
        if (seconds := time.monotonic() - began) >= _WORTH_A_LINE_S:
            self.log(f"{what} in {seconds:.1f} s")

    def compute(
        self,
        target: str,
        payload: dict[str, Any],
        *,
        on_progress: Callable[[Progress], None] | None = None,
        on_note: Callable[[dict[str, Any]], None] = lambda _: None,
        leaves: bool = False,
    ) -> dict[str, Any]:
        """Computes `module:function` on a JSON payload in a runner and gives its JSON result.

        Without `on_progress` the runner's progress becomes the job's. `on_note` gets what the computation notes.
        `leaves`: told that the worker is about to stop, the computation notes where it is and raises `Left`.

        Raises:
            JobFailed: the computation refused.
            RunnerLost, RunnerOutOfMemory: the runner ended, or had too little memory.
        """
        self.check()
        child = self.tools.runners.take(self.check, beside_engine=self.job.shape == "engine")
        try:
            self._active.attach(child, leave=child.leave if leaves else None)
            return child.call(target, payload, self._heard_by(on_progress or self._tell), on_note, self.log)
        except RunnerLeft:
            self._active.stop(StopReason.DRAINED)
            self.check()
            raise
        except RunnerLost:
            self.check()  # killed because the job is to stop, which is no fault of the runner
            raise
        finally:
            self._active.detach(child)
            self.tools.runners.give(child, keep=self.job.shape != "run")

    def draw(self, checkpoint: EngineCheckpoint, requests: Sequence[DrawingRequest]) -> Drawn:
        """Draws in the worker's engine, beside whatever else it draws; for kinds of shape *engine*.

        Progress over all pictures becomes the job's, and so do previews. The pictures are files in the job's folder.

        Raises:
            JobFailed: the checkpoint cannot be loaded, or cannot draw what is asked for.
            RunnerLost, RunnerOutOfMemory: the engine ended, or had too little memory.
        """
        self.check()
        out = Path(tempfile.mkdtemp(prefix="drawn-", dir=self.folder))
        order = DrawOrder(
            checkpoint, tuple(requests), out, alone=self.job.alone or self.job.attempt > _ATTEMPTS_IN_COMPANY
        )
        call, began = self.tools.runners.engine.call(order), time.monotonic()
        try:
            self._active.attach(call, waits=True)
            drawn = call.run(
                on_progress=self._heard_by(self._tell),
                on_preview=lambda jpeg: self.tools.progress.show(self.job, jpeg),
                on_begun=self._active.computes,
            )
            self._log_if_long(f"drew {len(requests)} pictures", began)
            return drawn
        except (RunnerLost, CallDropped):
            self.check()  # it left because the job is to stop
            raise
        finally:
            self._active.detach(call)

    def compute_many(self, target: str, payloads: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Computes each payload in whichever runner is free, and gives the results in the order of the payloads.

        Holds at most twice as many payloads as there are runners: nothing grows with the number of payloads.
        """
        width = self.tools.runners.width
        waiting: list[Future[dict[str, Any]]] = []
        with ThreadPoolExecutor(width, thread_name_prefix=f"compute-{self.job.id[-6:]}") as threads:
            try:
                for payload in payloads:
                    # In the job's context: what is logged there is of this job, and so are the spans.
                    here = copy_context()
                    waiting.append(threads.submit(here.run, self.compute, target, payload, on_progress=lambda _: None))
                    if len(waiting) >= 2 * width:
                        wait(waiting, return_when=FIRST_COMPLETED)
                        while waiting and (waiting[0].done() or len(waiting) >= 2 * width):
                            yield waiting.pop(0).result()
                while waiting:
                    yield waiting.pop(0).result()
            finally:
                for future in waiting:
                    future.cancel()
