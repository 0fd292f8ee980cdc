"""Which names a kind and a family may have: they become names of folders, modules and classes."""

from __future__ import annotations

import keyword
import re

from impasto_scaffold.plan import Refused

MOST_CHARACTERS = 30
MOST_OF_A_KIND = 40
_WORDS = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def require_word(name: str, what: str) -> str:
    """The name, if it can be a module's.

    Raises:
        Refused: it cannot.
    """
    if not _WORDS.fullmatch(name) or len(name) > MOST_CHARACTERS:
        raise Refused(
            f"{name!r} is no name of {what}: small letters, digits and single underscores, "
            f"a letter first, at most {MOST_CHARACTERS} characters"
        )
    if keyword.iskeyword(name):
        raise Refused(f"{name!r} is a word of Python and cannot be the name of {what}")
    return name


def kind_parts(name: str) -> tuple[str, str]:
    """Area and noun of `<area>.<noun>`.

    Raises:
        Refused: it is not of that form.
    """
    area, dot, noun = name.partition(".")
    if not dot:
        raise Refused(f"{name!r} is no name of a kind: it is <area>.<noun>, such as generate.sepia")
    if len(name) > MOST_OF_A_KIND:
        raise Refused(f"{name!r} is too long: the name of a kind has at most {MOST_OF_A_KIND} characters")
    return require_word(area, "an area"), require_word(noun, "a kind")


def camel(name: str) -> str:
    """`text_to_image` as `TextToImage`."""
    return "".join(word.capitalize() for word in name.split("_"))
