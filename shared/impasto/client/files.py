"""Flows that send files of weights, and the job that makes a checkpoint of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from impasto.artifacts import WEIGHT_SUFFIXES, UploadedFile
from impasto.client.answers import checked
from impasto.client.flow import Answer, Broken, Flow, Request
from impasto.client.resources import place
from impasto.errors import InvalidInput

if TYPE_CHECKING:
    from impasto.kinds.checkpoint_import import ImportCheckpoint

# Until the store has it; the body itself may take as long as it needs.
_STORED_S: Final = 3600.0
# Downloads leave their bookkeeping there.
_HIDDEN: Final = "."


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far the files of a folder are sent; what the platform had already counts as sent."""

    files: int
    files_done: int
    size_bytes: int
    sent_bytes: int


OnFileProgress = Callable[[FileProgress], None]


Digest = tuple[str, int]


def sending(
    path: Path, digest: Digest, origin: str | None, on_sent: Callable[[int], None] | None = None
) -> Flow[UploadedFile]:
    """Sends one file, unless the platform has these bytes already. `on_sent`: how many bytes of it are sent.

    `digest`: as `digest_of` tells it. `origin`: ingestion's own address; the gateway passes the file on where that does
    not answer.
    """
    sha256, size = digest
    known: Answer | Broken = yield Request("GET", place("artifacts", sha256), headers={"If-None-Match": f'"{sha256}"'})
    if isinstance(known, Answer) and known.status == 304:
        return UploadedFile(name=path.name, sha256=sha256, size_bytes=size)
    for address in [origin, None] if origin else [None]:
        got: Answer | Broken = yield Request(
            "PUT", place("files", path.name), file=path, on_sent=on_sent, origin=address, read_s=_STORED_S,
            patient=address is None,
        )  # fmt: skip
        if isinstance(got, Answer) or address is None:
            stored = UploadedFile.model_validate_json(checked(got).content)
            break
    if stored.sha256 != sha256:
        raise InvalidInput("model_corrupt", f"{path.name} changed while it was sent", field="path")
    return stored


class FolderUpload:
    """The files of a pipeline's folder: each of `paths` is sent in turn, then `params` is the job.

    `files`: what was sent so far, digests by place.
    """

    def __init__(self, folder: Path, on_progress: OnFileProgress | None = None) -> None:
        """Raises:
        InvalidInput: there is nothing to import.
        """
        self._root = folder if folder.is_dir() else folder.parent
        self.paths = list(_files(folder))
        if not self.paths:
            raise InvalidInput(
                "value_invalid",
                f"there is nothing to import in {folder}",
                field="folder",
                hint=f"files of weights are {', '.join(WEIGHT_SUFFIXES)}",
            )
        self._size, self._sent, self._on_progress = sum(path.stat().st_size for path in self.paths), 0, on_progress
        self.files: dict[str, str] = {}

    def sending(self, path: Path, digest: Digest, origin: str | None) -> Flow[None]:
        """Sends one of `paths`."""
        before = self._sent
        stored = yield from sending(path, digest, origin, lambda sent: self._tell(before + sent))
        self.files[path.relative_to(self._root).as_posix()] = f"sha256:{stored.sha256}"
        self._sent = before + stored.size_bytes
        self._tell(self._sent)

    def params(self, name: str, adapter_of: str | None, evaluate: bool) -> ImportCheckpoint:
        """The job that imports what was sent."""
        from impasto.kinds.checkpoint_import import ImportCheckpoint, ImportSource  # late: kinds take a while to load

        source = ImportSource(files=self.files)
        return ImportCheckpoint(name=name, source=source, adapter_of=adapter_of, evaluate=evaluate)

    def _tell(self, sent: int) -> None:
        if self._on_progress:
            self._on_progress(FileProgress(len(self.paths), len(self.files), self._size, sent))


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(_HIDDEN) for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path.suffix in WEIGHT_SUFFIXES:
            yield path
