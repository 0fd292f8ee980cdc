"""How slowly a body may arrive: a sender that is silent, that drips, or that never ends is given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from impasto.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Pace:
    """The slowest that is borne, in seconds and bytes for each second."""

    silence_s: float = 60.0
    # Of the whole body, and before its rate is looked at.
    total_s: float = 900.0
    grace_s: float = 60.0
    least_bytes_per_s: float = 16 << 10

    def patience_s(self, elapsed_s: float, received_bytes: int) -> float:
        """How long the next piece may take; 0 or less once the body is too slow."""
        due = min(self.total_s, max(self.grace_s, received_bytes / self.least_bytes_per_s))
        return min(self.silence_s, due - elapsed_s)

    async def pieces(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The body's pieces as they come.

        Raises:
            InvalidInput: the body stopped arriving, or arrives too slowly.
        """
        started, received = time.monotonic(), 0
        while True:
            patience = self.patience_s(time.monotonic() - started, received)
            if patience <= 0:
                raise self._given_up(patience)
            try:
                async with asyncio.timeout(patience):
                    piece = await anext(body, None)
            except TimeoutError as error:
                raise self._given_up(patience) from error
            if piece is None:
                return
            received += len(piece)
            yield piece

    def _given_up(self, patience: float) -> InvalidInput:
        if patience >= self.silence_s:
            return InvalidInput("request_timeout", "the body stopped arriving", field="body", limit=self.silence_s)
        return InvalidInput(
            "request_timeout",
            f"the body arrives too slowly: it may take {self.total_s:g} s, and needs {self.least_bytes_per_s:g} bytes "
            f"a second after the first {self.grace_s:g} s",
            field="body",
            limit={"seconds": self.total_s, "bytes_per_second": self.least_bytes_per_s},
        )


PACE: Final = Pace()
# Weights are large: the whole may take hours, but not less of it each second.
FILE_PACE: Final = Pace(total_s=12 * 3600.0)
