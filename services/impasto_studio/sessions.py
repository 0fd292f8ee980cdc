"""Sessions that are over: their files hold keys, so they go; and what the pages' library keeps of each visitor."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

from nicegui import Client
from nicegui import app as pages_app

from impasto_studio.clients import Clients
from impasto_studio.parts import KEY

SESSION_S: Final = 30 * 24 * 3600
_EVERY_S: Final = 3600.0
_NAME: Final = "storage-user-{}.json"
_LOG: Final = logging.getLogger(__name__)


async def renew(key: str) -> str:
    """Gives whoever asks a new session, signed in with this key, and its name; what they chose goes with them."""
    storage, session = pages_app.storage, str(uuid.uuid4())
    await storage._create_user_storage(session)  # the library names a session once and knows no other way
    storage._users[session].update({**storage.user, KEY: key})
    return session


async def keep_tidy(folder: Path, clients: Clients, every_s: float = _EVERY_S) -> None:
    """Once now and then every hour, until it is canceled."""
    while True:
        try:
            forget_old(folder, SESSION_S, open_sessions())
            forget_strangers(open_sessions())
            await clients.close_idle()
        except OSError as error:
            _LOG.warning("sessions could not be tidied: %s", error)
        await asyncio.sleep(every_s)


def forget_old(folder: Path, age_s: float, in_use: set[str]) -> None:
    """Removes files of sessions that nobody can come back to.

    A cookie is given before its file is first written and lasts `age_s` seconds: an older file has none any more.
    """
    before = time.time() - age_s
    spared = {_NAME.format(session) for session in in_use}
    for path in folder.glob(_NAME.format("*") + "*"):
        # Another process of this folder, or the library itself, may have been quicker.
        with suppress(FileNotFoundError):
            if path.name.removesuffix(".tmp") not in spared and path.stat().st_mtime < before:
                path.unlink()
                _forget(path.name.removesuffix(".tmp"))


def forget_strangers(in_use: set[str]) -> None:
    """Drops what is kept in memory of visitors who left nothing: each one without a cookie is a new one."""
    users = pages_app.storage._users  # the library has no way to drop one
    for session in [session for session, kept in users.items() if not kept and session not in in_use]:
        del users[session]


def open_sessions() -> set[str]:
    """Those with a page that is open or a request that is being answered: the library asserts that it has them."""
    pages = {page.request.session.get("id", "") for page in Client.instances.values() if "session" in page.request}
    return pages | set(pages_app.storage._active_request_sessions)


def _forget(name: str) -> None:
    prefix, suffix = _NAME.split("{}")
    pages_app.storage._users.pop(name.removeprefix(prefix).removesuffix(suffix), None)
