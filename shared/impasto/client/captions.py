"""Captions that lie beside pictures: `captions.jsonl` or `metadata.jsonl` in a folder, or `<picture>.txt`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from impasto.artworks import ArtworkMetadata
from impasto.errors import InvalidInput

TABLES: Final = ("captions.jsonl", "metadata.jsonl")
# What the same fields are called in other people's folders (Hugging Face's imagefolder, American spelling).
_OTHER_NAMES: Final = {"text": "caption", "license": "licence"}
_LONGEST_TEXT_BYTES: Final = 64_000

Fields = dict[str, str]


def read_tables(folder: Path) -> dict[str, Fields]:
    """The fields of each file named in this folder's tables, by its path relative to the folder.

    Raises:
        InvalidInput: a line is not a JSON object with `file_name` and known text fields; says which line.
    """
    found: dict[str, Fields] = {}
    for table in TABLES:
        path = folder / table
        if path.is_file():
            for number, line in enumerate(_lines(path), start=1):
                if line.strip():
                    name, fields = _read_line(line, f"{path} line {number}")
                    found[name] = found.get(name, {}) | fields
    return found


def read_beside(picture: Path) -> Fields:
    """The caption in the text file beside a picture, if there is one."""
    path = picture.with_suffix(".txt")
    if not path.is_file():
        return {}
    if path.stat().st_size > _LONGEST_TEXT_BYTES:
        raise InvalidInput("metadata_invalid", f"{path} is too large to be a caption", limit=_LONGEST_TEXT_BYTES)
    try:
        return {"caption": path.read_text(encoding="utf-8-sig").strip()}
    except UnicodeDecodeError as error:
        raise InvalidInput("metadata_invalid", f"{path} is not UTF-8 text") from error


def check_fields(fields: dict[str, Any], where: str) -> Fields:
    """The fields under the platform's names, without those that are null.

    Raises:
        InvalidInput: an unknown field, or one that is not text or a number.
    """
    checked: Fields = {}
    for name, value in fields.items():
        known = _OTHER_NAMES.get(name, name)
        if known not in ArtworkMetadata.model_fields:
            names = ", ".join(ArtworkMetadata.model_fields)
            raise InvalidInput("metadata_invalid", f"{where}: no field {name!r}; there are {names}", field=name)
        if value is None:
            continue
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise InvalidInput("metadata_invalid", f"{where}: {name} must be text", field=name)
        checked[known] = str(value)
    return checked


def _read_line(line: str, where: str) -> tuple[str, Fields]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise InvalidInput("metadata_invalid", f"{where} is not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("file_name"), str):
        raise InvalidInput("metadata_invalid", f"{where} is not an object with a file_name", field="file_name")
    name = record.pop("file_name").removeprefix("./")
    return name, check_fields(record, where)


def _lines(path: Path) -> list[str]:
    try:
        # Not splitlines: a JSON string may hold U+2028.
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidInput("metadata_invalid", f"{path} is not UTF-8 text") from error
