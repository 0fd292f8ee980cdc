"""The asynchronous client's pipelines and the handle of one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from impasto.client import pipelines, resources
from impasto.client.asynchronous_transport import AsyncTransport
from impasto.client.pipelines import Steps
from impasto.pipelines.records import (
    PipelineEvent,
    PipelinePlan,
    PipelineRecord,
    PipelineState,
    PipelineSummary,
    StepProgress,
)

OnStepProgress = Callable[[StepProgress], None]
OnPipelineEvent = Callable[[PipelineEvent], None]


class AsyncPipeline:
    """A submitted pipeline. `record` is what was last heard of it."""

    def __init__(self, transport: AsyncTransport, record: PipelineRecord) -> None:
        self._transport, self.record = transport, record

    def __repr__(self) -> str:
        return f"AsyncPipeline({self.id!r}, name={self.record.name!r}, state={self.state.value!r})"

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def state(self) -> PipelineState:
        """As last heard; `refresh()` asks."""
        return self.record.state

    async def refresh(self) -> PipelineRecord:
        """Asks for the record."""
        self.record = await self._transport.run(resources.fetch(PipelineRecord, "pipelines", self.id))
        return self.record

    async def cancel(self) -> PipelineRecord:
        """Asks for the pipeline to stop; it ends a little later. Raises Conflict if it has ended."""
        self.record = await self._transport.run(pipelines.canceling(self.id))
        return self.record

    async def resume(self) -> PipelineRecord:
        """Tries again what failed or was canceled and keeps what has succeeded. Raises Conflict if all of it has."""
        self.record = await self._transport.run(pipelines.resuming(self.id))
        return self.record

    def events(self, after: int = 0) -> AsyncIterator[PipelineEvent | StepProgress]:
        """Events after that number, and its jobs' progress in between, until the pipeline ends."""
        return AsyncPipelines(self._transport).events(self.id, after)

    async def wait(
        self,
        timeout: float | None = None,
        on_progress: OnStepProgress | None = None,
        on_event: OnPipelineEvent | None = None,
    ) -> PipelineRecord:
        """The record of a pipeline that has succeeded.

        Raises:
            JobFailed: it failed or was canceled; `code` and `data["step"]` say why.
            TimeoutError: it has not ended in `timeout` seconds; it goes on.
        """
        self.record = await self._transport.run(pipelines.waiting(self.id, timeout, on_progress, on_event))
        return pipelines.succeeded(self.record)


class AsyncPipelines:
    """Several jobs that feed one another, submitted as one."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def submit(self, name: str, steps: Steps, *, idempotency_key: str | None = None) -> AsyncPipeline:
        """Submits steps by name; it is durable when this returns. A step has `kind` and `params`, and may have `if`,
        `after`, `priority` and `no_progress_s`.

        A value of the params may be `$steps.<step>.<field>`. Everything is checked before the first job starts.

        Raises:
            InvalidInput: it could not run; `data["errors"]` names each fault's place.
        """
        return AsyncPipeline(
            self._transport, await self._transport.run(pipelines.submitting(name, steps, idempotency_key))
        )

    async def plan(self, name: str, steps: Steps) -> PipelinePlan:
        """What would run, in its order; nothing is kept. Raises as `submit` does."""
        return await self._transport.run(pipelines.planning(name, steps))

    async def get(self, pipeline_id: str) -> PipelineRecord:
        return await self._transport.run(resources.fetch(PipelineRecord, "pipelines", pipeline_id))

    async def handle(self, pipeline_id: str) -> AsyncPipeline:
        """A handle of a pipeline submitted earlier, maybe by another process."""
        return AsyncPipeline(self._transport, await self.get(pipeline_id))

    def list(
        self, *, state: PipelineState | str | None = None, limit: int | None = None
    ) -> AsyncIterator[PipelineSummary]:
        """Newest first, read page by page as you go; at most `limit`."""
        asked = str(state) if state else None
        return self._transport.iterate(resources.pages(PipelineSummary, "pipelines", most=limit, state=asked))

    async def cancel(self, pipeline_id: str) -> PipelineRecord:
        return await self._transport.run(pipelines.canceling(pipeline_id))

    async def resume(self, pipeline_id: str) -> PipelineRecord:
        return await self._transport.run(pipelines.resuming(pipeline_id))

    def events(self, pipeline_id: str, after: int = 0) -> AsyncIterator[PipelineEvent | StepProgress]:
        """Events after that number, and progress in between, until the end; a broken stream is taken up again."""
        watched = self._transport.iterate(pipelines.following(pipeline_id, after))
        return (told async for told in watched if not isinstance(told, PipelineRecord))
