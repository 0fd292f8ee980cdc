"""One file of weights as it comes: to disk while its digest is taken. It is looked through when it is imported."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import Any, Final

from impasto.artifacts import MEDIA_TYPES, WEIGHT_SUFFIXES, ArtifactRef
from impasto.errors import InvalidInput, LimitExceeded

_HEADER_BYTES: Final = 9
# As whoever imports it has it: the length of a header of at most 16 MiB, and the brace that begins it.
_MOST_HEADER_BYTES: Final = 16 << 20


class WeightFile:
    """Give it the body block by block, then ask it to finish. It hashes and writes: it belongs in a thread."""

    def __init__(self, name: str, path: Path, most_bytes: int) -> None:
        """Raises:
        InvalidInput: a file of this name is not taken.
        """
        self.name, self.path, self._most = name, path, most_bytes
        self._suffix = PurePosixPath(name).suffix
        if self._suffix not in WEIGHT_SUFFIXES:
            raise InvalidInput(
                "model_format_unsafe",
                "files of this type are not taken",
                field="name",
                limit=list(WEIGHT_SUFFIXES),
                hint="weights come as safetensors; pictures go to /v1/artworks",
            )
        self._digest: Any = hashlib.sha256()
        self._head, self.size_bytes = b"", 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def take(self, block: bytes) -> None:
        """Writes on.

        Raises:
            LimitExceeded: the file is larger than allowed.
            InvalidInput: it begins as no safetensors file does.
        """
        self.size_bytes += len(block)
        check_size(self.size_bytes, self._most)
        if len(self._head) < _HEADER_BYTES:
            self._head += block[: _HEADER_BYTES - len(self._head)]
            self._check_head()
        self._digest.update(block)
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def finish(self) -> ArtifactRef:
        """What came.

        Raises:
            InvalidInput: nothing did.
        """
        self.close()
        if not self.size_bytes:
            raise InvalidInput("value_invalid", "the file has no bytes", field="body")
        return ArtifactRef(
            sha256=self._digest.hexdigest(), media_type=MEDIA_TYPES[self._suffix], size_bytes=self.size_bytes
        )

    def close(self) -> None:
        """Closes the file; harmless twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _check_head(self) -> None:
        if self._suffix != ".safetensors" or len(self._head) < _HEADER_BYTES:
            return
        if int.from_bytes(self._head[:8], "little") > _MOST_HEADER_BYTES or self._head[8:] != b"{":
            raise InvalidInput("model_format_unsafe", "this is not safetensors, whatever its name says", field="body")


def check_size(size_bytes: int, most_bytes: int) -> None:
    """Raises:
    LimitExceeded: a file of so many bytes is too large.
    """
    if size_bytes > most_bytes:
        raise LimitExceeded(
            "body_too_large",
            f"a file may have at most {most_bytes} bytes",
            limit=most_bytes,
            hint="larger weights come as shards, or by the worker's folder of imports",
        )
