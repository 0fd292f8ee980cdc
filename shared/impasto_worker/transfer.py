"""Artifacts between the store and a job's folder: touched, put once, fetched once, verified."""

from __future__ import annotations

import logging
import math
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from impasto.artifacts import MEDIA_TYPES, ArtifactRef, digest_of
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.artifacts import PostgresArtifacts
from impasto.backends.telemetry import spans
from impasto.errors import Unavailable
from impasto_worker.patience import patiently

_LOG = logging.getLogger("impasto.transfer")
_TRIM_EVERY_S: Final = 600.0
_MOST_BYTES: Final = 64_000_000_000
_UNFINISHED: Final = ".part"
# Beside the cache: folders of hard links into it.
PIPELINES: Final = "pipelines"


class Transfer:
    """Moves artifacts for one worker; `folder` is its cache, shared by its jobs and bounded by `most_bytes`.

    Without those it may have 64 GB, and never more than half of what is free beside it.
    """

    def __init__(
        self, objects: S3Objects, artifacts: PostgresArtifacts, folder: Path, most_bytes: int | None = None
    ) -> None:
        self._objects, self._artifacts, self._folder, self._most = objects, artifacts, folder, most_bytes
        self._trimmed_at = time.monotonic()

    def put(self, tenant_id: str, path: Path, check: Callable[[], None]) -> ArtifactRef:
        """Stores a file and says what it is; invisible until a finish publishes it.

        Raises:
            Unavailable: the store did not answer for 90 seconds.
            ValueError: a file whose ending has no media type.
        """
        if path.suffix not in MEDIA_TYPES:
            raise ValueError(f"no media type for {path.name}; known endings are {', '.join(MEDIA_TYPES)}")
        sha256, size = digest_of(path)
        artifact = ArtifactRef(sha256=sha256, media_type=MEDIA_TYPES[path.suffix], size_bytes=size)
        if not patiently(lambda: self._artifacts.touch(tenant_id, artifact), check):
            with _asking("PutObject", sha256, size):
                patiently(lambda: self._objects.put(tenant_id, artifact, path), check)
            patiently(lambda: self._artifacts.stored(tenant_id, artifact), check)
        return artifact

    def fetch(self, tenant_id: str, sha256: str, check: Callable[[], None], into: Path | None = None) -> Path:
        """The object as a read-only file in the cache, or in the folder `into`.

        Raises:
            Unavailable: the store did not answer for 90 seconds.
        """
        with _asking("GetObject", sha256):
            return patiently(lambda: self._objects.fetch(tenant_id, sha256, into or self._folder), check)

    def keep_state(self, key: str, path: Path, check: Callable[[], None]) -> None:
        """Stores the state of a job that still runs under a key of `run_key`.

        Raises:
            Unavailable: the store did not answer for 90 seconds.
        """
        with _asking("PutObject", key, path.stat().st_size):
            patiently(lambda: self._objects.put_run(key, path), check)

    def fetch_state(self, key: str, sha256: str, path: Path, check: Callable[[], None]) -> Path:
        """The stored state as a file, verified.

        Raises:
            NotFound: the store has none of that key, or only a damaged one.
            Unavailable: the store did not answer for 90 seconds.
        """
        with _asking("GetObject", key):
            return patiently(lambda: self._objects.fetch_run(key, sha256, path), check)

    def drop_state(self, key: str) -> None:
        """Removes a stored state that nothing refers to any more; what an outage leaves goes with the others."""
        try:
            self._objects.remove_run(key)
        except Unavailable as error:
            _LOG.warning("a state that is not needed any more stays: %s", error.code)

    def trim(self, newest_job_at: float = math.inf) -> None:
        """Removes what was used longest ago until the cache fits. Only while no job runs; looks once in ten minutes.

        What was used since the newest job began, by the clock, stays however large it is: the next may need it.
        """
        if time.monotonic() - self._trimmed_at < _TRIM_EVERY_S:
            return
        self._trimmed_at = time.monotonic()
        files = [(f.stat().st_mtime, f.stat().st_size, f) for f in self._folder.glob("*/*") if f.suffix != _UNFINISHED]
        total = sum(size for _, size, _ in files)
        # A job that starts at this moment may have been given any of the newest.
        oldest = min(time.time() - _TRIM_EVERY_S, newest_job_at)
        most = self._budget_bytes(total)
        for used_at, size, file in sorted(files):
            if total <= most or used_at > oldest:
                break
            total -= size
            file.unlink(missing_ok=True)
        self._drop_pipelines(oldest)

    def _budget_bytes(self, held_bytes: int) -> int:
        if self._most is not None:
            return self._most
        free = shutil.disk_usage(self._folder).free if self._folder.exists() else 0
        return min(_MOST_BYTES, (free + held_bytes) // 2)

    def _drop_pipelines(self, oldest: float) -> None:
        """A folder that holds the last link to anything would keep the disk full."""
        for folder in (self._folder.parent / PIPELINES).glob("*/*"):
            alone = [file for file in folder.rglob("*") if file.is_file() and file.stat().st_nlink == 1]
            if (alone or folder.name.startswith(".part-")) and folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def _asking(method: str, key: str, size_bytes: int | None = None) -> spans.Span:
    """Around what is asked of the store; what the cache holds is a span without a length."""
    if not spans.recorded():
        return spans.span(method)
    about: dict[str, str | int | float | bool] = {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": method}
    about |= {"aws.s3.key": key} if size_bytes is None else {"aws.s3.key": key, "impasto.size_bytes": size_bytes}
    return spans.span(f"S3/{method}", "client", attributes=about)
