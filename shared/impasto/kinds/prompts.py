"""Prompts: what a picture is asked for in words."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

MAX_PROMPT_CHARACTERS: Final = 1000


def _prompt(text: str) -> str:
    normal = unicodedata.normalize("NFC", text).strip()
    odd = [c for c in normal if unicodedata.category(c) in ("Cc", "Cs", "Cn", "Co") and c not in "\n\t"]
    if not normal or odd or len(normal) > MAX_PROMPT_CHARACTERS:
        reason = "is empty" if not normal else "has control characters" if odd else "is too long"
        raise PydanticCustomError(
            "prompt_invalid",
            "the prompt {reason}; it takes 1 to {most} characters",
            {"reason": reason, "most": MAX_PROMPT_CHARACTERS},
        )
    return normal


Prompt = Annotated[
    str,
    AfterValidator(_prompt),
    Field(description=f"1 to {MAX_PROMPT_CHARACTERS} characters, brought to NFC.", examples=["a red heart, flat"]),
]
