"""A small receiver for development: verifies each event and prints it."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from impasto.webhooks import MOST_BODY_BYTES, parse_secret, signature_headers

_TOLERANCE_S: Final = 300


def verified(secret: bytes, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """Whether one of the signatures is this secret's, and the time of the attempt is now."""
    at = headers.get("webhook-timestamp", "")
    if not at.isascii() or not at.isdigit() or abs(now_s - int(at)) > _TOLERANCE_S:
        return False
    ours = signature_headers(headers.get("webhook-id", ""), int(at), body, [secret])["webhook-signature"]
    theirs = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(ours.encode(), their.encode("utf-8", "replace")) for their in theirs)


def serve(port: int, secret: str, *, tell: Callable[[str], None], warn: Callable[[str], None]) -> None:
    """Serves until it is interrupted.

    Raises:
        InvalidInput: the secret has not the form of one.
    """
    key = parse_secret(secret)

    class Receiving(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            body = self.rfile.read(min(int(length), MOST_BODY_BYTES)) if length.isdigit() else b""
            headers = {name.lower(): value for name, value in self.headers.items()}
            good = verified(key, headers, body, time.time())
            if good:
                tell(body.decode("utf-8", "replace"))
            else:
                warn("refused a request whose signature is not right")
            self.send_response(204 if good else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing: what matters is printed."""

    with ThreadingHTTPServer(("127.0.0.1", port), Receiving) as server:
        server.serve_forever()
