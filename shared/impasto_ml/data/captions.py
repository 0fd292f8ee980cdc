"""Cleans captions and says what it changed, so that a person can check what was done to their words."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

import ftfy

CaptionChange = Literal["encoding_repaired", "unicode_composed", "whitespace_collapsed"]

# Curly quotes, ligatures and full-width letters are the writer's choice: only what is broken is repaired.
_REPAIR = ftfy.TextFixerConfig(
    uncurl_quotes=False, fix_latin_ligatures=False, fix_character_width=False, normalization=None
)


@dataclass(frozen=True)
class CleanCaption:
    """The text to use and what was done to get it, in the order of doing; nothing done, no changes."""

    text: str
    changes: tuple[CaptionChange, ...]


def clean_caption(text: str) -> CleanCaption:
    """Repairs mojibake and control characters, composes to NFC, and leaves single spaces between words."""
    changes: list[CaptionChange] = []
    repaired = ftfy.fix_text(text, _REPAIR)
    if repaired != text:
        changes.append("encoding_repaired")
    composed = unicodedata.normalize("NFC", repaired)
    if composed != repaired:
        changes.append("unicode_composed")
    collapsed = " ".join(composed.split())
    if collapsed != composed:
        changes.append("whitespace_collapsed")
    return CleanCaption(collapsed, tuple(changes))
