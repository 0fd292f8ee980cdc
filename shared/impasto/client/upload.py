"""Flows of an upload: one batch, and the story of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

from impasto.artworks import ArtworkMetadata, FileVerdict, UploadResult
from impasto.client.answers import checked, make
from impasto.client.batches import Picture, cut, find_pictures, form_of
from impasto.client.captions import Fields, check_fields
from impasto.client.flow import Answer, Broken, Flow, Request
from impasto.errors import ImpastoError, InvalidInput, LimitExceeded

IN_FLIGHT: Final = 2
_READ_S: Final = 300.0  # ingestion decodes every picture of a batch before it answers

Source = str | Path
Metadata = ArtworkMetadata | dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """How far an upload is."""

    files: int
    files_done: int
    size_bytes: int
    sent_bytes: int


@dataclass(slots=True)
class Upload:
    """An upload being done: its batches, and the verdicts as they come in, whatever their order."""

    pictures: list[Picture]
    shared: Fields
    on_progress: Callable[[UploadProgress], None] | None
    origin: str | None = None
    batches: list[list[Picture]] = field(default_factory=list)
    _verdicts: dict[Path, FileVerdict] = field(default_factory=dict)
    _counting: Lock = field(default_factory=Lock)
    _size_bytes: int = 0
    _sent_bytes: int = 0
    _done: int = 0

    def __post_init__(self) -> None:
        self._size_bytes = sum(picture.size_bytes for picture in self.pictures)

    def sending(self, index: int) -> Flow[None]:
        """Sends one batch."""
        batch = self.batches[index]
        told = yield from self._send(batch)
        for picture, verdict in zip(batch, told, strict=True):
            # Under its path here: the platform keeps only the last part of a name.
            self._verdicts[picture.path] = verdict.model_copy(update={"file_name": picture.name})
        self._tell(batch)

    def result(self) -> UploadResult:
        """Every verdict, in the order of the pictures."""
        files = [self._verdicts[picture.path] for picture in self.pictures]
        counts = {kind: sum(v.verdict == kind for v in files) for kind in ("accepted", "duplicate", "refused")}
        return UploadResult(files=files, **counts)

    def _tell(self, batch: list[Picture]) -> None:
        with self._counting:  # two batches may end at once, in two threads
            self._done += len(batch)
            self._sent_bytes += sum(picture.size_bytes for picture in batch)
            if self.on_progress:
                self.on_progress(UploadProgress(len(self.pictures), self._done, self._size_bytes, self._sent_bytes))

    def _send(self, batch: list[Picture]) -> Flow[list[FileVerdict]]:
        try:
            answer = yield from self._post(batch)
            return UploadResult.model_validate_json(answer.content).files
        except LimitExceeded as error:
            if error.code != "body_too_large":
                raise
            if len(batch) == 1:
                return [FileVerdict(file_name=batch[0].sent_name, verdict="refused", error=error.as_record())]
        middle = len(batch) // 2
        first = yield from self._send(batch[:middle])
        second = yield from self._send(batch[middle:])
        return first + second

    def _post(self, batch: list[Picture]) -> Flow[Answer]:
        form = form_of(batch, self.shared)
        if self.origin:
            direct: Answer | Broken = yield Request(
                "POST", "/v1/artworks", form=form, origin=self.origin, read_s=_READ_S, patient=False
            )
            if isinstance(direct, Answer):
                return checked(direct)
            # Ingestion's own address may be one that only the platform's network knows; the gateway passes it on.
            self.origin = None
        through: Answer | Broken = yield Request("POST", "/v1/artworks", form=form, read_s=_READ_S)
        return checked(through)


def plan_upload(
    sources: Source | Iterable[Source],
    metadata: Metadata,
    on_progress: Callable[[UploadProgress], None] | None,
) -> Upload:
    """Finds the pictures, reads their captions and cuts batches; nothing is sent yet.

    Raises:
        InvalidInput: no pictures, or fields that are not an artwork's.
    """
    paths = [Path(sources)] if isinstance(sources, (str, Path)) else [Path(source) for source in sources]
    pictures = find_pictures(paths)
    return Upload(pictures, shared_fields(metadata), on_progress, batches=list(cut(pictures)))


def shared_fields(metadata: Metadata) -> Fields:
    """The fields that hold for every file of an upload."""
    given = metadata.model_dump(exclude_unset=True) if isinstance(metadata, ArtworkMetadata) else (metadata or {})
    return {name: text for name, text in check_fields(given, "metadata").items() if text}


def only_artwork(result: UploadResult) -> str:
    """The artwork's id of an upload of one picture.

    Raises:
        InvalidInput: the picture was refused.
    """
    verdict = result.files[0]
    if verdict.artwork is not None:
        return verdict.artwork.id
    raise refusal_of(verdict)


def refusal_of(verdict: FileVerdict) -> ImpastoError:
    """Why a file was refused, as an error."""
    error = dict(verdict.error or {})
    code, message = str(error.pop("code", "image_unrecognised")), str(error.pop("message", "the file was refused"))
    return make(InvalidInput, code, f"{verdict.file_name}: {message}", error.pop("hint", None), **error)
