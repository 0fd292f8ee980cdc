"""Performs flows on an event loop. Files are read and written in blocks on the loop: short, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any, TypeVar

import httpx

from impasto.client import wire
from impasto.client.address import Address
from impasto.client.flow import Answer, Broken, Emit, Flow, NextChunk, Open, Request, Sleep, Step
from impasto.client.retrying import Retries, with_retries

T = TypeVar("T")


class AsyncTransport:
    """Runs flows against one address."""

    def __init__(self, address: Address, retries: Retries) -> None:
        self.address, self.retries = address, retries
        self._http = httpx.AsyncClient(**wire.options(address))

    async def close(self) -> None:
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Performs the flow to its end; what it emits is dropped."""
        steps, got = with_retries(flow, self.retries), None
        async with _Stream(self._http, self.address.url) as stream:
            while True:
                try:
                    step = steps.send(got)
                except StopIteration as end:
                    value: T = end.value
                    return value
                got = await stream.perform(step)

    async def iterate(self, flow: Flow[None]) -> AsyncIterator[Any]:
        """What the flow emits, performed as far as somebody reads."""
        steps, got = with_retries(flow, self.retries), None
        async with _Stream(self._http, self.address.url) as stream:
            while True:
                try:
                    step = steps.send(got)
                except StopIteration:
                    return
                got = await stream.perform(step)
                if isinstance(step, Emit):
                    yield step.value


class _Stream:
    """One flow's use of the connection pool: at most one body is open at a time."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http, self._url = http, url
        self._response: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None

    async def __aenter__(self) -> _Stream:
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._response is not None:
            await self._response.aclose()

    async def perform(self, step: Step) -> Answer | Broken | bytes | None:
        if isinstance(step, Emit):
            return None
        if isinstance(step, Sleep):
            await asyncio.sleep(step.seconds)
            return None
        try:
            if isinstance(step, Request):
                response = await self._send(step, stream=False)
                return wire.answer_of(response, response.content)
            if isinstance(step, Open):
                return await self._open(step)
            assert isinstance(step, NextChunk)
            assert self._chunks is not None
            return await anext(self._chunks, b"")
        except httpx.TransportError as error:
            return wire.broken_by(error, (step.origin if isinstance(step, Request) else None) or self._url)

    async def _open(self, step: Open) -> Answer:
        await self.__aexit__()
        self._response = response = await self._send(step.request, stream=True)
        self._chunks = response.aiter_bytes()
        return wire.answer_of(response, b"" if response.is_success else await response.aread())

    async def _send(self, request: Request, stream: bool) -> httpx.Response:
        with ExitStack() as opened:
            given = wire.arguments(request, opened)
            if request.file is not None:
                given["content"] = wire.awaited(given["content"])
            built = self._http.build_request(**given)
            return await self._http.send(built, stream=stream)
