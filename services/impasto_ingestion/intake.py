"""Takes files in: known already, or decoded, put into the store, and published with their artwork in one commit."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from prometheus_client import Counter
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from impasto.artifacts import ArtifactRef, digest_of
from impasto.artworks import Artwork, ArtworkMetadata, FileVerdict, UploadResult
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.artifacts import publish, touch
from impasto.backends.postgres.artworks import artwork_by_upload, insert_artwork
from impasto.backends.postgres.pools import tenant_transaction
from impasto.backends.postgres.quotas import check_room
from impasto.backends.postgres.webhooks import tell_refused
from impasto.errors import ImpastoError, InvalidInput, LimitExceeded, Unavailable
from impasto.identifiers import new_id
from impasto_ingestion import limits
from impasto_ingestion.decoder.refusing import Refused
from impasto_ingestion.decoders import DecodedPicture, Decoders
from impasto_ingestion.form import SentFile

FILES: Final = Counter("impasto_ingestion_files", "Uploaded files by verdict and error code", ["verdict", "code"])
_PUTS_AT_ONCE: Final = 8
# Of one request; more would let a large request keep small ones from the decoders.
_FILES_AT_ONCE: Final = 10


@dataclass(slots=True)
class _Round:
    """What the files of one request share."""

    tenant_id: str
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_FILES_AT_ONCE))
    # The same file twice in a request is decoded once.
    same: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    store_down: Unavailable | None = None


class Intake:
    """Turns files on disk into artworks. Safe to repeat: the same bytes are the same artwork."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], objects: S3Objects, decoders: Decoders) -> None:
        self._pool, self._objects, self._decoders = pool, objects, decoders
        # Threads of their own: a slow store must not keep other requests from being received.
        self._putting = ThreadPoolExecutor(_PUTS_AT_ONCE, thread_name_prefix="put")

    def close(self) -> None:
        """Waits for puts that are under way."""
        self._putting.shutdown()

    async def take(
        self, tenant_id: str, files: list[SentFile], said: list[ArtworkMetadata | InvalidInput]
    ) -> UploadResult:
        """A verdict for each file, in the order sent.

        Raises:
            Unavailable: the database does not answer; or the object store does not, and not one file went in. If
                only some could not be stored they are refused, so that the others need not be sent again.
        """
        shared = _Round(tenant_id)
        tasks = [asyncio.create_task(self._verdict(shared, *pair)) for pair in zip(files, said, strict=True)]
        try:
            verdicts = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        counts = {kind: sum(v.verdict == kind for v in verdicts) for kind in ("accepted", "duplicate", "refused")}
        if shared.store_down is not None and not counts["accepted"]:
            raise shared.store_down
        for verdict in verdicts:
            FILES.labels(verdict.verdict, (verdict.error or {}).get("code", "")).inc()
        await self._tell_refused(tenant_id, zip(files, verdicts, strict=True))
        return UploadResult(files=verdicts, **counts)

    async def check_room(self, tenant_id: str) -> None:
        """Raises:
        LimitExceeded: the tenant's storage is full, so nothing need be received.
        """
        async with tenant_transaction(self._pool, tenant_id) as connection:
            await check_room(connection, tenant_id)

    async def keep(self, tenant_id: str, made: ArtifactRef, path: Path) -> None:
        """Stores a file that is no artwork, and makes it visible.

        Raises:
            Unavailable: the object store or the database does not answer.
            LimitExceeded: it does not fit into the tenant's storage.
        """
        await self._put(_Round(tenant_id), made, path)
        async with tenant_transaction(self._pool, tenant_id) as connection:
            await publish(connection, tenant_id, made.sha256)

    async def _tell_refused(self, tenant_id: str, judged: Iterable[tuple[SentFile, FileVerdict]]) -> None:
        """A refused file has no row whose commit could carry the webhook: it gets one of its own."""
        refused = [(file, verdict.error["code"]) for file, verdict in judged if verdict.error]
        if not refused:
            return
        with suppress(Unavailable):  # the uploader is told all the same
            async with tenant_transaction(self._pool, tenant_id) as connection:
                for file, code in refused:
                    await tell_refused(connection, file.sha256, file.size_bytes, code)

    async def _verdict(self, shared: _Round, file: SentFile, said: ArtworkMetadata | InvalidInput) -> FileVerdict:
        try:
            if isinstance(said, InvalidInput):
                raise said
            if file.too_large:
                raise Refused(
                    "body_too_large", "the file is too large", limit=limits.MOST_FILE_BYTES, actual=file.size_bytes
                )
            async with shared.same[file.sha256], shared.turns:
                return await self._take_one(shared, file, said)
        except Unavailable as error:
            if error.code != "storage_unavailable":
                raise
            shared.store_down = error
            return _refused(file, error)
        except (Refused, InvalidInput, LimitExceeded) as error:
            return _refused(file, error)
        finally:
            file.path.unlink(missing_ok=True)

    async def _take_one(self, shared: _Round, file: SentFile, said: ArtworkMetadata) -> FileVerdict:
        async with tenant_transaction(self._pool, shared.tenant_id) as connection:
            earlier = await artwork_by_upload(connection, file.sha256)
        if earlier is not None:
            return FileVerdict(file_name=file.name, verdict="duplicate", artwork=earlier)
        target = file.path.with_suffix(".made")
        try:
            picture = await self._decoders.decode(file.path, target)
            digest, size = await asyncio.to_thread(digest_of, target)
            made = ArtifactRef(sha256=digest, media_type=picture.media_type, size_bytes=size)
            await self._put(shared, made, target)
        finally:
            target.unlink(missing_ok=True)
        return await self._publish(shared.tenant_id, file, made, _row(file, made, picture, said))

    async def _put(self, shared: _Round, made: ArtifactRef, target: Path) -> None:
        # The touch is committed first: from here on no sweep removes the object.
        async with tenant_transaction(self._pool, shared.tenant_id) as connection:
            stored = await touch(connection, shared.tenant_id, made)
        if stored:
            return
        # The client has retried by the time it gives up: the other files need not find out again.
        if shared.store_down is not None:
            raise shared.store_down
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._putting, self._objects.put, shared.tenant_id, made, target)

    async def _publish(self, tenant_id: str, file: SentFile, made: ArtifactRef, row: dict[str, Any]) -> FileVerdict:
        artwork: Artwork | None
        async with tenant_transaction(self._pool, tenant_id) as connection:
            await publish(connection, tenant_id, made.sha256)
            artwork = await insert_artwork(connection, row)
            if artwork is not None:
                return FileVerdict(file_name=file.name, verdict="accepted", artwork=artwork)
            # Another request with the same bytes was faster.
            artwork = await artwork_by_upload(connection, file.sha256)
        return FileVerdict(file_name=file.name, verdict="duplicate", artwork=artwork)


def _row(file: SentFile, made: ArtifactRef, picture: DecodedPicture, said: ArtworkMetadata) -> dict[str, Any]:
    return {
        "id": new_id("art"),
        "upload_sha256": file.sha256,
        "file_name": file.name,
        "width": picture.width,
        "height": picture.height,
        "warnings": picture.warnings,
        **made.model_dump(),
        **said.model_dump(),
    }


def _refused(file: SentFile, error: Refused | ImpastoError) -> FileVerdict:
    return FileVerdict(file_name=file.name, verdict="refused", error=error.as_record())
