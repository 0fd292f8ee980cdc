"""Commands of others, run one by one, and what is told meanwhile."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")
ROOT: Final = Path(__file__).parents[3]


class Failed(Exception):
    """Something was not as it should be; the message is for whoever reads the output."""


def say(what: str) -> None:
    """A heading."""
    print(f"\n== {what}", flush=True)


def tell(what: str) -> None:
    """A line under it."""
    print(f"   {what}", flush=True)


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    quiet: bool = True,
    most_s: float = 900,
) -> str:
    """What the command printed on standard output.

    Raises:
        Failed: it ended with another code than 0, or not in time; the message is the end of its output.
    """
    words = [str(word) for word in command]
    output = subprocess.PIPE if quiet else None
    try:
        done = subprocess.run(
            words, cwd=folder, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, text=True, timeout=most_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Failed(f"not within {most_s:g} s: {' '.join(words[:6])}") from error
    if done.returncode:
        said = "\n".join(f"{done.stdout or ''}{done.stderr or ''}".strip().splitlines()[-25:])
        raise Failed(f"{' '.join(words[:6])} ended with {done.returncode}\n{said}")
    return done.stdout or ""


def eventually(look: Callable[[], T | None], what: str, most_s: float, pause_s: float = 1.0) -> T:
    """What `look` finds, once it finds something.

    Raises:
        Failed: it found nothing in time.
    """
    deadline = time.monotonic() + most_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(pause_s)
    raise Failed(f"not within {most_s:g} s: {what}")
