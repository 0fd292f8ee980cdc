"""Reads multipart/form-data as it comes: fields into bounded memory, files to disk while their digest is taken."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from impasto.artworks import ArtworkMetadata
from impasto.errors import InvalidInput
from impasto_ingestion import limits
from impasto_ingestion.names import clean_file_name

FIELDS: Final = frozenset(ArtworkMetadata.model_fields)


@dataclass(slots=True)
class SentFile:
    """A file as it was sent. Of one that is too large only the size is kept."""

    name: str
    path: Path
    sha256: str = ""
    size_bytes: int = 0

    @property
    def too_large(self) -> bool:
        return self.size_bytes > limits.MOST_FILE_BYTES


@dataclass(slots=True)
class Form:
    """All that an upload holds; `metadata` is JSONL."""

    files: list[SentFile] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)
    metadata: bytes = b""


def boundary_of(content_type: str | None) -> bytes:
    """The boundary between parts.

    Raises:
        InvalidInput: the content type is not multipart/form-data, or names no usable boundary.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise InvalidInput(
            "content_type_unsupported",
            "the body must be multipart/form-data with a boundary of 1 to 70 characters",
            hint="let the HTTP client set Content-Type",
        )
    return boundary


class FormReader:
    """Give it the body block by block, then ask it to finish. Files are named by their part's number in `folder`.

    Not asynchronous: it hashes and writes, so it belongs in a thread.
    """

    def __init__(self, boundary: bytes, folder: Path) -> None:
        self._form, self._folder = Form(), folder
        self._parts, self._ended = 0, False
        self._header_name, self._header_value = b"", b""
        self._disposition = b""
        self._into: _FieldPart | _FilePart | None = None
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_field,
                "on_header_value": self._header_says,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._part_data,
                "on_part_end": self._part_ends,
                "on_end": self._end,
            },
        )

    def take(self, block: bytes) -> None:
        """Reads on.

        Raises:
            InvalidInput: the form is malformed, or holds more than it may.
        """
        try:
            self._parser.write(block)
        except FormParserError as error:
            raise InvalidInput("value_invalid", "the body is not well-formed multipart", field="body") from error

    def finish(self) -> Form:
        """What the form held.

        Raises:
            InvalidInput: the body is cut off, or holds no file.
        """
        if not self._ended:
            raise InvalidInput("value_invalid", "the body ends before its last boundary", field="body")
        if not self._form.files:
            raise InvalidInput("field_missing", "no file was sent", field="files", hint="name the parts `files`")
        return self._form

    def close(self) -> None:
        """Closes a file that is still being received."""
        if isinstance(self._into, _FilePart):
            self._into.close()

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > limits.MOST_PARTS:
            raise _too_many("too many parts", "body", limits.MOST_PARTS)
        self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_says(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_ends(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _headers_end(self) -> None:
        kind, options = parse_options_header(self._disposition.decode("latin-1"))
        name = _text(options.get(b"name", b""))
        if kind != b"form-data" or not name:
            raise InvalidInput("value_invalid", "a part has no Content-Disposition with a name", field="body")
        if name == "files":
            self._into = self._new_file(_text(options.get(b"filename", b"")))
        elif name == "metadata" or name in FIELDS:
            if name in self._form.fields or (name == "metadata" and self._form.metadata):
                raise InvalidInput("value_invalid", "a field was sent twice", field=name)
            self._into = _FieldPart(name, limits.MOST_METADATA_BYTES if name == "metadata" else limits.MOST_FIELD_BYTES)
        else:
            known = ", ".join(["files", "metadata", *sorted(FIELDS)])
            raise InvalidInput("field_unknown", "the form has a field that is not known", hint=f"known are {known}")

    def _new_file(self, sent_name: str) -> _FilePart:
        if len(self._form.files) >= limits.MOST_FILES:
            raise _too_many("too many files in one request", "files", limits.MOST_FILES)
        return _FilePart(SentFile(clean_file_name(sent_name), self._folder / f"{self._parts}.sent"), bool(sent_name))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        assert self._into is not None
        self._into.add(memoryview(data)[start:end])

    def _part_ends(self) -> None:
        into, self._into = self._into, None
        if isinstance(into, _FilePart):
            sent = into.finish()
            # A browser sends an unnamed part of no bytes for a file input in which nothing was chosen.
            if into.named or sent.size_bytes:
                self._form.files.append(sent)
        elif into is not None and into.name == "metadata":
            self._form.metadata = bytes(into.value)
        elif into is not None:
            self._form.fields[into.name] = into.text()

    def _end(self) -> None:
        self._ended = True


class _FieldPart:
    def __init__(self, name: str, most_bytes: int) -> None:
        self.name, self.value, self._most = name, bytearray(), most_bytes

    def add(self, data: memoryview) -> None:
        if len(self.value) + len(data) > self._most:
            raise _too_many("a form field is too large", self.name, self._most)
        self.value += data

    def text(self) -> str:
        try:
            # Browsers send the line ends of a text area as CR LF.
            return self.value.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise InvalidInput("value_invalid", "a form field is not UTF-8", field=self.name) from error


class _FilePart:
    def __init__(self, sent: SentFile, named: bool) -> None:
        self._sent, self.named = sent, named
        self._digest: Any = hashlib.sha256()
        # Unbuffered: blocks are large already.
        self._descriptor = os.open(sent.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def add(self, data: memoryview) -> None:
        self._sent.size_bytes += len(data)
        if self._sent.too_large:
            # Counted on, so that the answer can tell its size, but not kept.
            os.truncate(self._descriptor, 0)
            return
        self._digest.update(data)
        while data:
            data = data[os.write(self._descriptor, data) :]

    def finish(self) -> SentFile:
        self.close()
        self._sent.sha256 = self._digest.hexdigest()
        if self._sent.too_large:
            self._sent.path.unlink()
        return self._sent

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _too_many(message: str, name: str, limit: int) -> InvalidInput:
    return InvalidInput("form_limits", message, field=name, limit=limit)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
