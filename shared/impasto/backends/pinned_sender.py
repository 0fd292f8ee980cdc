"""Sends a webhook to an address that was checked: the connection goes to that very address, whatever its name says."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

import impasto
from impasto.backends.gate import ResolvingGate, Unanswered, Unresolved
from impasto.errors import InvalidInput
from impasto.webhook_places import IPAddress, Place
from impasto.webhooks import MOST_HEAD_BYTES, Reply

MOST_READ_BYTES: Final = 64 * 1024
_FIXED: Final = {
    "Content-Type": "application/json",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": f"impasto-webhooks/{impasto.__version__}",
    "Connection": "close",
}


class PinnedSender:
    """One connection for each request: kept ones would be shared by names that have one address."""

    def __init__(
        self,
        gate: ResolvingGate,
        *,
        tls: ssl.SSLContext | None = None,
        connect_s: float = 5.0,
        total_s: float = 20.0,
    ) -> None:
        self._gate, self._connect_s, self._total_s = gate, connect_s, total_s
        # A bare transport: it follows no redirect, keeps no cookie and reads no proxy from the environment.
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or _trusted(),
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def close(self) -> None:
        await self._transport.aclose()

    async def send(self, url: str, headers: dict[str, str], body: bytes, whose: str = "") -> Reply:
        """Posts the body, for that tenant; whatever goes wrong is told in the reply."""
        began = time.monotonic()
        error: str | None = None
        try:
            async with asyncio.timeout(self._total_s):
                place = self._gate.read(url)
                addresses = await self._gate.addresses(place, whose)
                response = await self._first_answer(place, addresses, headers, body)
            left_s = self._total_s - (time.monotonic() - began)
            head = await _read(response, left_s)
            return Reply(
                _ms(began), response.status_code, None, head, _retry_after(response.headers.get("retry-after", ""))
            )
        except TimeoutError:
            error = "timeout"
        except InvalidInput:
            error = "url_not_allowed"
        except Unanswered:
            error = "name_timeout"
        except Unresolved:
            error = "name_unresolved"
        except httpx.ConnectTimeout:
            error = "connect_timeout"
        except httpx.ConnectError as broken:
            error = "tls_failed" if _is_tls(broken) else "connect_failed"
        except (httpx.TimeoutException, httpx.HTTPError, OSError):
            error = "connection_broken"
        return Reply(_ms(began), error=error)

    async def _first_answer(
        self, place: Place, addresses: list[IPAddress], headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        for address in addresses[:-1]:
            try:
                return await self._ask(place, address, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._ask(place, addresses[-1], headers, body)

    async def _ask(self, place: Place, address: IPAddress, headers: dict[str, str], body: bytes) -> httpx.Response:
        host = f"[{address}]" if address.version == 6 else str(address)

        async def check_peer(event: str, about: dict[str, Any]) -> None:
            if event != "connection.connect_tcp.complete":
                return
            peer = about["return_value"].get_extra_info("server_addr")
            if peer is None or ipaddress.ip_address(peer[0]) != address:
                await about["return_value"].aclose()
                raise InvalidInput("webhook_url_not_allowed", "the connection went elsewhere", field="url")

        timeout = {"connect": self._connect_s, "read": self._total_s, "write": self._total_s, "pool": self._total_s}
        request = httpx.Request(
            "POST",
            f"{place.scheme}://{host}:{place.port}{place.target}",
            headers={"Host": place.authority, **_FIXED, **headers},
            content=body,
            # The certificate must be the name's, not the address's.
            extensions={"timeout": timeout, "sni_hostname": place.host, "trace": check_peer},
        )
        return await self._transport.handle_async_request(request)


async def _read(response: httpx.Response, left_s: float) -> str:
    """The beginning of the answer's body. The status has been given: a body that never ends changes nothing."""
    head, seen = bytearray(), 0
    try:
        async with asyncio.timeout(max(0.0, left_s)):
            async for piece in response.aiter_raw():
                head += piece[: MOST_HEAD_BYTES - len(head)]
                seen += len(piece)
                if seen >= MOST_READ_BYTES:
                    break
    except (TimeoutError, httpx.HTTPError, OSError):
        pass
    finally:
        await response.aclose()
    return bytes(head).decode("utf-8", errors="replace").replace("\x00", "\ufffd")


def _retry_after(text: str) -> float | None:
    """Seconds from a Retry-After of either form."""
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _trusted() -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    # The machine's own authorities too: a museum has certificates of its own.
    context.load_default_certs()
    return context


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
