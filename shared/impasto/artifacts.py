"""Artifacts: content-addressed objects, per tenant."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel

_BLOCK_BYTES: Final = 1 << 20
_OBJECT: Final = re.compile("([^/]+)/sha256/[0-9a-f]{2}/([0-9a-f]{64})")
_RUN: Final = re.compile("([^/]+)/runs/([^/]+)/.")

MEDIA_TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".tar": "application/x-tar",
    ".safetensors": "application/vnd.safetensors",
    ".txt": "text/plain",
    ".model": "application/octet-stream",
}
# What a job may be given as a picture: the formats that the platform itself writes.
PICTURE_TYPES: Final = ("image/png", "image/jpeg", "image/webp")
# What a pipeline is made of: weights, configurations, vocabularies. None of them is ever a picture's type.
WEIGHT_SUFFIXES: Final = (".safetensors", ".json", ".txt", ".model")


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key in the bucket: of a tenant's artifact, or of a file of a job that runs or ran."""

    tenant_id: str
    sha256: str | None = None
    job_id: str | None = None


class ArtifactRef(BaseModel):
    """A published object: fetch it at `/v1/artifacts/{sha256}`."""

    sha256: str
    media_type: str
    size_bytes: int


class UploadedFile(BaseModel):
    """A file of weights as it was stored; an import names it by its digest."""

    name: str
    sha256: str
    size_bytes: int


def object_key(tenant_id: str, sha256: str) -> str:
    """Where an object of a tenant lies in the bucket."""
    return f"{tenant_id}/sha256/{sha256[:2]}/{sha256}"


def run_key(tenant_id: str, job_id: str, step: int, name: str) -> str:
    """Where a file of a job that still runs lies in the bucket: no artifact, and gone when the job ends."""
    return f"{runs_prefix(tenant_id, job_id)}{step}/{name}"


def read_key(key: str) -> StoredKey | None:
    """What a key in the bucket is for; None if it is none of ours."""
    if found := _OBJECT.fullmatch(key):
        return StoredKey(found[1], sha256=found[2]) if found[2].startswith(key.split("/")[2]) else None
    if found := _RUN.match(key):
        return StoredKey(found[1], job_id=found[2])
    return None


def runs_prefix(tenant_id: str, job_id: str) -> str:
    """What the keys of all files of a job that still runs begin with."""
    return f"{tenant_id}/runs/{job_id}/"


def digest_of(path: Path) -> tuple[str, int]:
    """The SHA-256 (hex) and the size in bytes of a file, read in blocks."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size
