"""Names of pictures to subjects and captions: which ones the hands share, and which fall together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

# Signs and typography say little about a hand; skin tones are one drawing in five colours.
_NOT_SHOWN: Final = re.compile(
    r"skin-tone|button|keycap|arrow|input-|oclock|thirty|-sign$|blood-type|square|-circle$|regional-indicator|flag-for"
    r"|-mark$|trade-mark|copyright|registered|^(atm|cl|id|ng|ok|sos|up|vs)-|middle-finger|cigarette|no-"
)
_NOT_A_LETTER: Final = re.compile(r"[^a-z0-9]")
# Drawings that differ in who is shown, not in what: kept on one side of a split.
_WHO: Final = re.compile(r"^(man|woman|person|mans|womans|mens|womens|boy|girl|old-man|old-woman)-")
_SEVERAL: Final = re.compile(r"-(face|tilted-left|tilted-right|with-.+|without-.+)$")


def key_of(name: str) -> str:
    """A name without hyphens: hands disagree on those (`alarm-clock`, `alarmclock`)."""
    return _NOT_A_LETTER.sub("", name)


def is_shown(name: str) -> bool:
    """Whether a picture of this name belongs into the demonstration."""
    return not _NOT_SHOWN.search(name)


def subject_of(name: str) -> str:
    """What a split must not tear apart: variants of one drawing have one subject."""
    bare = _WHO.sub("", name)
    return (_SEVERAL.sub("", bare) or bare).replace("-", " ")


def caption_of(name: str) -> str:
    """What is to be seen, in words."""
    return name.replace("-", " ")


def shared_names(names: Mapping[str, Iterable[str]], must: Sequence[str]) -> dict[str, dict[str, str]]:
    """For each name that every hand in `must` drew: that hand's own spelling, and of the others where they have it.

    `names` are each hand's picture names; the outcome's keys are spelt as the first hand in `must` does.
    """
    spelt = {hand: {key_of(name): name for name in own if is_shown(name)} for hand, own in names.items()}
    first = spelt[must[0]]
    keys = [key for key in first if all(key in spelt[hand] for hand in must)]
    return {first[key]: {hand: own[key] for hand, own in spelt.items() if key in own} for key in keys}


def pick(names: Iterable[str], count: int, *, purpose: str) -> list[str]:
    """At most `count` of them, the same ones on every machine, in alphabetical order."""

    def draw(name: str) -> bytes:
        return hashlib.sha256(f"{purpose}/{name}".encode()).digest()

    return sorted(sorted(names, key=draw)[:count])
