"""The asynchronous client's resources and its job handle: one call each, over the flows that do the work."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

from impasto.artifacts import UploadedFile, digest_of
from impasto.artworks import Artwork
from impasto.checkpoints import Checkpoint
from impasto.client import downloads, files, jobs, resources, watching
from impasto.client.asynchronous_transport import AsyncTransport
from impasto.client.resources import CreatedKey
from impasto.datasets import Dataset, DatasetVersion
from impasto.jobs import JobEvent, JobRecord, JobState, Progress
from impasto.logs import LogLine
from impasto.styles import NewStyle, Style, StyleMix
from impasto.tenants import ApiKeyRecord, Scope
from impasto.trainings import Sample, SeriesPoint
from impasto.workers import QueueStatus, WorkerStatus

R = TypeVar("R")
OnProgress = Callable[[Progress], None]
OnEvent = Callable[[JobEvent], None]


class AsyncJob(Generic[R]):
    """A submitted job. `record` is what was last heard of it.

    `callback_secret` is what its callback is signed with: told to whoever submitted it with one, and never again.
    """

    def __init__(self, transport: AsyncTransport, record: JobRecord) -> None:
        self._transport, self.record = transport, record
        self.callback_secret = record.callback_secret if isinstance(record, jobs.AcceptedJob) else None

    def __repr__(self) -> str:
        return f"AsyncJob({self.id!r}, kind={self.kind!r}, state={self.state.value!r})"

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def kind(self) -> str:
        return self.record.kind

    @property
    def state(self) -> JobState:
        """As last heard; `refresh()` asks."""
        return self.record.state

    async def refresh(self) -> JobRecord:
        """Asks for the record."""
        self.record = await self._transport.run(resources.fetch(JobRecord, "jobs", self.id))
        return self.record

    async def cancel(self) -> JobRecord:
        """Asks for the job to stop; it ends a little later. Raises Conflict if it has ended."""
        self.record = await self._transport.run(jobs.canceling(self.id))
        return self.record

    async def retry(self) -> AsyncJob[R]:
        """The job that tries this one again, after it failed or was canceled; the same one however often it is asked.

        Raises Conflict if it has not ended, or has succeeded.
        """
        return AsyncJob(self._transport, await self._transport.run(jobs.retrying(self.id)))

    async def log(self, after: int = 0) -> list[LogLine]:
        """What its handler and runner said, the lines with a larger number; while it runs and afterwards."""
        return await AsyncJobs(self._transport).log(self.id, after)

    def events(self, after: int = 0) -> AsyncIterator[JobEvent | Progress]:
        """Events after that number, and progress in between, until the job ends."""
        return AsyncJobs(self._transport).events(self.id, after)

    async def wait(
        self, timeout: float | None = None, on_progress: OnProgress | None = None, on_event: OnEvent | None = None
    ) -> R:
        """The typed result.

        Raises:
            JobFailed: the job failed or was canceled; `code` says why.
            TimeoutError: it has not ended in `timeout` seconds; it goes on.
        """
        self.record = await self._transport.run(watching.waiting(self.id, timeout, on_progress, on_event))
        return self.result()

    def result(self) -> R:
        """The result, of a job known to have ended. Raises JobFailed as `wait` does."""
        found: R = jobs.result_of(self.record)
        return found


class _Resource:
    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport


class AsyncJobs(_Resource):
    """Jobs by their identifier."""

    async def get(self, job_id: str, *, estimate: bool = False) -> JobRecord:
        """The record; with `estimate` that of a queued job has `queue`: its place, and when it will start and end."""
        return await self._transport.run(jobs.looking(job_id, estimate=estimate))

    async def log(self, job_id: str, after: int = 0) -> builtins.list[LogLine]:
        """The log lines with a larger number that there are; a job keeps its last 200."""
        return await self._transport.run(jobs.reading_log(job_id, after))

    def follow_log(self, job_id: str, after: int = 0) -> AsyncIterator[LogLine]:
        """The log lines with a larger number, as they come, until the job has ended and told all."""
        return self._transport.iterate(jobs.following_log(job_id, after))

    async def handle(self, job_id: str) -> AsyncJob[Any]:
        """A handle of a job submitted earlier, maybe by another process."""
        return AsyncJob(self._transport, await self.get(job_id))

    async def series(self, job_id: str, *, after: int = 0, every: int = 1) -> list[SeriesPoint]:
        """A training's named values by step, such as its loss: those after a step, of steps that `every` divides."""
        return await self._transport.run(jobs.measuring(job_id, after, every))

    async def samples(self, job_id: str, *, after: int = 0) -> list[Sample]:
        """Sheets that a training drew after a step: each is the artifact `sha256`, there while the job still runs."""
        return await self._transport.run(jobs.sampling(job_id, after))

    async def retry(self, job_id: str) -> JobRecord:
        """The job that tries that one again; the same one however often it is asked for."""
        return await self._transport.run(jobs.retrying(job_id))

    async def retry_all(
        self, job_ids: Iterable[str] | None = None, *, code: str | None = None, kind: str | None = None
    ) -> list[JobRecord]:
        """The retries of these jobs, or of up to 1,000, oldest first, that failed with `code` and have none yet."""
        return await self._transport.run(jobs.retrying_all(job_ids, code, kind))

    def list(
        self,
        *,
        state: JobState | str | None = None,
        kind: str | None = None,
        code: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[JobRecord]:
        """Newest first, read page by page as you go; at most `limit`. With `code` only those that failed with it."""
        asked = str(state) if state else None
        flow = resources.pages(JobRecord, "jobs", most=limit, state=asked, kind=kind, code=code)
        return self._transport.iterate(flow)

    async def cancel(self, job_id: str) -> JobRecord:
        return await self._transport.run(jobs.canceling(job_id))

    async def preview(self, job_id: str) -> bytes | None:
        """What is being drawn, as a small JPEG; None if there is nothing to see (yet)."""
        return await self._transport.run(jobs.previewing(job_id))

    def events(self, job_id: str, after: int = 0) -> AsyncIterator[JobEvent | Progress]:
        """Events after that number, and progress in between, until the job ends; a broken stream is taken up again."""
        watched = self._transport.iterate(watching.watching(job_id, after=after))
        return (told async for told in watched if not isinstance(told, JobRecord))

    async def wait(
        self,
        job_id: str,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
        on_event: OnEvent | None = None,
    ) -> JobRecord:
        """The record of the job when it has ended, however it ended. Raises TimeoutError."""
        return await self._transport.run(watching.waiting(job_id, timeout, on_progress, on_event))


class AsyncArtworks(_Resource):
    """Uploaded pictures."""

    async def get(self, artwork_id: str) -> Artwork:
        return await self._transport.run(resources.fetch(Artwork, "artworks", artwork_id))

    def list(
        self, *, collection: str | None = None, artist: str | None = None, limit: int | None = None
    ) -> AsyncIterator[Artwork]:
        flow = resources.pages(Artwork, "artworks", most=limit, collection=collection, artist=artist)
        return self._transport.iterate(flow)


class AsyncDatasets(_Resource):
    """Datasets and their versions."""

    async def get(self, name_or_id: str) -> Dataset:
        return await self._transport.run(resources.fetch(Dataset, "datasets", name_or_id))

    def list(self, *, limit: int | None = None) -> AsyncIterator[Dataset]:
        return self._transport.iterate(resources.pages(Dataset, "datasets", most=limit))

    def versions(self, name_or_id: str, *, limit: int | None = None) -> AsyncIterator[DatasetVersion]:
        flow = resources.pages(DatasetVersion, "datasets", name_or_id, "versions", most=limit)
        return self._transport.iterate(flow)

    async def version(self, version_id: str) -> DatasetVersion:
        return await self._transport.run(resources.fetch(DatasetVersion, "dataset-versions", version_id))


class AsyncCheckpoints(_Resource):
    """Trained weights and what was measured of them."""

    async def get(self, checkpoint_id: str) -> Checkpoint:
        return await self._transport.run(resources.fetch(Checkpoint, "checkpoints", checkpoint_id))

    def list(self, *, limit: int | None = None) -> AsyncIterator[Checkpoint]:
        return self._transport.iterate(resources.pages(Checkpoint, "checkpoints", most=limit))


class AsyncStyles(_Resource):
    """Built-in styles and those kept by the tenant."""

    def list(self, *, limit: int | None = None) -> AsyncIterator[Style]:
        return self._transport.iterate(resources.pages(Style, "styles", most=limit))

    async def create(self, name: str, mix: StyleMix, strength: float = 1.0) -> Style:
        """Keeps a style; the same name again makes its next version."""
        body = NewStyle(name=name, mix=mix, strength=strength).model_dump(mode="json")
        return await self._transport.run(resources.create(Style, body, "styles"))


class AsyncArtifacts(_Resource):
    """Published objects by their SHA-256, bare or as `sha256:<digest>`; what comes is checked against it."""

    async def read(self, sha256: str) -> bytes:
        return await self._transport.run(downloads.reading(sha256))

    async def download(self, sha256: str, path: str | Path) -> Path:
        """Streams to a file, which appears only when it is whole and right."""
        return await self._transport.run(downloads.downloading(sha256, Path(path), self._transport.retries))


class AsyncFiles(_Resource):
    """Files of weights, to be imported."""

    async def upload(self, path: str | Path, on_sent: Callable[[int], None] | None = None) -> UploadedFile:
        """Sends a file, unless the platform has it already; `on_sent` is told how many bytes are sent."""
        origin = (await self._transport.run(resources.fetch(resources.About))).ingestion_url
        digest = await asyncio.to_thread(digest_of, Path(path))
        return await self._transport.run(files.sending(Path(path), digest, origin, on_sent))


class AsyncKeys(_Resource):
    """API keys; needs a key with scope `admin`."""

    def list(self, *, limit: int | None = None) -> AsyncIterator[ApiKeyRecord]:
        return self._transport.iterate(resources.pages(ApiKeyRecord, "keys", most=limit))

    async def create(self, name: str, scopes: Iterable[Scope], expires_at: str | None = None) -> CreatedKey:
        """A new key; its secret is in this answer and nowhere else."""
        return await self._transport.run(
            resources.create(CreatedKey, resources.new_key(name, scopes, expires_at), "keys")
        )

    async def revoke(self, key_id: str) -> None:
        await self._transport.run(resources.remove("keys", key_id))


class AsyncQueues(_Resource):
    """What waits and runs, of all tenants; needs a key with scope `operate`."""

    def list(self) -> AsyncIterator[QueueStatus]:
        return self._transport.iterate(resources.pages(QueueStatus, "queues"))


class AsyncWorkers(_Resource):
    """Every worker that was not told to stop; needs a key with scope `operate`."""

    def list(self) -> AsyncIterator[WorkerStatus]:
        return self._transport.iterate(resources.pages(WorkerStatus, "workers"))
