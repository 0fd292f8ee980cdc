"""A real Prometheus on a real platform: each query of the dashboard and each rule is asked, and has an answer."""

from __future__ import annotations

import math
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from impasto.backends.bells import Bells
from impasto.backends.objects import S3Objects
from impasto.embedded.metrics import metrics_ports, write_targets
from impasto.settings import Settings
from impasto.testing.databases import cloned_database
from impasto.testing.processes import answers, eventually, free_port
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings
from tests.asking import ask, ended, submit
from tests.contracts.metrics_page import described, exposed_as
from tests.monitoring.board import FOLDER, RULES, queries, rules

_SCRAPE_S = 1
# So long the windows of the dashboard are here; Grafana makes them four scrapes at least.
_WINDOW = "20s"


@dataclass(frozen=True)
class Watch:
    """A Prometheus that scrapes the parts of a stack."""

    url: str
    stack: Stack
    targets: Path
    served: dict[str, int]

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query, with the dashboard's variables filled in."""
        filled = expression.replace("$__rate_interval", _WINDOW).replace("$queue", ".*")
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": filled}, trust_env=False)
        assert answer.status_code == 200, f"{filled}: {answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def values(self, expression: str) -> list[float]:
        """Those of its samples that are numbers: a quantile of nothing is none."""
        samples = [float(sample["value"][1]) for sample in self.ask(expression)]
        return [value for value in samples if not math.isnan(value)]


def _start_parts(stack: Stack) -> dict[str, int]:
    """The whole platform; the port of each part's metrics."""
    own = {f"metrics_{name}": free_port() for name in ("reconciler", "notifier", "worker_test")}
    stack.start_gateway()
    stack.start_ingestion()
    stack.start("impasto_reconciler", IMPASTO_METRICS_PORT=str(own["metrics_reconciler"]))
    stack.start("impasto_notifier", IMPASTO_METRICS_PORT=str(own["metrics_notifier"]))
    stack.start_worker("worker-test", ["test"], IMPASTO_METRICS_PORT=str(own["metrics_worker_test"]))
    ports = {"ingestion": int(stack.settings.ingestion_port), **own}
    parts = ("gateway", "ingestion", "reconciler", "notifier", "worker-test")
    return metrics_ports(parts, int(stack.settings.gateway_port), ports)


def _configuration(folder: Path, targets: Path) -> Path:
    """The one that is shipped, with this platform's file, and in a hurry."""
    text = (FOLDER / "prometheus.yml").read_text("utf-8")
    for shipped, here in [
        ("scrape_interval: 15s", f"scrape_interval: {_SCRAPE_S}s"),
        ("evaluation_interval: 15s", f"evaluation_interval: {_SCRAPE_S}s"),
        ("../../.impasto/metrics.json", str(targets)),
        *((f"- {name}", f"- {FOLDER / name}") for name in RULES),
    ]:
        assert shipped in text, shipped
        text = text.replace(shipped, here)
    path = folder / "prometheus.yml"
    path.write_text(text, "utf-8")
    return path


@pytest.fixture(scope="module")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One for this module: it takes a while to start."""
    folder = tmp_path_factory.mktemp("watched")
    with cloned_database(servers.admin_url) as urls:
        base = Settings.from_environment(
            {
                "IMPASTO_DATABASE_URL": urls.api,
                "IMPASTO_ENGINE_DATABASE_URL": urls.engine,
                "IMPASTO_REDIS_URL": f"{servers.redis_url}/0",
                "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
                "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
                "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
                "IMPASTO_WEBHOOK_SECRET_KEY": "only-for-tests-" * 3,
            }
        )
        made = Stack(stack_settings(base, folder), folder)
        S3Objects(made.settings).ensure_bucket()
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def watch(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    folder = tmp_path_factory.mktemp("prometheus")
    targets = folder / "metrics.json"
    write_targets(targets, served := _start_parts(stack))
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus",
        f"--config.file={_configuration(folder, targets)}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    log = folder / "prometheus.log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        made = Watch(f"http://{address}", stack, targets, served)
        try:
            eventually(lambda: answers(f"{made.url}/-/ready"), f"Prometheus is ready; see {log}")
            # Twice: a rate needs to have seen what was there before.
            eventually(lambda: made.values("sum(count_over_time(up[1m]) >= bool 2)") == [len(served)], "it scrapes")
            eventually(lambda: made.values("sum(up)") == [len(served)], f"it reaches {served}")
            yield made
        finally:
            process.terminate()


def _upload(stack: Stack, folder: Path) -> None:
    # Another each time: one that is there already is not decoded.
    Image.frombytes("RGB", (16, 16), os.urandom(768)).save(folder / "teal.png")
    with (folder / "teal.png").open("rb") as file:
        answer = ask(stack, "POST", "/v1/artworks", files={"files": ("teal.png", file, "image/png")})
    assert answer.json()["files"][0]["verdict"] in ("accepted", "duplicate"), answer.text


def test_every_query_has_an_answer_once_a_job_has_run(watch: Watch, tmp_path: Path) -> None:
    _upload(watch.stack, tmp_path)
    assert ended(watch.stack, submit(watch.stack, "test.stamp", {"text": "x"})["id"])["state"] == "succeeded"
    eventually(lambda: watch.values("sum(impasto_run_seconds_count) > 0"), "the job is counted")
    lacking: list[tuple[str, str]] = []

    def all_answer() -> bool:
        # Somebody goes on asking, uploading and submitting: a quantile of nothing is no number.
        ask(watch.stack, "GET", "/v1/jobs")
        submit(watch.stack, "test.stamp", {"text": "x"})
        _upload(watch.stack, tmp_path)
        lacking[:] = [(title, query) for title, query in queries() if not watch.ask(query)]
        # Nothing was sent by webhook and no engine loaded anything; everything else is a number by now.
        empty = re.compile(r"impasto_webhook_|impasto_model_load_")
        numbers = [found for found in queries() if not empty.search(found[1])]
        lacking.extend(found for found in numbers if not watch.values(found[1]))
        return not lacking

    try:
        eventually(all_answer, "every panel has data", 30)
    except AssertionError:
        assert lacking == []


# What has no sample on this platform: it draws nothing, trains nothing, has no studio, and nothing went wrong on it.
_WITHOUT = {
    "impasto_checkpoint_age_seconds", "impasto_checkpoint_interval_seconds", "impasto_train_steps",
    "impasto_studio_answers", "impasto_studio_pages_open",
}  # fmt: skip


def _scraped(watch: Watch) -> dict[str, str]:
    """The text of each part's /metrics."""
    return {
        part: httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text for part, port in watch.served.items()
    }


def test_what_is_scraped_is_what_the_page_describes(watch: Watch) -> None:
    page = described()
    seen: set[str] = set()
    for part, text in _scraped(watch).items():
        for family in text_string_to_metric_families(text):
            if not family.name.startswith("impasto_") or family.name.endswith("_created"):
                continue
            told = page.get(family.name)
            assert told is not None, f"{part} shows {family.name}, which the page does not describe"
            assert family.type == told.kind, family.name
            seen.add(family.name)
            for sample in family.samples:
                assert set(sample.labels) - {"le"} == set(told.labels), f"{sample.name} of {part}"
                assert sample.name in exposed_as(family.name, told.kind)
    assert set(page) - seen == _WITHOUT


def test_no_label_names_a_tenant_or_a_job(watch: Watch) -> None:
    job = submit(watch.stack, "test.stamp", {"text": "x"})
    assert ended(watch.stack, job["id"])["state"] == "succeeded"
    for part, text in _scraped(watch).items():
        assert not re.search(r"(tnt|job|ckp|art|key)_[0-9a-z]{8,}", text), part


def test_promtool_finds_nothing_to_say_of_the_metrics(watch: Watch) -> None:
    for part, text in _scraped(watch).items():
        ours = "".join(line for line in text.splitlines(keepends=True) if "impasto_" in line)
        done = subprocess.run(
            ["promtool", "check", "metrics"], input=ours, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), part


def test_every_rule_is_asked_without_fault_and_a_healthy_platform_is_quiet(watch: Watch) -> None:
    def judged() -> list[dict[str, Any]] | None:
        groups = httpx.get(f"{watch.url}/api/v1/rules", trust_env=False).json()["data"]["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else None

    found = eventually(judged, "Prometheus has asked each rule")
    assert {rule["name"]: rule["health"] for rule in found} == {rule["alert"]: "ok" for rule in rules()}
    assert [rule["name"] for rule in found if rule["alerts"]] == []


def test_figures_are_those_of_what_happened(watch: Watch) -> None:
    rises = {
        'impasto_attempts_started_total{queue="test", kind="test.stamp"}': 2,
        'impasto_queue_wait_seconds_count{queue="test", kind="test.stamp"}': 2,
        'impasto_run_seconds_count{kind="test.stamp"}': 1,
        'impasto_attempts_ended_total{kind="test.stamp", how="failed"}': 1,
        'sum(impasto_jobs_failed_total{kind="test.stamp"})': 1,
        'sum(impasto_http_requests_total{route="/v1/jobs", status="202"}) or vector(0)': 2,
    }
    before = _settled(watch, list(rises))
    assert ended(watch.stack, submit(watch.stack, "test.stamp", {"text": "x"})["id"])["state"] == "succeeded"
    failed = ended(watch.stack, submit(watch.stack, "test.stamp", {"text": "x", "then": "refuse"})["id"])
    for expression, rise in rises.items():
        wanted = before[expression] + rise
        eventually(lambda e=expression, w=wanted: sum(watch.values(e)) == w, f"{expression} is {wanted}")  # type: ignore[misc]
    assert watch.values(f'impasto_jobs_failed_total{{code="{failed["error"]["code"]}"}}') == [1]
    assert watch.values('impasto_worker_slots{worker="worker-test"}') == [2]
    eventually(lambda: watch.values('impasto_queue_workers{queue="test", state="idle"}') == [1], "the worker is idle")


def test_a_bell_that_comes_once_more_finds_nothing_and_starts_nothing(watch: Watch) -> None:
    nothing, started = 'sum(impasto_bells_heard_total{found="nothing"})', "sum(impasto_attempts_started_total)"
    before = [sum(watch.values(each)) for each in (nothing, started)]
    bells = Bells(watch.stack.settings.redis_url)
    for _ in range(3):
        bells.ring("test")
    eventually(lambda: sum(watch.values(nothing)) >= before[0] + 3, "they are counted")
    assert sum(watch.values(started)) == before[1]


def test_a_worker_that_is_started_again_tells_of_what_it_left(watch: Watch, tmp_path: Path) -> None:
    port, gate = free_port(), tmp_path / "gate"
    gate.touch()
    targets = {**watch.served, "worker-again": port}
    write_targets(watch.targets, targets)
    worker = watch.stack.start_worker("again", ["test"], slots=4, IMPASTO_METRICS_PORT=str(port))
    try:
        # The other worker takes some of them.
        for number in range(6):
            submit(watch.stack, "test.stamp", {"text": f"{number}", "gate": str(gate), "pause_at": "compute"})
        held = "SELECT 1 FROM jobs WHERE state = 'running' AND worker = 'again'"
        eventually(lambda: watch.stack.sql(held), "it has some")
        worker.kill()
        left = len(watch.stack.sql(held))
        worker = watch.stack.start_worker("again", ["test"], slots=4, IMPASTO_METRICS_PORT=str(port))
        lost = 'sum(impasto_attempts_lost_total{part="worker-again", noticed="worker_restarted"})'
        eventually(lambda: watch.values(lost) == [left], f"{left} are told")
    finally:
        gate.unlink()
        eventually(lambda: not watch.stack.sql("SELECT 1 FROM jobs WHERE state IN ('queued', 'running')"), "all end")
        worker.stop()
        write_targets(watch.targets, watch.served)


def test_a_worker_and_a_part_that_are_silent_are_told(watch: Watch) -> None:
    (rule,) = (rule["expr"] for rule in rules() if rule["alert"] == "ImpastoPartIsSilent")
    hurried = rule.replace("[2m]", "[2s]")
    eventually(lambda: watch.ask(hurried) == [], "what a test before this one took away is forgotten")
    killed = watch.stack.start_worker("killed", ["test"])
    killed.kill()
    watch.stack.sql("UPDATE workers SET seen_at = now() - interval '3 minutes' WHERE name = 'killed'")
    write_targets(watch.targets, {**watch.served, "nowhere": free_port()})
    try:
        # Those two and no other: what a test before this one took away may be told of for a moment more.
        eventually(lambda: _silent(watch, hurried) == {"killed", "nowhere"}, "both are told, and nobody else")
    finally:
        write_targets(watch.targets, watch.served)
        watch.stack.sql("DELETE FROM workers WHERE name = 'killed'")


def _silent(watch: Watch, rule: str) -> set[str]:
    return {part["metric"].get("worker") or part["metric"]["part"] for part in watch.ask(rule)}


def _settled(watch: Watch, expressions: list[str]) -> dict[str, float]:
    """Their sums, once two looks with a scrape between them agree: what a test before this one did is in them."""
    seen: list[dict[str, float]] = [{}]

    def agree() -> bool:
        time.sleep(2.5)
        seen.append({expression: sum(watch.values(expression)) for expression in expressions})
        return seen[-1] == seen[-2]

    eventually(agree, "the figures have settled")
    return seen[-1]
