"""Performs flows with blocking calls."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

import httpx

from impasto.client import wire
from impasto.client.address import Address
from impasto.client.flow import Answer, Broken, Emit, Flow, NextChunk, Open, Request, Sleep, Step
from impasto.client.retrying import Retries, with_retries

T = TypeVar("T")


class Transport:
    """Runs flows against one address. Several threads may use it at once."""

    def __init__(self, address: Address, retries: Retries) -> None:
        self.address, self.retries = address, retries
        self._http = httpx.Client(**wire.options(address))

    def close(self) -> None:
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
        """Performs the flow to its end; what it emits is dropped."""
        emitted = self.iterate(flow)
        while True:
            try:
                next(emitted)
            except StopIteration as end:
                value: T = end.value
                return value

    def iterate(self, flow: Flow[T]) -> Generator[Any, None, T]:
        """What the flow emits, performed as far as somebody reads."""
        steps, got = with_retries(flow, self.retries), None
        with _Stream(self._http, self.address.url) as stream:
            while True:
                try:
                    step = steps.send(got)
                except StopIteration as end:
                    value: T = end.value
                    return value
                got = None
                if isinstance(step, Emit):
                    yield step.value
                else:
                    got = stream.perform(step)


class _Stream:
    """One flow's use of the connection pool: at most one body is open at a time."""

    def __init__(self, http: httpx.Client, url: str) -> None:
        self._http, self._url = http, url
        self._response: httpx.Response | None = None
        self._chunks: Iterator[bytes] = iter(())

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *error: object) -> None:
        if self._response is not None:
            self._response.close()

    def perform(self, step: Step) -> Answer | Broken | bytes | None:
        if isinstance(step, Sleep):
            time.sleep(step.seconds)
            return None
        try:
            if isinstance(step, Request):
                response = self._send(step, stream=False)
                return wire.answer_of(response, response.content)
            if isinstance(step, Open):
                return self._open(step)
            assert isinstance(step, NextChunk)
            return next(self._chunks, b"")
        except httpx.TransportError as error:
            return wire.broken_by(error, _origin(step) or self._url)

    def _open(self, step: Open) -> Answer:
        self.__exit__()
        self._response = response = self._send(step.request, stream=True)
        self._chunks = response.iter_bytes()
        return wire.answer_of(response, b"" if response.is_success else response.read())

    def _send(self, request: Request, stream: bool) -> httpx.Response:
        with ExitStack() as opened:
            built = self._http.build_request(**wire.arguments(request, opened))
            return self._http.send(built, stream=stream)


def _origin(step: Step) -> str | None:
    return step.origin if isinstance(step, Request) else None
