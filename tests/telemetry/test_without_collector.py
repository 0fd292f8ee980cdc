"""Spans that nobody collects cost nobody anything: without a collector, and with one that is dead."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from impasto.backends.telemetry import spans
from impasto.settings import Settings
from impasto.testing.processes import free_port
from impasto.testing.stacks import Stack
from tests.asking import ended, submit

_PARTS = (
    "impasto_gateway.app",
    "impasto_gateway.__main__",
    "impasto_ingestion.__main__",
    "impasto_reconciler.__main__",
    "impasto_notifier.__main__",
    "impasto_worker.process",
    "impasto_worker.runner_child",
    "impasto_worker.engine_child",
)
_ASK = """
import sys
from importlib import import_module
from impasto.backends.telemetry.process import begin_telling, end_telling
from impasto.settings import Settings
import_module(sys.argv[1])
begin_telling(Settings.from_environment({"IMPASTO_TRACES_ENDPOINT": sys.argv[2]}), "test")
print(sorted(name for name in sys.modules if name.startswith(tuple(sys.argv[3:])))[:3])
"""


# Redis' client looks by itself whether the SDK's metrics are installed.
_SENDS = ("opentelemetry.sdk.trace", "opentelemetry.exporter")


def _loaded(module: str, endpoint: str = "", looked_for: tuple[str, ...] = _SENDS) -> str:
    asked = [sys.executable, "-c", _ASK, module, endpoint, *looked_for]
    return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.parametrize("module", _PARTS)
def test_what_sends_spans_is_not_even_loaded_without_a_collector(module: str) -> None:
    assert _loaded(module) == "[]"


def test_without_a_collector_ours_loads_nothing_at_all_of_opentelemetry() -> None:
    assert _loaded("impasto_worker.runner_child", looked_for=("opentelemetry",)) == "[]"


def test_it_is_loaded_with_one() -> None:
    assert "opentelemetry.sdk.trace" in _loaded("impasto_gateway.app", "http://127.0.0.1:9", ("opentelemetry.sdk.t",))


def test_a_collector_without_the_extra_is_told_at_once_and_what_to_do() -> None:
    lacking = "import sys; sys.modules['opentelemetry.sdk.trace'] = None\n" + _ASK
    asked = [sys.executable, "-c", lacking, "impasto.settings", "http://127.0.0.1:9"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 1
    assert "is not installed: pip install 'impasto[traces]'" in told.stderr


@pytest.mark.parametrize("service", ["gateway", "ingestion", "studio"])
def test_the_frameworks_own_telemetry_stays_off_whoever_sets_it_up(service: str) -> None:
    # It would tell the words of errors, and with them what was in a request.
    asked = f"""
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from impasto_{service}.app import create_app
from impasto.settings import Settings
trace.set_tracer_provider(TracerProvider())
apps = [create_app(Settings.from_environment({{}}))]
if "{service}" == "studio":
    from nicegui import app as inner
    apps.append(inner)
print([(app._native_telemetry.enabled(), app._native_telemetry.config["auto_configure"]) for app in apps])
"""
    environment = {**os.environ, "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    told = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    apps = 2 if service == "studio" else 1
    assert told.stdout.strip().splitlines()[-1:] == [str([(False, False)] * apps)], told.stderr


def test_runners_do_not_load_what_formats_lines_of_other_processes() -> None:
    # A child starts for a job that somebody waits for; the library takes as long to load as all else in it.
    asked = "import sys, impasto_worker.runner_child, impasto_worker.engine_child; print('structlog' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() == "False"


def test_a_span_that_nobody_collects_is_nothing() -> None:
    assert not spans.recorded()
    with spans.span("a", parent="00-" + "1" * 32 + "-" + "2" * 16 + "-01") as span:
        assert span is spans.current() is spans.NO_SPAN
        assert span.traceparent is None
    assert spans.moment_ns() == 0


@pytest.fixture
def black_hole() -> Iterator[str]:
    """Takes connections and never reads from them, as a collector behind a firewall that drops."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _refusing() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(params=["refuses", "black hole"])
def dead(request: pytest.FixtureRequest, black_hole: str) -> str:
    return black_hole if request.param == "black hole" else _refusing()


@pytest.mark.alone
def test_a_dead_collector_stops_no_job_and_holds_up_nobody_who_leaves(stack: Stack, dead: str) -> None:
    stack.environment |= {
        "IMPASTO_TRACES_ENDPOINT": dead,
        # So few that they are dropped while this test lasts.
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_BSP_MAX_QUEUE_SIZE": "16",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8",
    }
    stack.start_gateway()
    worker = stack.start_worker("one", ["test"])
    jobs = [submit(stack, "test.stamp", {"text": "a"})["id"] for _ in range(40)]
    assert {ended(stack, job)["state"] for job in jobs} == {"succeeded"}
    before = time.monotonic()
    worker.stop()
    # Three seconds for what waits, and what a worker takes to leave anyway.
    assert time.monotonic() - before < 10
    complaints = re.findall("Transient error|Failed to export|Queue full", worker.log.read_text("utf-8"))
    assert len(complaints) <= 6, "a collector that is away is no news each second"


def _seconds(work: Callable[[], None], times: int) -> float:
    before = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - before) / times


def test_what_is_asked_on_the_way_of_a_job_costs_a_few_microseconds() -> None:
    def once() -> None:
        with spans.span("a", "client", attributes=None):
            pass
        spans.current().set({})
        spans.moment_ns()

    assert min(_seconds(once, 2000) for _ in range(5)) < 20e-6


def test_opentelemetrys_own_name_for_the_collector_is_taken_where_ours_is_not_set(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as collector:
        collector.settimeout(30)
        stack.environment |= {
            "IMPASTO_TRACES_ENDPOINT": "",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        stack.start_gateway()
        submit(stack, "test.stamp", {"text": "a"})
        spoken_to, _ = collector.accept()
        spoken_to.close()


def test_it_is_not_where_nobody_is_to_be_told() -> None:
    there = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert Settings.from_environment(there).traces_endpoint == "http://collector:4318"
    assert not Settings.from_environment({**there, "OTEL_TRACES_EXPORTER": "none"}).traces_endpoint
