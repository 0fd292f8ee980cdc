"""Bodies that are taken, put in place of every second one that is made up: what is linked begins with a thing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from typing import Any, Final

_STAMP: Final = {"kind": "test.stamp", "params": {"text": "a sample"}}
_FAILS: Final = {"kind": "test.stamp", "params": {"text": "a sample", "then": "refuse"}}
_LATER: Final = {**_STAMP, "start_after_s": 86400}


SAMPLES: Final[dict[str, list[dict[str, Any]]]] = {
    "submit_job": [_STAMP, _FAILS, _LATER, {**_STAMP, "priority": 10, "deadline_s": 60}],
    "submit_jobs": [{"jobs": [_STAMP, _LATER]}, {"jobs": [_FAILS]}],
    "retry_jobs": [{"code": "training_diverged"}],
    "submit_pipeline": [
        {"name": "two", "steps": {"a": _STAMP, "b": {**_STAMP, "after": ["a"]}}},
        {"name": "fails", "steps": {"a": _FAILS, "b": {**_STAMP, "after": ["a"]}}},
    ],
    "create_schedule": [
        {"name": "by cron", "cron": "0 3 * * *", "job": _STAMP},
        {"name": "once", "at": "2031-01-01T00:00:00", "timezone": "Europe/Rome", "job": _STAMP, "overlap": "skip"},
    ],
    "create_webhook": [{"url": "https://example.com/heard", "events": ["job.failed"]}],
    "rotate_webhook": [{}],
    "create_style": [{"name": "sampled", "mix": {"builtin": {"woodcut-sand": 0.5}}}],
    "create_key": [{"name": "sampled", "scopes": ["read"]}],
}


class Sampling:
    """A hook of schemathesis: `map_body`. Names are counted on, for a tenant has each but once."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = itertools.count()
        self._lock = threading.Lock()

    def map_body(self, context: Any, body: Any) -> Any:
        """Every second body of a route that has samples."""
        operation = context.operation.definition.raw.get("operationId")
        samples = SAMPLES.get(operation)
        with self._lock:
            number = next(self._numbers)
        if not samples or number % 2:
            return body
        sample = dict(samples[number // 2 % len(samples)])
        if operation in {"create_schedule", "create_style"}:
            sample["name"] = f"{sample['name']}-{number}"
        return sample
