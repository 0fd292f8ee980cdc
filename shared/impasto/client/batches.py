"""What an upload sends: the pictures found, their fields, and how they are cut into requests of bounded size."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from impasto.client.captions import Fields, read_beside, read_tables
from impasto.client.flow import FilePart, Form
from impasto.errors import InvalidInput

BATCH_FILES: Final = 50
BATCH_BYTES: Final = 32 << 20

PICTURE_SUFFIXES: Final = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jxl", ".ppm"}
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A file to upload; `name` is its path below the folder that was named, for people to read."""

    path: Path
    name: str
    size_bytes: int
    fields: Fields = field(default_factory=dict)

    @property
    def sent_name(self) -> str:
        """What the platform will call it: no folders, and nothing that a form's header would have to escape."""
        shown = (c for c in unicodedata.normalize("NFC", self.path.name) if unicodedata.category(c)[0] != "C")
        return re.sub(r'["\\]', "_", "".join(shown)).strip()


def find_pictures(sources: Iterable[Path]) -> list[Picture]:
    """The pictures in these folders (and below) and these files as they are, each once, with the captions beside them.

    Raises:
        InvalidInput: a path that does not exist, no picture at all, or captions that cannot be read.
    """
    tables: dict[Path, dict[str, Fields]] = {}
    found: dict[Path, Picture] = {}
    for source in sources:
        if not source.exists():
            raise InvalidInput("value_invalid", f"there is no {source}", field="paths")
        root = source if source.is_dir() else source.parent
        for path in _walk(source):
            name = path.relative_to(root).as_posix()
            fields = _fields_of(path, root, tables)
            found.setdefault(path.resolve(), Picture(path, name, path.stat().st_size, fields))
    if not found:
        raise InvalidInput("value_invalid", "there are no pictures to upload", field="paths")
    return list(found.values())


def cut(pictures: Iterable[Picture]) -> Iterator[list[Picture]]:
    """Batches of at most 50 files and 32 MB, but one larger file makes a batch of its own.

    No two files of a batch have the same name, since the platform knows by its name which caption is whose: the second
    `heart.png` goes with the second ones of other names. Names stay as they are, because subjects are read from them.
    """
    batch: list[Picture] = []
    size = 0
    for turn in _turns(pictures):
        for picture in turn:
            if batch and (len(batch) >= BATCH_FILES or size + picture.size_bytes > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(picture)
            size += picture.size_bytes
        if batch:
            yield batch
            batch, size = [], 0


def form_of(batch: Iterable[Picture], shared: Fields) -> Form:
    """The multipart body of a batch: fields of single files override the shared ones."""
    pictures = list(batch)
    lines = [json.dumps({"file_name": p.sent_name, **p.fields}, ensure_ascii=False) for p in pictures if p.fields]
    return Form(shared, tuple(FilePart(p.sent_name, p.path) for p in pictures), "\n".join(lines))


def _walk(source: Path) -> Iterator[Path]:
    if not source.is_dir():
        yield source
        return
    for path in sorted(source.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
        if path.suffix.lower() in PICTURE_SUFFIXES and not hidden and path.is_file():
            yield path


def _fields_of(path: Path, root: Path, tables: dict[Path, dict[str, Fields]]) -> Fields:
    fields = read_beside(path)
    # The table in the root may name files below it; one nearer to the file knows better.
    for folder in reversed([path.parent, *path.parent.parents]):
        if folder == root or root in folder.parents:
            if folder not in tables:
                tables[folder] = read_tables(folder)
            fields = fields | tables[folder].get(path.relative_to(folder).as_posix(), {})
    return fields


def _turns(pictures: Iterable[Picture]) -> list[list[Picture]]:
    turns: list[list[Picture]] = []
    seen: Counter[str] = Counter()
    for picture in pictures:
        turn = seen[picture.sent_name]
        seen[picture.sent_name] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(picture)
    return turns
