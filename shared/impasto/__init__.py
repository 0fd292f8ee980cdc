"""Impasto: large models for art, self-hosted. `from impasto import Client` is all that most programs need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impasto.client import AsyncClient, Client
    from impasto.errors import ImpastoError

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "ImpastoError", "__version__"]


def __getattr__(name: str) -> Any:
    # Loaded at first use: the servers and workers import this package too and need no HTTP client.
    if name in {"AsyncClient", "Client"}:
        from impasto import client

        return getattr(client, name)
    if name == "ImpastoError":
        from impasto.errors import ImpastoError

        return ImpastoError
    raise AttributeError(f"module 'impasto' has no attribute {name!r}")
