"""Where webhooks may go: a name is resolved here, once, and every address it has must be a public one."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from impasto.backends.lookups import Lookups
from impasto.errors import InvalidInput
from impasto.webhook_places import IPAddress, Place, is_public, read_url

# The addresses of a name, for a port, asked for by a tenant.
Resolver = Callable[[str, int, str], Awaitable[list[str]]]

_LOG = logging.getLogger("impasto.webhooks")
_PATIENCE_S: Final = 5.0


class Unresolved(Exception):
    """The name has no address at this moment."""


class Unanswered(Unresolved):
    """No name server has told in time."""


class ResolvingGate:
    """The rule of addresses with a resolver; `anywhere` switches the rule off, for development."""

    def __init__(self, *, anywhere: bool = False, resolver: Resolver | None = None) -> None:
        self._anywhere, self._resolver = anywhere, resolver or Lookups()

    def read(self, url: str) -> Place:
        """The place that the URL names, by its writing alone.

        Raises:
            InvalidInput: webhooks are not sent there.
        """
        return read_url(url, anywhere=self._anywhere)

    async def admit(self, url: str, whose: str) -> Place:
        """The place that the URL names. A name that has no address yet may get one: each attempt looks again.

        Raises:
            InvalidInput: webhooks are not sent there.
        """
        place = self.read(url)
        with suppress(Unresolved):
            await self.addresses(place, whose)
        return place

    async def addresses(self, place: Place, whose: str) -> list[IPAddress]:
        """What to connect to, for that tenant.

        Raises:
            InvalidInput: one of the addresses is not public; then none is used.
            Unresolved: there is none.
        """
        found = [place.literal] if place.literal else await self._resolved(place, whose)
        if not self._anywhere and not all(map(is_public, found)):
            raise InvalidInput(
                "webhook_url_not_allowed",
                "webhooks are not sent to that address: its name leads to an address that is not public",
                field="url",
            )
        return found

    async def _resolved(self, place: Place, whose: str) -> list[IPAddress]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                texts = await self._resolver(place.host, place.port, whose)
        except TimeoutError as error:
            raise Unanswered from error
        except (OSError, UnicodeError) as error:
            raise Unresolved from error
        if not texts:
            raise Unresolved
        return [ipaddress.ip_address(text) for text in texts]


def warn_if_anywhere(anywhere: bool) -> None:
    """Says so, loudly, where the rule is switched off."""
    if anywhere:
        _LOG.warning(
            "IMPASTO_WEBHOOK_ALLOW_PRIVATE IS SET: webhooks go to private addresses, to any port and over http. "
            "Anybody with a key can make this platform send requests into its own network."
        )
