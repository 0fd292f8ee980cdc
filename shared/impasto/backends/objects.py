"""Objects on any S3: put by digest, fetched and verified, streamed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlparse

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from impasto.artifacts import ArtifactRef, object_key
from impasto.errors import ImpastoError, NotFound, Unavailable
from impasto.settings import Settings

_BLOCK_BYTES: Final = 1 << 20
# What comes damaged may have been so on its way only.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's key, and when it was put there, by the store's clock."""

    key: str
    modified_at: datetime | None


class S3Objects:
    """The bucket. Every call names the tenant; keys come from digests alone."""

    def __init__(self, settings: Settings) -> None:
        self._bucket = settings.s3_bucket
        self._client = _client(settings, urllib3.Timeout(connect=5, read=30), tries=3)
        # A probe that hangs tells as little as none: it asks once, and briefly.
        self._probe = _client(settings, urllib3.Timeout(connect=1, read=2), tries=0)

    def ensure_bucket(self) -> None:
        """Makes the bucket if there is none."""
        with _named_errors():
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket)

    def ready(self) -> bool:
        """Whether the store answers and has the bucket."""
        try:
            return bool(self._probe.bucket_exists(self._bucket))
        except (MinioException, HTTPError, OSError):
            return False

    def put(self, tenant_id: str, artifact: ArtifactRef, path: Path) -> None:
        """Stores a file under its digest.

        Raises:
            Unavailable: the store does not answer.
        """
        with _named_errors():
            self._client.fput_object(
                self._bucket, object_key(tenant_id, artifact.sha256), str(path), content_type=artifact.media_type
            )

    def fetch(self, tenant_id: str, sha256: str, folder: Path) -> Path:
        """The object as a file in `folder`, verified by its digest; fetched once.

        Raises:
            NotFound: the store has no such object.
            Unavailable: the store does not answer, or what it sent is not what was asked for.
        """
        # A folder for each tenant: what one tenant's job has fetched must not answer another's.
        path = folder / tenant_id / sha256
        if path.exists():
            os.utime(path)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            try:
                for block in self.stream(tenant_id, sha256):
                    digest.update(block)
                    file.write(block)
                if digest.hexdigest() != sha256:
                    raise Unavailable("storage_unavailable", "the object store sent other bytes than were stored")
                file.close()
                Path(file.name).rename(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        return path

    def put_run(self, key: str, path: Path) -> None:
        """Stores a file of a job that still runs, under a key from `run_key`.

        Raises:
            Unavailable: the store does not answer.
        """
        with _named_errors():
            self._client.fput_object(self._bucket, key, str(path))

    def fetch_run(self, key: str, sha256: str, path: Path) -> Path:
        """Writes what `put_run` stored to `path`, verified by its digest.

        Raises:
            NotFound: the store has no such object, or only other bytes than were stored.
            Unavailable: the store does not answer.
        """
        for _ in range(_TRIES):
            with _named_errors(sha256):
                self._client.fget_object(self._bucket, key, str(path))
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                    return path
            path.unlink()
        raise NotFound("object", f"sha256:{sha256}")

    def remove_run(self, key: str) -> None:
        """Removes what `put_run` stored; it need not be there."""
        with _named_errors():
            self._client.remove_object(self._bucket, key)

    def remove_runs(self, prefix: str) -> None:
        """Removes all that `put_run` stored under keys with this beginning, of `runs_prefix`."""
        with _named_errors():
            for found in self._client.list_objects(self._bucket, prefix, recursive=True):
                self._client.remove_object(self._bucket, str(found.object_name))

    def page(self, after: str, most: int) -> list[StoredObject]:
        """The first `most` objects of the bucket whose keys come after this one, in the order of their keys.

        Raises:
            Unavailable: the store does not answer.
        """
        with _named_errors():
            found = self._client.list_objects(self._bucket, recursive=True, start_after=after or None)
            return [StoredObject(str(each.object_name), each.last_modified) for each in islice(found, most)]

    def size_of(self, key: str) -> int | None:
        """The bytes of the object under this key; None if there is none.

        Raises:
            Unavailable: the store does not answer.
        """
        try:
            with _named_errors(key):
                return int(self._client.stat_object(self._bucket, key).size)
        except NotFound:
            return None

    def stream(self, tenant_id: str, sha256: str) -> Iterator[bytes]:
        """The object's bytes in blocks of one MiB."""
        yield from self.stream_key(object_key(tenant_id, sha256), sha256)

    def stream_key(self, key: str, sha256: str) -> Iterator[bytes]:
        """The bytes under a key, in blocks of one MiB; `sha256` is what it is called if it is missing."""
        with _named_errors(sha256):
            response = self._client.get_object(self._bucket, key)
            try:
                yield from response.stream(_BLOCK_BYTES)
            finally:
                response.close()
                response.release_conn()

    def remove(self, tenant_id: str, sha256: str) -> None:
        """Removes the object; it need not be there."""
        with _named_errors():
            self._client.remove_object(self._bucket, object_key(tenant_id, sha256))


def _client(settings: Settings, timeout: urllib3.Timeout, tries: int) -> Minio:
    address = settings.s3_endpoint if "://" in settings.s3_endpoint else f"http://{settings.s3_endpoint}"
    parsed = urlparse(address)
    retries = urllib3.Retry(total=tries, backoff_factor=0.3, status_forcelist=[500, 502, 503, 504])
    return Minio(
        parsed.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        secure=parsed.scheme == "https",
        region="us-east-1",
        http_client=urllib3.PoolManager(timeout=timeout, maxsize=16, retries=retries),
    )


class _named_errors:
    """Turns the client's errors into ours."""

    def __init__(self, sha256: str | None = None) -> None:
        self._sha256 = sha256

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ImpastoError) or error is None:
            return
        if isinstance(error, S3Error) and error.code == "NoSuchKey":
            raise NotFound("object", f"sha256:{self._sha256}") from error
        if isinstance(error, (MinioException, HTTPError, ConnectionError, TimeoutError)):
            raise Unavailable(
                "storage_unavailable", "the object store does not answer", hint="try again shortly"
            ) from error
