"""Schemathesis' engine against a running gateway: rounds of generated and of linked requests, counted by route."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import schemathesis
from schemathesis import engine
from schemathesis.config import ChecksConfig, GenerationConfig, SchemathesisConfig
from schemathesis.engine import Status, events

from tests.fuzz.samples import Sampling

# Not among them: whether what is well-formed is taken, for a checkpoint that there is not is refused all the same,
# and whether what is not is refused, for a number may stand for a time.
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)
# Requests that may shut out the one who asks come last.
SHUT_OUT: Final = ("revoke_key", "change_limits")
# Their bodies hold the union of all kinds, of which every border alone is thousands of cases.
WITH_KINDS: Final = ("submit_job", "submit_jobs", "submit_pipeline", "create_schedule")
_PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")
_REQUEST_S: Final = 30.0
# A stream is left after so many events: that of a job that waits would never end.
_MOST_EVENTS: Final = 3


@dataclass(frozen=True, slots=True)
class Failed:
    """An answer that broke a promise, and how to get it again."""

    route: str
    check: str
    status: int | None
    message: str
    again: str


@dataclass
class Count:
    """What was asked and answered so far."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    failures: list[Failed] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.cases.total()

    @property
    def good(self) -> bool:
        return not self.failures and not self.faults

    def add(self, recorder: Any) -> None:
        """One scenario of the engine: a route's cases, or a chain of linked requests."""
        for case_id, interaction in recorder.interactions.items():
            node = recorder.cases.get(case_id)
            route = node.value.operation.label if node else recorder.label
            self.cases[route] += 1
            if interaction.response is not None:
                self.statuses.setdefault(route, Counter())[interaction.response.status_code] += 1
        for case_id, checks in recorder.checks.items():
            for check in checks:
                if check.status is Status.FAILURE and check.failure_info:
                    self._fail(recorder, case_id, check)

    def _fail(self, recorder: Any, case_id: str, check: Any) -> None:
        node, interaction = recorder.cases.get(case_id), recorder.interactions.get(case_id)
        failure = check.failure_info.failure
        self.failures.append(
            Failed(
                node.value.operation.label if node else recorder.label,
                check.name,
                interaction.response.status_code if interaction and interaction.response else None,
                f"{failure.title}: {failure.message}",
                check.failure_info.code_sample,
            )
        )


@dataclass(frozen=True, slots=True)
class Round:
    """One pass of the engine over all routes, or over those of `only`."""

    seed: int
    key: str
    most_a_route: int
    phases: tuple[str, ...] = ("fuzzing", "stateful")
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


def run_round(url: str, about: Round, count: Count, enough: Callable[[], bool]) -> None:
    """Asks until the round is over, or it is enough."""
    stream = engine.from_schema(_schema(url, about)).execute()
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            count.add(event.recorder)
        elif isinstance(event, events.FatalError):
            count.faults.append(f"{type(event.exception).__name__}: {event.exception}")
        elif isinstance(event, events.NonFatalError):
            count.faults.append(f"{event.label}: {type(event.value).__name__}: {event.value}")
        if enough():
            stream.stop()


def _schema(url: str, about: Round) -> Any:
    config = SchemathesisConfig(seed=about.seed)
    project = config.projects.default
    project.generation = GenerationConfig(max_examples=about.most_a_route, no_shrink=True, database="none")
    project.continue_on_failure = True
    project.request_timeout = _REQUEST_S
    project.max_stream_events = _MOST_EVENTS
    project.headers = {"Authorization": f"Bearer {about.key}"}
    project.checks = ChecksConfig.from_dict({"enabled": False, **{name: {"enabled": True} for name in CHECKS}})
    for name in _PHASES:
        project.phases.get_by_name(name=name).enabled = name in about.phases
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    sampling = Sampling()

    def map_body(context: Any, body: Any) -> Any:
        return sampling.map_body(context, body)

    schema.hook(map_body)
    if about.only:
        return schema.include(operation_id=list(about.only))
    return schema.exclude(operation_id=[*SHUT_OUT, *about.without])
