"""File names as they are kept: the last part of a path, normalised, without characters that cannot be shown."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Final

MOST_CHARACTERS: Final = 255
UNNAMED: Final = "unnamed"


def clean_file_name(sent: str) -> str:
    """The name without folders (of any system), control and format characters, in NFC, at most 255 characters long."""
    last = re.split(r"[/\\]", sent)[-1]
    shown = "".join(c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    name = shown.strip()
    if name in {"", ".", ".."}:
        return UNNAMED
    if len(name) > MOST_CHARACTERS:
        ending = PurePosixPath(name).suffix[:16]
        name = name[: MOST_CHARACTERS - len(ending)] + ending
    return name


def subject_from(file_name: str) -> str:
    """What a file's name says of its subject: `red_heart-2.png` gives `red heart 2`."""
    return " ".join(re.split(r"[\s_\-]+", PurePosixPath(file_name).stem)).strip()
