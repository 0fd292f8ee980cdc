"""No webhook reaches a network that is not public: not by its writing, not by its name, not by a redirect."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator

import pytest

from impasto.backends.gate import ResolvingGate, Unresolved
from impasto.backends.pinned_sender import PinnedSender
from impasto.errors import InvalidInput
from impasto.webhook_places import is_public, read_url
from impasto.webhooks import Reply

NOT_PUBLIC = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:7f00:1", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
)  # fmt: skip
URLS = (
    "http://hooks.example/x", "ftp://hooks.example/x", "https://hooks.example:22/", "https://hooks.example:80/",
    "https://hooks.example:99999/", "https://user@hooks.example/", "https://user:pass@hooks.example/",
    "https://hooks.example@127.0.0.1/", "https://127.0.0.1/", "https://2130706433/", "https://0x7f000001/",
    "https://0177.0.0.1/", "https://127.1/", "https://127.0.1/", "https://0x7f.0.0.1/", "https://127.0.0.0x1/",
    "https://017700000001/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::1%25eth0]/", "https://localhost/",
    "https://localhost./", "https://LOCALHOST:8443/", "https://x.localhost/", "https://printer.local/",
    "https://metadata.google.internal/", "https://intranet/", "https://169.254.169.254/latest/meta-data/",
    "https://\uff11\uff12\uff17.0.0.1/", "https://\u24db\u24de\u24d2alhost/", "https://b\u00fccher.example/",
    "https://hooks.example\\@127.0.0.1/", "https://hooks.example#@127.0.0.1/", "https:///x", "https://", "//x.example/",
    "https://hooks.example/a b", "https://hooks.example/\r\nX: y", "https://hooks.example/\x00", " https://hooks.example/",
    "https://hooks..example/", "https://-hooks.example/", "https://hooks.example:/", "javascript:alert(1)", "",
)  # fmt: skip


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450::1"])
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_leads_elsewhere_is_refused_by_its_writing(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_url(url)
    assert refused.value.code == "webhook_url_not_allowed"
    assert len(url) < 12 or url.strip() not in refused.value.message


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("https://hooks.example", "hooks.example", "/"),
        ("HTTPS://Hooks.Example:443/a?b=c", "hooks.example", "/a?b=c"),
        ("https://xn--bcher-kva.example:8443?x", "xn--bcher-kva.example:8443", "/?x"),
        ("https://8.8.8.8/x%20y", "8.8.8.8", "/x%20y"),
        ("https://[2606:4700:4700::1111]:8443/", "[2606:4700:4700::1111]:8443", "/"),
    ],
)
def test_a_good_url_is_taken_apart_once(url: str, authority: str, target: str) -> None:
    place = read_url(url)
    assert (place.authority, place.target) == (authority, target)


class Trap:
    """Listens on this machine's own address; nobody may come."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._listener.close()

    @property
    def empty(self) -> bool:
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trap]:
    made = Trap()
    # Its port is one that webhooks may use: what keeps them away is the address alone.
    monkeypatch.setattr("impasto.webhook_places.PORTS", (443, 8443, made.port))
    yield made
    made.close()


def attempt(url: str, *answers: list[str]) -> tuple[Reply, int]:
    """One attempt with a resolver that gives these answers in turn; how often it was asked."""
    asked = 0

    async def resolver(host: str, port: int, whose: str) -> list[str]:
        nonlocal asked
        asked += 1
        return answers[min(asked, len(answers)) - 1]

    async def send() -> Reply:
        sender = PinnedSender(ResolvingGate(resolver=resolver), connect_s=0.3, total_s=1)
        try:
            return await sender.send(url, {}, b"{}")
        finally:
            await sender.close()

    return asyncio.run(send()), asked


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1", "64:ff9b::7f00:1"])
def test_a_name_that_leads_to_another_network_is_never_connected_to(trap: Trap, address: str) -> None:
    reply, _ = attempt(f"https://hooks.example:{trap.port}/", [address])
    assert reply.error == "url_not_allowed"
    assert trap.empty


def test_one_address_that_is_not_public_spoils_the_name(trap: Trap) -> None:
    reply, _ = attempt(f"https://hooks.example:{trap.port}/", ["8.8.8.8", "127.0.0.1"])
    assert reply.error == "url_not_allowed"
    assert trap.empty


def test_a_name_is_resolved_once_so_that_it_cannot_change_between_the_look_and_the_step(
    trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[str] = []

    async def connect(loop: object, factory: object, host: str, port: int, **_: object) -> None:
        connected.append(host)
        raise OSError("no way out")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", connect)
    reply, asked = attempt(f"https://hooks.example:{trap.port}/", ["8.8.8.8"], ["127.0.0.1"])
    assert (reply.error, asked, connected) == ("connect_failed", 1, ["8.8.8.8"])
    assert trap.empty


@pytest.mark.parametrize("url", ["https://127.0.0.1:{port}/", "https://[::ffff:127.0.0.1]:{port}/"])
def test_an_address_in_the_url_is_never_connected_to(trap: Trap, url: str) -> None:
    reply, asked = attempt(url.format(port=trap.port), ["8.8.8.8"])
    assert (reply.error, asked) == ("url_not_allowed", 0)
    assert trap.empty


def test_a_name_without_an_address_is_told_apart() -> None:
    async def resolver(host: str, port: int, whose: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async def look() -> None:
        gate = ResolvingGate(resolver=resolver)
        assert (await gate.admit("https://hooks.example/", "tnt")).host == "hooks.example"
        with pytest.raises(Unresolved):
            await gate.addresses(read_url("https://hooks.example/"), "tnt")

    asyncio.run(look())
