"""What every page and route may ask for: the process's own parts, and the client of whoever is signed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nicegui import app

from impasto.client import AsyncClient
from impasto.errors import AccessDenied
from impasto.settings import Settings
from impasto_studio.clients import Clients
from impasto_studio.tickets import Tickets

KEY: Final = "api_key"


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once with the application. `uploads`: a folder for files on their way to the platform."""

    settings: Settings
    clients: Clients
    uploads: Path
    tickets: Tickets


def parts() -> Parts:
    """The parts of this process."""
    found: Parts = app.state.parts
    return found


def client() -> AsyncClient:
    """The client of whoever is signed in; only inside a page, an event of one, or a request.

    Raises:
        AccessDenied: nobody is signed in.
    """
    return parts().clients.of(_key())


def hold_client() -> Callable[[], None]:
    """Keeps that client open, for work that goes on for long, until the returned function is called.

    Raises:
        AccessDenied: nobody is signed in.
    """
    return parts().clients.hold(_key())


def _key() -> str:
    key = app.storage.user.get(KEY)
    if not key:
        raise AccessDenied("unauthenticated", "nobody is signed in")
    return str(key)
