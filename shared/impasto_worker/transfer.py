"""Artifacts between the store and a job's folder: touched, put once, fetched once, verified."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from impasto.artifacts import MEDIA_TYPES, ArtifactRef, digest_of
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.artifacts import PostgresArtifacts
from impasto.errors import Unavailable

_LOG = logging.getLogger("impasto.transfer")
_PATIENCE_S: Final = 90.0
_TRIM_EVERY_S: Final = 600.0
T = TypeVar("T")


class Transfer:
    """Moves artifacts for one worker; `folder` is its cache, shared by its jobs and bounded by `most_bytes`."""

    def __init__(
        self, objects: S3Objects, artifacts: PostgresArtifacts, folder: Path, most_bytes: int = 8 << 30
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
        if not self._artifacts.touch(tenant_id, artifact):
            _patiently(lambda: self._objects.put(tenant_id, artifact, path), check)
            self._artifacts.stored(tenant_id, artifact)
        return artifact

    def fetch(self, tenant_id: str, sha256: str, check: Callable[[], None], into: Path | None = None) -> Path:
        """The object as a read-only file in the cache, or in the folder `into`.

        Raises:
            Unavailable: the store did not answer for 90 seconds.
        """
        return _patiently(lambda: self._objects.fetch(tenant_id, sha256, into or self._folder), check)

    def trim(self) -> None:
        """Removes what was used longest ago until the cache fits. Only while no job runs; looks once in ten minutes."""
        if time.monotonic() - self._trimmed_at < _TRIM_EVERY_S:
            return
        self._trimmed_at = time.monotonic()
        files = sorted((f for f in self._folder.glob("*/*") if f.is_file()), key=lambda f: f.stat().st_mtime)
        total = sum(f.stat().st_size for f in files)
        for file in files:
            if total <= self._most:
                return
            total -= file.stat().st_size
            file.unlink()


def _patiently(action: Callable[[], T], check: Callable[[], None]) -> T:
    """Tries until it works: an outage of the store is no reason to throw an hour's work away."""
    deadline, pause_s = time.monotonic() + _PATIENCE_S, 0.5
    while True:
        check()
        try:
            return action()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            _LOG.warning("the object store does not answer; trying again in %.1f s", pause_s)
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)
