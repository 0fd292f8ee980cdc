"""Tenants and their API keys: the form of a key, its scopes, and how a secret is compared."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel

Scope = Literal["read", "submit", "upload", "webhooks", "admin", "operate"]
SCOPES: Final[tuple[Scope, ...]] = ("read", "submit", "upload", "webhooks", "admin", "operate")

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM: Final = re.compile(r"impasto_live_([0-9A-Za-z]{8})([0-9A-Za-z]{32})([0-9A-Za-z]{6})")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the one moment its secret is known."""

    id: str
    text: str
    secret_sha256: bytes


class ApiKeyRecord(BaseModel):
    """An API key as it is listed: never its secret."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


def allows(scopes: Collection[str], scope: Scope) -> bool:
    """Whether a key with these scopes may do what needs `scope`.

    `admin` has everything of its own tenant; `operate` looks at the whole platform, so it is never implied.
    """
    return scope in scopes or (scope != "operate" and "admin" in scopes)


def new_key() -> NewKey:
    """A new key: `impasto_live_<8 id><32 random><6 CRC-32>`, so that leaked keys can be found by their form alone."""
    key_id = "".join(secrets.choice(_BASE62) for _ in range(8))
    secret = "".join(secrets.choice(_BASE62) for _ in range(32))
    text = f"impasto_live_{key_id}{secret}{_checksum(key_id + secret)}"
    return NewKey(key_id, text, hashlib.sha256(secret.encode()).digest())


def parse_key(text: str) -> tuple[str, bytes] | None:
    """The id and the SHA-256 of the secret of a well-formed key, or None."""
    match = _FORM.fullmatch(text)
    if match is None or match[3] != _checksum(match[1] + match[2]):
        return None
    return match[1], hashlib.sha256(match[2].encode()).digest()


def same_secret(left: bytes, right: bytes) -> bool:
    """Compares two digests in constant time. 190 random bits need no slow hash."""
    return hmac.compare_digest(left, right)


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits
