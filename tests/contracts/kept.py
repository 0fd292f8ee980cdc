"""Text that is made from the code and kept in a file: compared by every run, written anew only when asked to.

`IMPASTO_UPDATE=1 .venv/bin/pytest tests/contracts` writes it; the change is then reviewed in the diff.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
UPDATING = bool(os.environ.get("IMPASTO_UPDATE"))


def assert_file_is(path: Path, text: str) -> None:
    """The file holds exactly this text."""
    if UPDATING:
        path.write_text(text, "utf-8")
    kept = path.read_text("utf-8") if path.is_file() else ""
    assert kept == text, f"{path.relative_to(ROOT)} lags behind the code: {_how_to()}"


def assert_block_is(path: Path, name: str, text: str) -> None:
    """The file holds this text between `<!-- made: name -->` and `<!-- end: name -->`."""
    whole = path.read_text("utf-8")
    begin, end = f"<!-- made: {name} -->\n", f"<!-- end: {name} -->"
    pattern = re.compile(re.escape(begin) + "(.*?)" + re.escape(end), re.DOTALL)
    found = pattern.search(whole)
    assert found, f"{path.relative_to(ROOT)} has no block {name!r}"
    if UPDATING:
        path.write_text(whole[: found.start(1)] + text + whole[found.end(1) :], "utf-8")
        return
    assert found[1] == text, f"block {name!r} of {path.relative_to(ROOT)} lags behind the code: {_how_to()}"


def _how_to() -> str:
    return "run `IMPASTO_UPDATE=1 .venv/bin/pytest tests/contracts`, then look at the diff"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; bars inside of cells are escaped."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
