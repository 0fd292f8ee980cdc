"""Reading event streams as any program would, each from a thread of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from impasto.testing.stacks import Stack


class Reader:
    """What a stream has told so far."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.opened = threading.Event()
        self.position = ""

    def read(self, response: httpx.Response) -> None:
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if line.startswith("id: "):
                self.position = line[4:]
                self.opened.set()
            if not line:
                if "data" in fields and fields.get("event") != "progress":
                    self.events.append(json.loads(fields["data"]))
                fields = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value

    def told(self) -> list[tuple[str, int]]:
        return [(event["job_id"], event["number"]) for event in list(self.events)]


@contextmanager
def stream(stack: Stack, path: str, *, tenant: str = "first", **headers: str) -> Iterator[httpx.Response]:
    """A stream that is open and that nobody reads yet."""
    asked = {"Authorization": f"Bearer {stack.key(tenant)}", "Accept": "text/event-stream", **headers}
    with (
        httpx.Client(base_url=stack.url, trust_env=False, timeout=httpx.Timeout(10, read=60)) as client,
        client.stream("GET", path, headers=asked) as response,
    ):
        assert response.status_code == 200, response.read()
        yield response


@contextmanager
def following(stack: Stack, path: str = "/v1/events", *, tenant: str = "first", **headers: str) -> Iterator[Reader]:
    """A reader of a stream that has begun."""
    reader = Reader()
    with stream(stack, path, tenant=tenant, **headers) as response:
        thread = threading.Thread(target=read, args=(reader, response), daemon=True)
        thread.start()
        assert reader.opened.wait(20), "the stream says where it begins"
        yield reader


def read(reader: Reader, response: httpx.Response) -> None:
    """Reads until the stream is closed."""
    with suppress(httpx.TransportError, httpx.StreamError, OSError, ValueError):  # the test has closed it
        reader.read(response)
