"""Who may come in: a key is tried once against the API, then kept on the server, never in the page."""

from __future__ import annotations

import re
from urllib.parse import quote

from nicegui import app, ui
from starlette.responses import RedirectResponse

from impasto.errors import AccessDenied, ImpastoError
from impasto.jobs import JobRecord
from impasto.tenants import parse_key
from impasto_studio.asking import listing
from impasto_studio.parts import KEY, parts
from impasto_studio.words import say


def guard() -> RedirectResponse | None:
    """Leads to the door whoever is not signed in; the page they wanted comes after it."""
    if app.storage.user.get(KEY):
        return None
    url = ui.context.client.request.url
    wanted = url.path + (f"?{url.query}" if url.query else "")
    return RedirectResponse("/sign-in" + (f"?to={quote(wanted, safe='')}" if wanted != "/" else ""))


async def refused(key: str) -> str | None:
    """A sentence that says why this key is not taken; None if it is."""
    key = key.strip()
    if not key:
        return say("sign_in.empty")
    if parse_key(key) is None:
        return say("sign_in.form")
    try:
        # A client of its own: what anybody types at the door neither takes the place of another's nor stays.
        async with parts().clients.on_trial(key) as trial:
            await trial.transport.run(listing(JobRecord, "jobs", limit=1))
    except AccessDenied as error:
        return say("sign_in.scope" if error.code == "scope_missing" else "sign_in.wrong")
    except ImpastoError as error:
        return say("sign_in.unreachable") if error.code == "platform_unreachable" else error.message
    return None


def way_in(key: str, to: str) -> str:
    """The address that signs this browser in with a key that is taken, and leads on.

    In a new session, whose name nobody had before: whoever planted the cookie of the door knows that one alone. The key
    itself is only in the server's own storage.
    """
    ticket = parts().tickets.give(key.strip(), ui.context.client.request.session["id"])
    return f"/enter/{ticket}?to={quote(to, safe='')}"


def safe_path(path: str) -> str:
    """A path of this studio; whatever leads elsewhere becomes its first page."""
    return path if re.fullmatch(r"/(?![/\\])[\w\-./?=&:%]*", path) else "/"
