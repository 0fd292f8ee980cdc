"""Prompts: what is taken, in which form, and what is no prompt."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from impasto.kinds.prompts import MAX_PROMPT_CHARACTERS, Prompt

PROMPT: TypeAdapter[str] = TypeAdapter(Prompt)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("a red heart", "a red heart"),
        ("  a fox\n", "a fox"),
        ("cafe\u0301", "caf\u00e9"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("一只红色的狐狸", "一只红色的狐狸"),
        ("a \U0001f98a", "a \U0001f98a"),
        ("\U0001f468\u200d\U0001f33e", "\U0001f468\u200d\U0001f33e"),
        ("x" * MAX_PROMPT_CHARACTERS, "x" * MAX_PROMPT_CHARACTERS),
        ("e\u0301" * MAX_PROMPT_CHARACTERS, "\u00e9" * MAX_PROMPT_CHARACTERS),
    ],
)
def test_a_prompt_is_taken_stripped_and_in_nfc(given: str, taken: str) -> None:
    assert PROMPT.validate_python(given) == taken


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("", "is empty"),
        (" \n\t ", "is empty"),
        ("a\0b", "control"),
        ("a\x07", "control"),
        ("\x85 a \x9b b", "control"),
        ("\ud800", "control"),
        ("a\udfff", "control"),
        ("\uffff", "control"),
        ("\ue000", "control"),
        ("x" * (MAX_PROMPT_CHARACTERS + 1), "too long"),
    ],
)
def test_what_is_no_prompt_is_refused_with_the_reason_and_without_the_prompt(given: str, reason: str) -> None:
    with pytest.raises(ValidationError) as refused:
        PROMPT.validate_python(given)
    (error,) = refused.value.errors(include_input=False)
    assert error["type"] == "prompt_invalid"
    assert reason in error["msg"]
    assert "x" * 50 not in error["msg"]


def test_numbers_are_no_prompts() -> None:
    with pytest.raises(ValidationError):
        PROMPT.validate_python(7)
