"""What leads from the door into a session of its own: a word for one use, by the browser that it was given to."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Final

_VALID_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Given:
    key: str
    session: str
    ends_at: float


class Tickets:
    """Kept in memory for a minute. A page speaks over a web socket, which can set no cookie; a ticket's request can."""

    def __init__(self, valid_s: float = _VALID_S) -> None:
        self._valid_s = valid_s
        self._given: dict[str, _Given] = {}

    def give(self, key: str, session: str) -> str:
        """A ticket for a key that was taken, at the door of that session."""
        now = time.monotonic()
        self._given = {ticket: given for ticket, given in self._given.items() if given.ends_at > now}
        ticket = secrets.token_urlsafe(32)
        self._given[ticket] = _Given(key, session, now + self._valid_s)
        return ticket

    def take(self, ticket: str, session: str) -> str | None:
        """The key, once; None for a ticket that is used, too old or another session's.

        Another's would sign in whoever was led to its address, with a key that is not theirs.
        """
        given = self._given.pop(ticket, None)
        if given is None or given.session != session or given.ends_at <= time.monotonic():
            return None
        return given.key
