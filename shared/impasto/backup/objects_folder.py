"""The objects of a backup: files by digest, written whole or not at all, so that a broken backup is taken up again."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from impasto.artifacts import digest_of
from impasto.backup.contents import ListedObject

# What comes damaged may have been so on its way only.
_TRIES: Final = 3
_PART: Final = ".part"


class ObjectsFolder:
    """`objects/<aa>/<digest>` in the backup's folder; the same bytes of two tenants are one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "objects"

    def path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def sound(self, listed: ListedObject) -> bool:
        """Whether the file is here with the right size and digest. Reads it."""
        path = self.path(listed.sha256)
        try:
            return path.stat().st_size == listed.size_bytes and digest_of(path)[0] == listed.sha256
        except FileNotFoundError:
            return False

    def keep(self, listed: ListedObject, blocks: Iterable[bytes]) -> bool:
        """Writes the file if the bytes are those of the digest; whether they were."""
        path, digest = self.path(listed.sha256), hashlib.sha256()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=_PART, delete=False) as file:
            part = Path(file.name)
            try:
                for block in blocks:
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
                if good := digest.hexdigest() == listed.sha256:
                    part.rename(path)
            finally:
                part.unlink(missing_ok=True)
        return good

    def clear_parts(self) -> None:
        """Removes what a backup that was broken off left half written."""
        for part in self._folder.glob(f"*/*{_PART}"):
            part.unlink(missing_ok=True)

    def digests(self) -> Iterator[str]:
        for path in self._folder.glob("*/*"):
            yield path.name

    def remove(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)


def tries() -> range:
    return range(_TRIES)
