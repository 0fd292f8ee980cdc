"""Flows of artifacts: bytes to memory or to a file, checked against the digest that names them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from impasto.client.answers import checked, make, send, unreachable
from impasto.client.flow import Answer, Broken, Flow, NextChunk, Open, Request, Sleep
from impasto.client.resources import place
from impasto.client.retrying import Retries
from impasto.errors import ImpastoError, Unavailable


def bare_digest(sha256: str) -> str:
    """The hex digest of `sha256:<digest>` or of a bare digest."""
    return sha256.removeprefix("sha256:").lower()


def reading(sha256: str) -> Flow[bytes]:
    """The bytes of an artifact.

    Raises:
        NotFound: there is no such artifact.
        Unavailable: what came is not what the digest names.
    """
    digest = bare_digest(sha256)
    answer = yield from send(Request("GET", place("artifacts", digest)))
    if hashlib.sha256(answer.content).hexdigest() != digest:
        raise _damaged(digest)
    return answer.content


def downloading(sha256: str, path: Path, retries: Retries) -> Flow[Path]:
    """Writes an artifact to a file in blocks; the file appears under its name only when it is whole and checked.

    Raises:
        NotFound: there is no such artifact.
        Unavailable: it broke off, or was not what the digest names, after every retry.
        OSError: the file cannot be written.
    """
    digest, tries = bare_digest(sha256), 0
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        while True:
            with beside.open("wb") as file:
                failure = yield from _stream_to(file, digest)
            if failure is None:
                beside.replace(path)
                return path
            if tries >= retries.most:
                raise failure
            yield Sleep(retries.pause(tries))
            tries += 1
    finally:
        beside.unlink(missing_ok=True)


def _stream_to(file: BinaryIO, digest: str) -> Flow[ImpastoError | None]:
    opened: Answer | Broken = yield Open(Request("GET", place("artifacts", digest)))
    if isinstance(opened, Broken):
        return unreachable(opened)
    if opened.status in {429, 502, 503, 504}:
        return make(Unavailable, "storage_unavailable", f"the platform answered {opened.status} for {digest[:12]}")
    checked(opened)
    seen = hashlib.sha256()
    while True:
        chunk: bytes | Broken = yield NextChunk()
        if isinstance(chunk, Broken):
            return unreachable(chunk)
        if not chunk:
            return None if seen.hexdigest() == digest else _damaged(digest)
        seen.update(chunk)
        file.write(chunk)


def _damaged(digest: str) -> Unavailable:
    return Unavailable("storage_unavailable", f"what came for {digest[:12]} is not what its digest names")
