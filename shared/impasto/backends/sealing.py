"""Secrets at rest: sealed with a key that is not in the database."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from impasto.errors import ImpastoError

_LEAST_KEY_CHARACTERS: Final = 32


class SealedVault:
    """Seals with the first key and opens with any, so that keys can be changed without a pause."""

    def __init__(self, keys: str) -> None:
        """`keys`: random texts of at least 32 characters, newest first, with commas between.

        Raises:
            ImpastoError: there is none, or one is too short to be random.
        """
        texts = [text.strip() for text in keys.split(",") if text.strip()]
        if not texts or min(map(len, texts)) < _LEAST_KEY_CHARACTERS:
            raise ImpastoError(
                "value_invalid",
                f"IMPASTO_WEBHOOK_SECRET_KEY needs at least {_LEAST_KEY_CHARACTERS} random characters",
                hint="openssl rand -hex 32",
            )
        # Random already: a digest gives it the length, and no slow derivation is needed.
        self._fernet = MultiFernet(
            [Fernet(base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())) for text in texts]
        )

    def seal(self, secret: bytes) -> bytes:
        return self._fernet.encrypt(secret)

    def open(self, sealed: bytes) -> bytes:
        """Raises:
        ValueError: none of the keys sealed this.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise ValueError("sealed with another key") from error
