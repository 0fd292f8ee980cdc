"""Where the platform is and with which key: arguments, then the environment, then `.impasto/client.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from impasto.errors import AccessDenied, InvalidInput, Unavailable

CLIENT_FILE: Final = Path(".impasto") / "client.json"


@dataclass(frozen=True, slots=True)
class Address:
    """The platform's address without a slash at its end, and a key. The key is not shown when this is printed."""

    url: str
    api_key: str

    def __repr__(self) -> str:
        return f"Address(url={self.url!r}, api_key=...)"


def find_address(
    url: str | None = None,
    api_key: str | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Address:
    """The address and key to use. A key from the file goes only to the address in that file.

    Raises:
        Unavailable: no address is known.
        AccessDenied: no key is known for it.
        InvalidInput: the address is not an http(s) one, or the file cannot be read.
    """
    kept = _read(_nearest(folder or Path.cwd()))
    found = url or environment.get("IMPASTO_URL") or kept.get("url", "")
    if not found:
        raise Unavailable(
            "platform_unreachable",
            "no platform is known here",
            hint="run `impasto up` in this folder, or set IMPASTO_URL and IMPASTO_API_KEY",
        )
    found = _checked(found)
    key = api_key or environment.get("IMPASTO_API_KEY") or (kept.get("api_key", "") if _same(found, kept) else "")
    if not key:
        raise AccessDenied("unauthenticated", f"no API key is known for {found}", hint="set IMPASTO_API_KEY")
    return Address(found, key.strip())


def _nearest(folder: Path) -> Path | None:
    candidates = (parent / CLIENT_FILE for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)


def _read(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(kept[name]) for name in ("url", "api_key") if kept.get(name)}
    except (OSError, ValueError, AttributeError) as error:
        raise InvalidInput("value_invalid", f"{path} cannot be read: {error}", hint="`impasto up` writes it") from error


def _same(url: str, kept: Mapping[str, str]) -> bool:
    return url == kept.get("url", "").rstrip("/")


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput(
            "value_invalid", f"{url!r} is not an http(s) address", field="url", hint="for example http://127.0.0.1:8080"
        )
    return url.rstrip("/")
