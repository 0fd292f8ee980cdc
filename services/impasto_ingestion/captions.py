"""What is said of each file: the form's fields for all, a line of JSONL for one, and defaults."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from impasto.artworks import ArtworkMetadata
from impasto.errors import InvalidInput
from impasto_ingestion.form import Form
from impasto_ingestion.names import clean_file_name, subject_from


def said_of_each(form: Form) -> list[ArtworkMetadata | InvalidInput]:
    """What is said of each file, in their order; the error where it is not valid, which refuses that file alone.

    Raises:
        InvalidInput: the form's own fields are not valid, or a line of `metadata` is not an object, names no file of
            this request, or one that another line names. That refuses the request: a picture that went in without
            the caption it was meant to have would be kept so, since the same bytes again are a duplicate.
    """
    _validated(form.fields)
    lines = _lines(form.metadata, {file.name for file in form.files})
    said: list[ArtworkMetadata | InvalidInput] = []
    for file in form.files:
        try:
            said.append(_with_defaults(_validated(form.fields | lines.get(file.name, {})), file.name))
        except InvalidInput as error:
            said.append(error)
    return said


def _lines(metadata: bytes, names: set[str]) -> dict[str, dict[str, Any]]:
    try:
        text = metadata.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput("metadata_invalid", "metadata is not UTF-8", field="metadata") from error
    found: dict[str, dict[str, Any]] = {}
    # Not splitlines(): JSON strings may hold U+2028 and its like.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        values = _object(line, number)
        sent_name = values.pop("file_name", None)
        name = clean_file_name(sent_name) if isinstance(sent_name, str) else None
        if name is None or name not in names:
            raise _bad_line(number, "names no file of this request", "file_name")
        if name in found:
            raise _bad_line(number, "names a file that an earlier line names", "file_name")
        found[name] = values
    return found


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _bad_line(number, "is not JSON", "metadata") from error
    if not isinstance(values, dict):
        raise _bad_line(number, "is not a JSON object", "metadata")
    return values


def _bad_line(number: int, what: str, field: str) -> InvalidInput:
    return InvalidInput("metadata_invalid", f"line {number} of metadata {what}", field=field, line=number)


def _validated(values: dict[str, Any]) -> ArtworkMetadata:
    try:
        return ArtworkMetadata.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        known = {*ArtworkMetadata.model_fields}
        # A name that is not ours is the sender's content, which an answer does not repeat.
        field = next((str(part) for part in fault["loc"] if part in known), "metadata")
        message = fault["msg"].removeprefix("Value error, ")
        limit = fault.get("ctx", {}).get("max_length")
        data: dict[str, Any] = {"limit": limit} if limit is not None else {}
        raise InvalidInput("metadata_invalid", f"{field}: {message}", field=field, **data) from error


def _with_defaults(said: ArtworkMetadata, file_name: str) -> ArtworkMetadata:
    subject = said.subject or said.title or subject_from(file_name)
    return said.model_copy(update={"subject": subject})
