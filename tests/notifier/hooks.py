"""A platform with webhooks, from a test's hands: endpoints, jobs that end at once, deliveries made due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import standardwebhooks

from impasto.testing.processes import Process, eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, submit
from tests.notifier.receiver import Receiver, Sent


@dataclass
class Hooks:
    """The stack and its notifier."""

    stack: Stack
    notifier: Process
    tenant: str

    def add(self, receiver: Receiver, **body: Any) -> dict[str, Any]:
        """A new endpoint, not waited for; its `secret` and `endpoint`."""
        answer = self.ask("POST", "/v1/webhooks", json={"url": receiver.url, **body})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def active(self, receiver: Receiver, **body: Any) -> dict[str, Any]:
        """A new endpoint that has answered its challenge."""
        made = self.add(receiver, **body)
        self.becomes(made["endpoint"]["id"], "active")
        return made

    def rotate(self, endpoint_id: str, **body: Any) -> str:
        """The new secret."""
        answer = self.ask("POST", f"/v1/webhooks/{endpoint_id}/rotate", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["secret"])

    def endpoint(self, endpoint_id: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/v1/webhooks/{endpoint_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def becomes(self, endpoint_id: str, state: str) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            found = self.endpoint(endpoint_id)
            return found if found["state"] == state else None

        return eventually(there, f"{endpoint_id} is {state}; see {self.notifier.log}", 20)

    def deliveries(self, **query: str) -> list[dict[str, Any]]:
        """Newest first."""
        answer = self.ask("GET", "/v1/webhooks/deliveries", params={"limit": "200", **query})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def ended(self, count: int, **query: str) -> list[dict[str, Any]]:
        """The deliveries that have ended, oldest first, once there are so many."""

        def enough() -> list[dict[str, Any]] | None:
            found = [delivery for delivery in self.deliveries(**query) if delivery["state"] != "waiting"]
            return found[::-1] if len(found) >= count else None

        return eventually(enough, f"{count} deliveries have ended; see {self.notifier.log}", 30)

    def cancel_a_job(self, **body: Any) -> str:
        """A job that is canceled before it starts: `job.canceled` is its second event."""
        job_id = str(submit(self.stack, "test.stamp", {"text": "hello"}, tenant=self.tenant, **body)["id"])
        assert self.ask("POST", f"/v1/jobs/{job_id}/cancel").status_code == 202
        return job_id

    def make_due(self) -> None:
        """Moves the clock of the retries: whatever waits is due now."""
        self.sql("UPDATE webhook_deliveries SET next_at = now() WHERE state = 'waiting' AND tenant_id = %s")

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """A statement whose last value is the tenant's id."""
        self.stack.key(self.tenant)
        return self.stack.sql(query, [*values, self.stack.tenants[self.tenant]])

    def ask(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """One request with the tenant's key."""
        return ask(self.stack, method, path, tenant=self.tenant, **rest)

    def verified(self, secret: str, sent: Sent) -> Any:
        """What the stock library of the specification makes of a request; it raises if the signature is wrong."""
        return standardwebhooks.Webhook(secret).verify(sent.body, sent.headers)
