"""The blocking client."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from impasto.artifacts import digest_of
from impasto.artworks import UploadResult
from impasto.client import following, jobs, resources, upload
from impasto.client.address import find_address
from impasto.client.files import FolderUpload, OnFileProgress
from impasto.client.jobs import BulkOptions, JobOptions, SubmitOptions
from impasto.client.resources import About
from impasto.client.retrying import Retries
from impasto.client.threaded_pipelines import Pipelines
from impasto.client.threaded_resources import (
    Artifacts,
    Artworks,
    Checkpoints,
    Datasets,
    Files,
    Job,
    Jobs,
    Keys,
    OnProgress,
    Queues,
    Styles,
    Workers,
)
from impasto.client.threaded_schedules import Schedules
from impasto.client.threaded_tenants import Tenants
from impasto.client.threaded_transport import Transport
from impasto.client.threaded_webhooks import Webhooks
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


class Client:
    """An Impasto platform, from a program.

        client = Client()
        result = client.run(Stylise(picture=artwork_id, mix=StyleMix(builtin={"blue-woodblock": 1.0})))
        client.artifacts.download(result.artifact.sha256, "out.png")

    Address and key come from the arguments, IMPASTO_URL and IMPASTO_API_KEY, or the `.impasto/client.json` of this
    folder or one above. Requests that fail in passing are tried again (`retries` times). Threads may share a client.
    """

    def __init__(self, url: str | None = None, api_key: str | None = None, *, retries: int = 4) -> None:
        """Raises:
        ImpastoError: no address or no key is known; `hint` says what to do.
        """
        self.transport = transport = Transport(find_address(url, api_key), Retries(retries))
        self.jobs, self.artworks, self.datasets = Jobs(transport), Artworks(transport), Datasets(transport)
        self.checkpoints, self.styles = Checkpoints(transport), Styles(transport)
        self.artifacts, self.files, self.keys = Artifacts(transport), Files(transport), Keys(transport)
        self.webhooks, self.pipelines = Webhooks(transport), Pipelines(transport)
        self.schedules, self.tenants = Schedules(transport), Tenants(transport)
        self.queues, self.workers = Queues(transport), Workers(transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connections back."""
        self.transport.close()

    def about(self) -> About:
        """The platform's name, version and the address for uploads."""
        return self.transport.run(resources.fetch(About))

    def usage(self) -> TenantUsage:
        """What the tenant of this key uses and may."""
        return self.transport.run(resources.fetch(TenantUsage, "usage"))

    def events(
        self, after: str = "now", *, follow: bool = True, kinds: Collection[str] = (), types: Collection[str] = ()
    ) -> Iterator[TenantEvent]:
        """Every event of every job of the tenant after a position: as they happen, without an end, or those so far.

        `after` is `0` for the oldest, `now`, or an event's `position`: nothing after it is skipped, however often the
        stream breaks. `kinds` and `types` choose among them.
        """
        flow = following.following if follow else following.listing
        return self.transport.iterate(flow(after, kinds, types))

    def lineage(self, identifier: str, direction: Literal["up", "down"] = "up") -> LineageGraph:
        """Up: the works behind a thing. Down: what was made of it."""
        return self.transport.run(resources.fetch(LineageGraph, "lineage", identifier, direction=direction))

    def upload(
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
        plan.origin = self.about().ingestion_url
        with ThreadPoolExecutor(upload.IN_FLIGHT, thread_name_prefix="impasto-upload") as threads:
            sent = [threads.submit(self.transport.run, plan.sending(index)) for index in range(len(plan.batches))]
            try:
                for batch in wait(sent, return_when=FIRST_EXCEPTION).done:
                    batch.result()
            except BaseException:  # Ctrl-C too: batches that have not started must not start
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        return plan.result()

    def import_pipeline(
        self,
        folder: str | Path,
        *,
        name: str,
        adapter_of: str | None = None,
        evaluate: bool = True,
        on_progress: OnFileProgress | None = None,
    ) -> Job[importing.ImportedCheckpoint]:
        """Uploads a pipeline's folder, or LoRA weights for the checkpoint `adapter_of`, and submits the import.

        What the platform has already is not sent again, so an upload that broke off goes on where it was.

        Raises:
            InvalidInput: there is nothing to import, or the platform refuses a file.
        """
        sent = FolderUpload(Path(folder), on_progress)
        origin = self.about().ingestion_url
        for path in sent.paths:
            self.transport.run(sent.sending(path, digest_of(path), origin))
        return self.submit(sent.params(name, adapter_of, evaluate))

    @overload
    def submit(
        self, params: importing.ImportCheckpoint, **o: Unpack[SubmitOptions]
    ) -> Job[importing.ImportedCheckpoint]: ...
    @overload
    def submit(self, params: prepare.PrepareDataset, **o: Unpack[SubmitOptions]) -> Job[prepare.PreparedDataset]: ...
    @overload
    def submit(
        self, params: train.TrainStyleClassifier, **o: Unpack[SubmitOptions]
    ) -> Job[train.TrainedStyleClassifier]: ...
    @overload
    def submit(
        self, params: evaluate.EvaluateCheckpoint, **o: Unpack[SubmitOptions]
    ) -> Job[evaluate.EvaluatedCheckpoint]: ...
    @overload
    def submit(
        self, params: evaluate_drawing.EvaluateTextToImage, **o: Unpack[SubmitOptions]
    ) -> Job[evaluate_drawing.EvaluatedTextToImage]: ...
    @overload
    def submit(
        self, params: draw.GenerateTextToImage, **o: Unpack[SubmitOptions]
    ) -> Job[draw.GeneratedTextToImage]: ...
    @overload
    def submit(
        self, params: train_draw.TrainTextToImage, **o: Unpack[SubmitOptions]
    ) -> Job[train_draw.TrainedTextToImage]: ...
    @overload
    def submit(self, params: stylise.Stylise, **o: Unpack[SubmitOptions]) -> Job[stylise.Stylised]: ...
    @overload
    def submit(self, params: upscale.Upscale, **o: Unpack[SubmitOptions]) -> Job[upscale.Upscaled]: ...
    @overload
    def submit(self, params: analyse.AnalyseArtwork, **o: Unpack[SubmitOptions]) -> Job[analyse.AnalysedArtwork]: ...
    @overload
    def submit(self, params: Params, **o: Unpack[SubmitOptions]) -> Job[Any]: ...
    def submit(self, params: Params, **o: Unpack[SubmitOptions]) -> Job[Any]:
        """Submits a job; it is durable when this returns. The kind follows from the params' type.

        Options: `priority` (-10..10), `deadline_s`, `start_by_s`, `start_after_s`, `no_progress_s` (10..86400),
        `require_worker` (refuse the job if no live worker can run it), `idempotency_key` (the same key again gives the
        same job), `callback` ({"url", "events", "secret"}: where this job's events are sent).
        """
        return Job(self.transport, self.transport.run(jobs.submitting(params, o)))

    def submit_all(
        self, params: Iterable[Params | tuple[Params, JobOptions]], **o: Unpack[BulkOptions]
    ) -> list[Job[Any]]:
        """Submits up to 1,000 jobs of any kinds together: all are accepted, in one commit, or none. In their order.

        Options hold for all: `priority`, `deadline_s`, `start_by_s`, `no_progress_s`, `require_worker`, and
        `idempotency_key` of the whole call. A job with options of its own is given as `(params, {"priority": 5})`.
        There are no callbacks.
        """
        accepted = self.transport.run(jobs.submitting_all(params, o))
        return [Job(self.transport, record) for record in accepted]

    @overload
    def run(
        self, params: importing.ImportCheckpoint, on_progress: OnProgress | None = None
    ) -> importing.ImportedCheckpoint: ...
    @overload
    def run(self, params: prepare.PrepareDataset, on_progress: OnProgress | None = None) -> prepare.PreparedDataset: ...
    @overload
    def run(
        self, params: train.TrainStyleClassifier, on_progress: OnProgress | None = None
    ) -> train.TrainedStyleClassifier: ...
    @overload
    def run(
        self, params: evaluate.EvaluateCheckpoint, on_progress: OnProgress | None = None
    ) -> evaluate.EvaluatedCheckpoint: ...
    @overload
    def run(
        self, params: evaluate_drawing.EvaluateTextToImage, on_progress: OnProgress | None = None
    ) -> evaluate_drawing.EvaluatedTextToImage: ...
    @overload
    def run(
        self, params: draw.GenerateTextToImage, on_progress: OnProgress | None = None
    ) -> draw.GeneratedTextToImage: ...
    @overload
    def run(
        self, params: train_draw.TrainTextToImage, on_progress: OnProgress | None = None
    ) -> train_draw.TrainedTextToImage: ...
    @overload
    def run(self, params: stylise.Stylise, on_progress: OnProgress | None = None) -> stylise.Stylised: ...
    @overload
    def run(self, params: upscale.Upscale, on_progress: OnProgress | None = None) -> upscale.Upscaled: ...
    @overload
    def run(self, params: analyse.AnalyseArtwork, on_progress: OnProgress | None = None) -> analyse.AnalysedArtwork: ...
    @overload
    def run(self, params: Params, on_progress: OnProgress | None = None) -> Any: ...
    def run(self, params: Params, on_progress: OnProgress | None = None) -> Any:
        """Submits and waits. Raises as `Job.wait` does; use `submit` to keep the job's id for later."""
        return self.submit(params).wait(on_progress=on_progress)
