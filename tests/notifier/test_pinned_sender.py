"""The connection goes to the checked address, under the name's own certificate and Host; answers have bounds."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from impasto.backends.gate import ResolvingGate
from impasto.backends.pinned_sender import PinnedSender
from impasto.webhooks import Reply
from tests.notifier.receiver import Answer, Receiver, endless, reset, silence, status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def post(url: str, *, tls: ssl.SSLContext | None = None, total_s: float = 5) -> Reply:
    """One attempt; every name is this machine's."""

    async def resolver(host: str, port: int, whose: str) -> list[str]:
        return ["127.0.0.1"]

    async def send() -> Reply:
        gate = ResolvingGate(anywhere=True, resolver=resolver)
        sender = PinnedSender(gate, tls=tls, total_s=total_s)
        try:
            return await sender.send(url, {"webhook-id": "evt_1"}, b'{"type":"webhook.ping"}')
        finally:
            await sender.close()

    return asyncio.run(send())


def test_the_host_is_the_names_and_the_connection_the_addresss(receiver: Receiver) -> None:
    reply = post(f"http://hooks.example:{receiver.port}/a/b?c=d")
    assert (reply.status, reply.error) == (204, None)
    (sent,) = receiver.got
    assert (sent.path, sent.headers["host"]) == ("/a/b?c=d", f"hooks.example:{receiver.port}")
    assert sent.headers["webhook-id"] == "evt_1"


def test_a_proxy_in_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Receiver(status(200))
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
    assert post(f"http://hooks.example:{receiver.port}/").status == 204
    assert proxy.connections == 0
    proxy.close()


def test_a_cookie_is_not_given_to_the_next(receiver: Receiver) -> None:
    receiver.otherwise = status(200, "Set-Cookie: seen=1; Path=/")

    async def twice() -> None:
        sender = PinnedSender(ResolvingGate(anywhere=True))
        for _ in range(2):
            await sender.send(receiver.url, {}, b'{"type":"webhook.ping"}')
        await sender.close()

    asyncio.run(twice())
    assert ["cookie" in sent.headers for sent in receiver.got] == [False, False]


def drip(connection: object) -> None:
    """A header that never ends, a byte at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")  # type: ignore[attr-defined]
    while True:
        connection.sendall(b"x")  # type: ignore[attr-defined]
        time.sleep(0.05)


def broad(connection: object) -> None:
    """Headers without an end, as fast as they are taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")  # type: ignore[attr-defined]
    while True:
        connection.sendall(b"X-Y: " + b"z" * 4000 + b"\r\n")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (silence, "timeout"),
        (drip, "timeout"),
        (broad, "connection_broken"),
        (reset, "connection_broken"),
        (lambda connection: connection.sendall(b"garbage\r\n\r\n"), "connection_broken"),
    ],
)
def test_an_answer_that_is_none_ends_in_time(receiver: Receiver, answer: Answer, error: str) -> None:
    receiver.otherwise = answer
    began = time.monotonic()
    assert post(receiver.url, total_s=0.5).error == error
    assert time.monotonic() - began < 3


def test_a_body_without_end_is_read_up_to_its_bound(receiver: Receiver) -> None:
    receiver.otherwise = endless
    reply = post(receiver.url)
    assert (reply.status, len(reply.head)) == (200, 4096)
    assert reply.ms < 3000


def test_nobody_listening_is_a_failed_connection() -> None:
    receiver = Receiver()
    receiver.close()
    assert post(receiver.url).error == "connect_failed"


@pytest.mark.parametrize(("header", "seconds"), [("120", 120.0), ("soon", None), ("-1", None)])
def test_what_the_receiver_asks_to_be_waited_is_read(receiver: Receiver, header: str, seconds: float | None) -> None:
    receiver.otherwise = status(429, f"Retry-After: {header}")
    assert post(receiver.url).retry_after_s == seconds


def test_a_date_to_wait_for_is_read(receiver: Receiver) -> None:
    at = datetime.now(UTC) + timedelta(minutes=5)
    receiver.otherwise = status(503, f"Retry-After: {at:%a, %d %b %Y %H:%M:%S GMT}")
    assert 290 < (post(receiver.url).retry_after_s or 0) <= 300


@pytest.fixture
def certified(tmp_path: Path, receiver: Receiver) -> Callable[[str], ssl.SSLContext]:
    """Makes the receiver speak TLS under a certificate for a name; gives a context that trusts it."""

    def make(name: str) -> ssl.SSLContext:
        key, subject = (
            ec.generate_private_key(ec.SECP256R1()),
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        )
        alternative: x509.GeneralName = x509.DNSName(name)
        if name[0].isdigit():
            alternative = x509.IPAddress(ipaddress.ip_address(name))
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        pem = tmp_path / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        receiver.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        receiver.tls.load_cert_chain(pem)
        return ssl.create_default_context(cafile=str(pem))

    return make


def test_the_certificate_must_be_the_names(receiver: Receiver, certified: Callable[[str], ssl.SSLContext]) -> None:
    tls = certified("hooks.example")
    assert post(f"https://hooks.example:{receiver.port}/", tls=tls).status == 204
    assert post(f"https://other.example:{receiver.port}/", tls=tls).error == "tls_failed"
    assert post(f"https://127.0.0.1:{receiver.port}/", tls=tls).error == "tls_failed"
    assert len(receiver.got) == 1


def test_a_certificate_of_nobody_we_know_is_refused(
    receiver: Receiver, certified: Callable[[str], ssl.SSLContext]
) -> None:
    certified("hooks.example")
    assert post(f"https://hooks.example:{receiver.port}/").error == "tls_failed"
    assert receiver.got == []
