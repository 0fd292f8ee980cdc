"""Where webhooks may go: a name is resolved here, once, and every address it has must be a public one."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from impasto.errors import InvalidInput
from impasto.webhook_places import IPAddress, Place, is_public, read_url

Resolver = Callable[[str, int], Awaitable[list[str]]]

_LOG = logging.getLogger("impasto.webhooks")
# Threads of their own: a name server that does not answer must not keep others from being asked.
_RESOLVING: Final = ThreadPoolExecutor(64, thread_name_prefix="resolve")
_PATIENCE_S: Final = 5.0


class Unresolved(Exception):
    """The name has no address at this moment."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, in the order in which the system would try them.

    Raises:
        OSError: it has none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_RESOLVING, _look_up, host, port)
    return list(dict.fromkeys(found))


def _look_up(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class ResolvingGate:
    """The rule of addresses with a resolver; `anywhere` switches the rule off, for development."""

    def __init__(self, *, anywhere: bool = False, resolver: Resolver = resolve) -> None:
        self._anywhere, self._resolver = anywhere, resolver

    def read(self, url: str) -> Place:
        """The place that the URL names, by its writing alone.

        Raises:
            InvalidInput: webhooks are not sent there.
        """
        return read_url(url, anywhere=self._anywhere)

    async def admit(self, url: str) -> Place:
        """The place that the URL names. A name that has no address yet may get one: each attempt looks again.

        Raises:
            InvalidInput: webhooks are not sent there.
        """
        place = self.read(url)
        with suppress(Unresolved):
            await self.addresses(place)
        return place

    async def addresses(self, place: Place) -> list[IPAddress]:
        """What to connect to.

        Raises:
            InvalidInput: one of the addresses is not public; then none is used.
            Unresolved: there is none.
        """
        found = [place.literal] if place.literal else await self._resolved(place)
        if not self._anywhere and not all(map(is_public, found)):
            raise InvalidInput(
                "webhook_url_not_allowed",
                "webhooks are not sent to that address: its name leads to an address that is not public",
                field="url",
            )
        return found

    async def _resolved(self, place: Place) -> list[IPAddress]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                texts = await self._resolver(place.host, place.port)
        except (OSError, UnicodeError, TimeoutError) as error:
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
