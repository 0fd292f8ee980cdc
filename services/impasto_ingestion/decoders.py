"""Decoder processes as ingestion uses them: a child for each slot, replaced after any fault, stopped when idle."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from prometheus_client import Counter, Histogram
from pydantic import BaseModel, Field, ValidationError

from impasto_ingestion.decoder.refusing import Refused

ENDED: Final = Counter("impasto_ingestion_decoders_ended", "Decoder processes that ended, by why", ["why"])
SECONDS: Final = Histogram("impasto_ingestion_decode_seconds", "Seconds that one picture took in its decoder")


class DecodedPicture(BaseModel):
    """What a child says it made. It read hostile bytes: what it says is checked, not believed."""

    media_type: str = Field(pattern="^image/(png|jpeg)$")
    width: int = Field(ge=1, le=16_384)
    height: int = Field(ge=1, le=16_384)
    warnings: list[str] = Field(max_length=20)


class _Refusal(BaseModel):
    code: str = Field(pattern="^image_[a-z_]+$")
    message: str = Field(max_length=300)
    hint: str | None = Field(None, max_length=300)
    limit: int | None = None
    actual: int | None = None


class Decoders:
    """At most `slots` pictures are decoded at once; each child serves `files_each` files at most.

    `wall_s` is what a file may take; a child that was idle for `idle_s` is stopped.
    """

    def __init__(self, *, slots: int = 2, files_each: int = 200, wall_s: float = 20, idle_s: float = 60) -> None:
        # The last one used is the next: a quiet platform keeps one warm child, not all.
        self._free: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        self._slots = [_Slot(files_each, wall_s, idle_s) for _ in range(slots)]
        for slot in self._slots:
            self._free.put_nowait(slot)

    async def decode(self, source: Path, target: Path) -> DecodedPicture:
        """Decodes `source` and writes the harmless picture to `target`.

        Raises:
            Refused: the picture is not taken; also if it killed its decoder or took too long.
        """
        slot = await self._free.get()
        try:
            with SECONDS.time():
                return await slot.decode(source, target)
        finally:
            self._free.put_nowait(slot)

    def pids(self) -> list[int]:
        """The children that live now."""
        return [slot.child.pid for slot in self._slots if slot.child is not None]

    async def close(self) -> None:
        """Ends every child."""
        for slot in self._slots:
            await slot.close()


class _Slot:
    def __init__(self, files_each: int, wall_s: float, idle_s: float) -> None:
        self._files_each, self._wall_s, self._idle_s = files_each, wall_s, idle_s
        self.child: asyncio.subprocess.Process | None = None
        self._files = 0
        self._idle: asyncio.Task[None] | None = None

    async def decode(self, source: Path, target: Path) -> DecodedPicture:
        if self._idle is not None:
            self._idle.cancel()
        # Whatever ends this early, cancellation included, leaves a child that still works on a file: it must go.
        why: str | None = "canceled"
        try:
            async with asyncio.timeout(self._wall_s):
                picture = await self._ask(source, target)
            why = None
        except Refused:
            why = None
            raise
        except TimeoutError as error:
            why = "time"
            raise Refused("image_decode_failed", "the picture took too long to decode", limit=self._wall_s) from error
        except (OSError, ValueError, ValidationError, asyncio.LimitOverrunError) as error:
            why = "death"
            raise Refused("image_decode_failed", "the picture could not be decoded within its limits") from error
        finally:
            self._files += 1
            if why is None and self._files >= self._files_each:
                why = "age"
            if why is not None:
                await self.end(why)
            else:
                self._idle = asyncio.create_task(self._end_when_idle())
        return picture

    async def _ask(self, source: Path, target: Path) -> DecodedPicture:
        if self.child is None or self.child.returncode is not None:
            self.child, self._files = await _start(), 0
        assert self.child.stdin
        assert self.child.stdout
        self.child.stdin.write(json.dumps({"source": str(source), "target": str(target)}).encode() + b"\n")
        await self.child.stdin.drain()
        line = await self.child.stdout.readline()
        if not line:
            raise ConnectionResetError("the decoder ended")
        return _understood(json.loads(line))

    async def _end_when_idle(self) -> None:
        await asyncio.sleep(self._idle_s)
        await self.end("idle")

    async def close(self) -> None:
        """Ends the child and what watches it."""
        if self._idle is not None:
            self._idle.cancel()
        await self.end("closed")

    async def end(self, why: str) -> None:
        """Ends the child, if there is one, at once."""
        child, self.child = self.child, None
        if child is not None:
            ENDED.labels(why).inc()
            if child.returncode is None:
                child.kill()
            # Shielded: a child is waited for even if the request that had it is being cancelled.
            await asyncio.shield(child.wait())


def _understood(answer: Any) -> DecodedPicture:
    if not isinstance(answer, dict):
        raise ValueError("not an answer")
    refused = answer.get("refused")
    if isinstance(refused, dict):
        told = _Refusal.model_validate(refused)
        raise Refused(
            told.code, told.message, hint=told.hint, **told.model_dump(include={"limit", "actual"}, exclude_none=True)
        )
    return DecodedPicture.model_validate(answer.get("decoded"))


async def _start() -> asyncio.subprocess.Process:
    # Nothing of ours in its environment: the decoder has no use for addresses and secrets.
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "impasto_ingestion.decoder"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
