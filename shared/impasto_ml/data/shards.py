"""Training samples in tar shards of the WebDataset layout, written so that equal samples give equal bytes.

One sample is `<key>.features.npy` (optional), `<key>.json` and `<key>.jpg` or `<key>.png`, next to each other.
Times, owners and modes are constant and names ascend, so a shard's digest depends on its samples alone.
"""

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

PictureFormat = Literal["jpg", "png"]
# A dot would end the key: WebDataset splits names at the first one.
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_FEATURES = "features.npy"
# A record is a caption and a few labels; more is somebody's mistake or attack.
_MAX_RECORD_BYTES = 1 << 20
_MAX_MEMBER_BYTES = 256 << 20


class ShardError(ValueError):
    """A shard is damaged or not of this layout; the message names the shard and the member."""


@dataclass(frozen=True)
class Sample:
    """`picture`: encoded bytes, empty when read without; `record`: JSON; `features`: a float16 vector or None."""

    key: str
    picture: bytes
    format: PictureFormat
    record: Mapping[str, Any] = field(default_factory=dict)
    features: NDArray[np.float16] | None = None


@dataclass(frozen=True)
class ShardSummary:
    """What was written: `sha256` is of the whole tar."""

    path: Path
    samples: int
    size_bytes: int
    sha256: str


def write_shards(samples: Iterable[Sample], folder: Path, samples_per_shard: int = 1000) -> Iterator[ShardSummary]:
    """Streams samples into `shard-000000.tar`, ... and yields each summary when its shard is complete.

    Holds one sample at a time. Keys must ascend strictly (a stream cannot be sorted here); ValueError otherwise.
    """
    if samples_per_shard < 1:
        raise ValueError("a shard holds at least one sample")
    folder.mkdir(parents=True, exist_ok=True)
    stream = _checked(samples)
    index = 0
    while (first := next(stream, None)) is not None:
        path = folder / f"shard-{index:06d}.tar"
        count = 0
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for sample in chain([first], islice(stream, samples_per_shard - 1)):
                count += _add(tar, sample)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield ShardSummary(path, count, path.stat().st_size, digest)
        index += 1


def read_shards(paths: Iterable[Path], pictures: bool = True) -> Iterator[Sample]:
    """Streams the samples of `paths` in their order. `pictures=False` skips the picture bytes: features are enough.

    Raises ShardError for a damaged or foreign shard.
    """
    for path in paths:
        try:
            with tarfile.open(path, "r|") as tar:
                yield from _samples(tar, path.name, pictures)
        except tarfile.TarError as error:
            raise ShardError(f"{path.name}: {error}") from error


def _checked(samples: Iterable[Sample]) -> Iterator[Sample]:
    last = ""
    for sample in samples:
        if not _KEY.fullmatch(sample.key):
            raise ValueError(f"{sample.key!r} is not a key: letters, digits, '-' and '_', at most 128")
        if sample.key <= last:
            raise ValueError(f"keys must ascend: {sample.key!r} after {last!r}")
        last = sample.key
        yield sample


def _add(tar: tarfile.TarFile, sample: Sample) -> int:
    record = json.dumps(sample.record, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    members = {sample.format: sample.picture, "json": record}
    if sample.features is not None:
        members[_FEATURES] = _npy(sample.features)
    for suffix in sorted(members):
        info = tarfile.TarInfo(f"{sample.key}.{suffix}")  # mtime, uid and gid are 0 and mode 0644 by default
        info.size = len(members[suffix])
        tar.addfile(info, io.BytesIO(members[suffix]))
    return 1


def _npy(features: NDArray[np.float16]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(features, dtype="<f2"), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _samples(tar: tarfile.TarFile, shard: str, pictures: bool) -> Iterator[Sample]:
    key, members = "", dict[str, bytes]()
    for info in tar:
        name, _, suffix = info.name.partition(".")
        if not info.isreg() or not _KEY.fullmatch(name) or info.size > _MAX_MEMBER_BYTES:
            raise ShardError(f"{shard}: {info.name} is not a member of a sample")
        if name != key and members:
            yield _sample(shard, key, members)
            members = {}
        key = name
        skipped = suffix in ("jpg", "png") and not pictures
        file = None if skipped else tar.extractfile(info)
        members[suffix] = file.read() if file else b""
    if members:
        yield _sample(shard, key, members)


def _sample(shard: str, key: str, members: Mapping[str, bytes]) -> Sample:
    try:
        form: PictureFormat = "jpg" if "jpg" in members else "png"
        if len(members["json"]) > _MAX_RECORD_BYTES:
            raise ShardError(f"{shard}: the record of {key} is too large")
        features = np.load(io.BytesIO(members[_FEATURES]), allow_pickle=False) if _FEATURES in members else None
        return Sample(key, members[form], form, json.loads(members["json"]), features)
    except (KeyError, ValueError, EOFError) as error:
        raise ShardError(f"{shard}: sample {key} is damaged: {error}") from error
