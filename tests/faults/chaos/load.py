"""Submission goes on whatever happens: through the SDK, with a key for each job, at whichever gateway answers."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from impasto_test_kinds import Stamp

from impasto import Client
from impasto.errors import ImpastoError, Unavailable

_SUBMITTERS = 8
_SHORTEST_S, _LONGEST_S = 0.2, 5.0


@dataclass(frozen=True)
class Order:
    """A job to be submitted: its own words, how long it computes, and whether it leaves an artifact."""

    words: str
    tenant: str
    seconds: float
    then: Literal["succeed", "say"]


@dataclass
class Load:
    """Submits `jobs` of them over `during_s`; what got its 202 is in `accepted`, by its words."""

    jobs: int
    during_s: float
    chance: random.Random
    gateways: Sequence[str]
    keys: dict[str, str]
    ledger: str
    accepted: dict[str, str] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)
    _next: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        tenants = sorted(self.keys)
        self._orders = [
            Order(
                f"job-{number}-{uuid.UUID(int=self.chance.getrandbits(128)).hex}".upper(),
                self.chance.choice(tenants),
                round(self.chance.uniform(_SHORTEST_S, _LONGEST_S), 2),
                # The end of one that leaves a result alone is written while its slot goes on.
                "say" if number % 3 == 0 else "succeed",
            )
            for number in range(self.jobs)
        ]
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._submit_all, args=(n,)) for n in range(_SUBMITTERS)]
        for thread in self._threads:
            thread.start()

    @property
    def done(self) -> bool:
        return not any(thread.is_alive() for thread in self._threads)

    def _submit_all(self, number: int) -> None:
        clients = {
            (tenant, url): Client(url=url, api_key=key) for tenant, key in self.keys.items() for url in self.gateways
        }
        while True:
            with self._lock:
                place, self._next = self._next, self._next + 1
            if place >= len(self._orders):
                return
            time.sleep(max(0.0, self._began + self.during_s * place / self.jobs - time.monotonic()))
            self._submit(clients, self._orders[place], number)

    def _submit(self, clients: dict[tuple[str, str], Client], order: Order, first: int) -> None:
        """Beyond the SDK's own retries, once more at the other gateway, with the same key."""
        params = Stamp(text=order.words, seconds=order.seconds, then=order.then, ledger=self.ledger)
        for turn in range(first, first + 30):
            client = clients[order.tenant, self.gateways[turn % len(self.gateways)]]
            try:
                job = client.submit(params, idempotency_key=order.words)
            except ImpastoError as error:
                if isinstance(error, Unavailable):
                    continue
                self.given_up.append(f"{order.words}: {error.code}")
                return
            self.accepted[order.words] = job.id
            return
        self.given_up.append(order.words)
