"""The asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from impasto.artifacts import digest_of
from impasto.artworks import UploadResult
from impasto.client import following, jobs, resources, upload
from impasto.client.address import find_address
from impasto.client.asynchronous_pipelines import AsyncPipelines
from impasto.client.asynchronous_resources import (
    AsyncArtifacts,
    AsyncArtworks,
    AsyncCheckpoints,
    AsyncDatasets,
    AsyncFiles,
    AsyncJob,
    AsyncJobs,
    AsyncKeys,
    AsyncQueues,
    AsyncStyles,
    AsyncWorkers,
    OnProgress,
)
from impasto.client.asynchronous_schedules import AsyncSchedules
from impasto.client.asynchronous_tenants import AsyncTenants
from impasto.client.asynchronous_transport import AsyncTransport
from impasto.client.asynchronous_webhooks import AsyncWebhooks
from impasto.client.files import FolderUpload, OnFileProgress
from impasto.client.jobs import BulkOptions, JobOptions, SubmitOptions
from impasto.client.resources import About
from impasto.client.retrying import Retries
from impasto.client.upload import Metadata, Source, UploadProgress
from impasto.events import TenantEvent
from impasto.lineage import LineageGraph
from impasto.quotas import TenantUsage

if TYPE_CHECKING:
    from impasto.kinds import analyse_artwork as analyse
    from impasto.kinds import checkpoint_import as importing
    from impasto.kinds import dataset_prepare as prepare
    from impasto.kinds import evaluate_checkpoint as evaluate
    from impasto.kinds import evaluate_text_to_image as evaluate_drawing
    from impasto.kinds import generate_stylise as stylise
    from impasto.kinds import generate_text_to_image as draw
    from impasto.kinds import generate_upscale as upscale
    from impasto.kinds import train_style_classifier as train
    from impasto.kinds import train_text_to_image as train_draw
    from impasto.kinds.kind import Params


class AsyncClient:
    """An Impasto platform, from a program that runs on an event loop. The same as `Client`, awaited.

        async with AsyncClient() as client:
            job = await client.submit(Upscale(picture=artwork_id, factor=2))
            result = await job.wait()

    Address and key come from the arguments, IMPASTO_URL and IMPASTO_API_KEY, or the `.impasto/client.json` of this
    folder or one above. Requests that fail in passing are tried again (`retries` times).
    """

    def __init__(self, url: str | None = None, api_key: str | None = None, *, retries: int = 4) -> None:
        """Raises:
        ImpastoError: no address or no key is known; `hint` says what to do.
        """
        self.transport = transport = AsyncTransport(find_address(url, api_key), Retries(retries))
        self.jobs, self.artworks = AsyncJobs(transport), AsyncArtworks(transport)
        self.datasets, self.checkpoints = AsyncDatasets(transport), AsyncCheckpoints(transport)
        self.styles = AsyncStyles(transport)
        self.artifacts, self.files, self.keys = AsyncArtifacts(transport), AsyncFiles(transport), AsyncKeys(transport)
        self.webhooks, self.pipelines = AsyncWebhooks(transport), AsyncPipelines(transport)
        self.schedules, self.tenants = AsyncSchedules(transport), AsyncTenants(transport)
        self.queues, self.workers = AsyncQueues(transport), AsyncWorkers(transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Gives the connections back."""
        await self.transport.close()

    async def about(self) -> About:
        """The platform's name, version and the address for uploads."""
        return await self.transport.run(resources.fetch(About))

    async def usage(self) -> TenantUsage:
        """What the tenant of this key uses and may."""
        return await self.transport.run(resources.fetch(TenantUsage, "usage"))

    def events(
        self, after: str = "now", *, follow: bool = True, kinds: Collection[str] = (), types: Collection[str] = ()
    ) -> AsyncIterator[TenantEvent]:
        """Every event of every job of the tenant after a position: as they happen, without an end, or those so far.

        `after` is `0` for the oldest, `now`, or an event's `position`: nothing after it is skipped, however often the
        stream breaks. `kinds` and `types` choose among them.
        """
        flow = following.following if follow else following.listing
        return self.transport.iterate(flow(after, kinds, types))

    async def lineage(self, identifier: str, direction: Literal["up", "down"] = "up") -> LineageGraph:
        """Up: the works behind a thing. Down: what was made of it."""
        return await self.transport.run(resources.fetch(LineageGraph, "lineage", identifier, direction=direction))

    async def upload(
        self,
        sources: Source | Iterable[Source],
        *,
        metadata: Metadata = None,
        on_progress: Callable[[UploadProgress], None] | None = None,
    ) -> UploadResult:
        """Uploads pictures or whole folders; gives a verdict for each file. A refused file is a verdict, not an error.

        Captions come from `captions.jsonl` or `metadata.jsonl` in a folder, or from `<picture>.txt` beside a picture;
        `metadata` holds for every file that says nothing else. Files are read from disk while they are sent.

        Raises:
            InvalidInput: no pictures there, or captions or fields that are not valid.
        """
        plan = upload.plan_upload(sources, metadata, on_progress)
        plan.origin = (await self.about()).ingestion_url
        free = asyncio.Semaphore(upload.IN_FLIGHT)

        async def send(index: int) -> None:
            async with free:
                await self.transport.run(plan.sending(index))

        sending = [asyncio.ensure_future(send(index)) for index in range(len(plan.batches))]
        try:
            await asyncio.gather(*sending)
        finally:
            for batch in sending:
                batch.cancel()
        return plan.result()

    async def import_pipeline(
        self,
        folder: str | Path,
        *,
        name: str,
        adapter_of: str | None = None,
        evaluate: bool = True,
        on_progress: OnFileProgress | None = None,
    ) -> AsyncJob[importing.ImportedCheckpoint]:
        """Uploads a pipeline's folder, or LoRA weights for the checkpoint `adapter_of`, and submits the import.

        What the platform has already is not sent again, so an upload that broke off goes on where it was.

        Raises:
            InvalidInput: there is nothing to import, or the platform refuses a file.
        """
        sent = FolderUpload(Path(folder), on_progress)
        origin = (await self.about()).ingestion_url
        for path in sent.paths:
            digest = await asyncio.to_thread(digest_of, path)
            await self.transport.run(sent.sending(path, digest, origin))
        return await self.submit(sent.params(name, adapter_of, evaluate))

    @overload
    async def submit(
        self, params: importing.ImportCheckpoint, **o: Unpack[SubmitOptions]
    ) -> AsyncJob[importing.ImportedCheckpoint]: ...
    @overload
    async def submit(
        self, params: prepare.PrepareDataset, **o: Unpack[SubmitOptions]
    ) -> AsyncJob[prepare.PreparedDataset]: ...
    @overload
    async def submit(
        self, params: train.TrainStyleClassifier, **o: Unpack[SubmitOptions]
    ) -> AsyncJob[train.TrainedStyleClassifier]: ...
    @overload
    async def submit(
        self, params: evaluate.EvaluateCheckpoint, **o: Unpack[SubmitOptions]
    ) -> AsyncJob[evaluate.EvaluatedCheckpoint]: ...
    @overload
    async def submit(
        self, params: evaluate_drawing.EvaluateTextToImage, **o: Unpack[SubmitOptions]
    ) -> AsyncJob[evaluate_drawing.EvaluatedTextToImage]: ...
    @overload
    async def submit(
        self, params: draw.GenerateTextToImage, **o: Unpack[SubmitOptions]
    ) -> AsyncJob[draw.GeneratedTextToImage]: ...
    @overload
    async def submit(
        self, params: train_draw.TrainTextToImage, **o: Unpack[SubmitOptions]
    ) -> AsyncJob[train_draw.TrainedTextToImage]: ...
    @overload
    async def submit(self, params: stylise.Stylise, **o: Unpack[SubmitOptions]) -> AsyncJob[stylise.Stylised]: ...
    @overload
    async def submit(self, params: upscale.Upscale, **o: Unpack[SubmitOptions]) -> AsyncJob[upscale.Upscaled]: ...
    @overload
    async def submit(
        self, params: analyse.AnalyseArtwork, **o: Unpack[SubmitOptions]
    ) -> AsyncJob[analyse.AnalysedArtwork]: ...
    @overload
    async def submit(self, params: Params, **o: Unpack[SubmitOptions]) -> AsyncJob[Any]: ...
    async def submit(self, params: Params, **o: Unpack[SubmitOptions]) -> AsyncJob[Any]:
        """Submits a job; it is durable when this returns. The kind follows from the params' type.

        Options: `priority` (-10..10), `deadline_s`, `start_by_s`, `start_after_s`, `no_progress_s` (10..86400),
        `require_worker` (refuse the job if no live worker can run it), `idempotency_key` (the same key again gives the
        same job), `callback` ({"url", "events", "secret"}: where this job's events are sent).
        """
        return AsyncJob(self.transport, await self.transport.run(jobs.submitting(params, o)))

    async def submit_all(
        self, params: Iterable[Params | tuple[Params, JobOptions]], **o: Unpack[BulkOptions]
    ) -> list[AsyncJob[Any]]:
        """Submits up to 1,000 jobs of any kinds together: all are accepted, in one commit, or none. In their order.

        Options hold for all: `priority`, `deadline_s`, `start_by_s`, `no_progress_s`, `require_worker`, and
        `idempotency_key` of the whole call. A job with options of its own is given as `(params, {"priority": 5})`.
        There are no callbacks.
        """
        accepted = await self.transport.run(jobs.submitting_all(params, o))
        return [AsyncJob(self.transport, record) for record in accepted]

    @overload
    async def run(
        self, params: importing.ImportCheckpoint, on_progress: OnProgress | None = None
    ) -> importing.ImportedCheckpoint: ...
    @overload
    async def run(
        self, params: prepare.PrepareDataset, on_progress: OnProgress | None = None
    ) -> prepare.PreparedDataset: ...
    @overload
    async def run(
        self, params: train.TrainStyleClassifier, on_progress: OnProgress | None = None
    ) -> train.TrainedStyleClassifier: ...
    @overload
    async def run(
        self, params: evaluate.EvaluateCheckpoint, on_progress: OnProgress | None = None
    ) -> evaluate.EvaluatedCheckpoint: ...
    @overload
    async def run(
        self, params: evaluate_drawing.EvaluateTextToImage, on_progress: OnProgress | None = None
    ) -> evaluate_drawing.EvaluatedTextToImage: ...
    @overload
    async def run(
        self, params: draw.GenerateTextToImage, on_progress: OnProgress | None = None
    ) -> draw.GeneratedTextToImage: ...
    @overload
    async def run(
        self, params: train_draw.TrainTextToImage, on_progress: OnProgress | None = None
    ) -> train_draw.TrainedTextToImage: ...
    @overload
    async def run(self, params: stylise.Stylise, on_progress: OnProgress | None = None) -> stylise.Stylised: ...
    @overload
    async def run(self, params: upscale.Upscale, on_progress: OnProgress | None = None) -> upscale.Upscaled: ...
    @overload
    async def run(
        self, params: analyse.AnalyseArtwork, on_progress: OnProgress | None = None
    ) -> analyse.AnalysedArtwork: ...
    @overload
    async def run(self, params: Params, on_progress: OnProgress | None = None) -> Any: ...
    async def run(self, params: Params, on_progress: OnProgress | None = None) -> Any:
        """Submits and waits. Raises as `Job.wait` does; use `submit` to keep the job's id for later."""
        return await (await self.submit(params)).wait(on_progress=on_progress)
