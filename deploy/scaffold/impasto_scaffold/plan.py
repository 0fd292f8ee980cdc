"""What is going to be written: all of it is known, and laid out, before the first byte is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


class Refused(Exception):
    """The message says what is in the way."""


class Plan:
    """Files to make and files to change in a checkout. Paths are relative to its root.

    Raises:
        Refused: the folder is no checkout.
    """

    def __init__(self, root: Path) -> None:
        if not (root / "shared" / "impasto" / "kinds" / "__init__.py").is_file():
            raise Refused(f"{root} is no checkout of Impasto")
        self.root = root
        self._new: dict[str, str] = {}
        self._changed: dict[str, str] = {}

    def make(self, path: str, text: str) -> None:
        """Raises:
        Refused: the file exists.
        """
        if (self.root / path).exists():
            raise Refused(f"{path} exists")
        self._new[path] = text

    def refuse_taken(self, folder: str) -> None:
        """Raises:
        Refused: a package or a module of that name exists.
        """
        for taken in (folder, f"{folder}.py"):
            if (self.root / taken).exists():
                raise Refused(f"{taken} exists")

    def read(self, path: str) -> str:
        """The file as it would be after the changes so far."""
        return self._changed.get(path) or (self.root / path).read_text("utf-8")

    def change(self, path: str, text: str) -> None:
        self._changed[path] = text

    def write(self) -> tuple[list[str], list[str]]:
        """Writes everything; gives what is new and what was changed.

        Raises:
            Refused: a text is no Python; nothing is written then.
        """
        texts = {path: self._laid_out(path, text) for path, text in {**self._new, **self._changed}.items()}
        for path, text in texts.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text, "utf-8")
        return list(self._new), list(self._changed)

    def _laid_out(self, path: str, text: str) -> str:
        """Imports in order and lines broken as everywhere: names differ in length and in their first letters."""
        if not path.endswith(".py"):
            return text
        # What is ours is told by looking for files, and these are not there yet.
        ours = [path.parent.name for path in self.root.glob("s*/impasto*/__init__.py")]
        known = f"lint.isort.known-first-party = {json.dumps(['tests', *ours])}"
        text = self._ruff(path, text, "check", "--quiet", "--select", "I,RUF022", "--fix", "--config", known)
        return self._ruff(path, text, "format", "--quiet")

    def _ruff(self, path: str, text: str, *arguments: str) -> str:
        program = Path(sys.executable).with_name("ruff")
        if not program.exists():
            raise Refused(f"{program} is not there: `make check` installs the tools")
        done = subprocess.run(
            [str(program), *arguments, "--stdin-filename", path, "-"],
            cwd=self.root,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Refused(f"{path} would not be Python: {done.stderr.strip()}")
        return done.stdout
