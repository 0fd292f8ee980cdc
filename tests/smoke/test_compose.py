"""What holds for every container of the compose file, whatever runs it. `make smoke` looks at the real ones."""

from __future__ import annotations

import re
import subprocess
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import yaml
from fastapi.testclient import TestClient

from impasto.embedded.parts import WORKERS
from impasto.settings import Settings
from impasto_gateway.app import create_app
from tests.contracts.kept import ROOT
from tests.smoke.compose_file import REQUIRED, TEXT, compose, services

_ONCE = {name for name, service in services().items() if service["restart"] == "no"}
_SECRET = re.compile(r"PASSWORD|SECRET|ACCESS_KEY")


@pytest.mark.parametrize("name", sorted(services()))
def test_every_part_is_confined(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["cpus"]
    # The one that gives a folder to MinIO's user: it has no network, and no other right.
    given = {"objects-folder": ("0:0", ["CHOWN"], "none")}.get(name)
    if given:
        assert (service["user"], service["cap_add"], service["network_mode"]) == given
    else:
        assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
        assert "cap_add" not in service


@pytest.mark.parametrize("name", sorted(set(services()) - _ONCE))
def test_every_part_that_stays_tells_its_health_and_is_started_again(name: str) -> None:
    service = services()[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]


def test_parts_without_an_api_are_healthy_only_while_they_look_for_work() -> None:
    silent = {name for name, service in services().items() if "IMPASTO_METRICS_PORT" in service.get("environment", {})}
    assert silent >= {"reconciler", "notifier", "worker-preprocess", "worker-device", "worker-gpu"}
    for name in silent:
        service = services()[name]
        sign = service["environment"]["IMPASTO_READY_FILE"]
        assert sign in service["healthcheck"]["test"], name
        assert any(sign.startswith(folder) for folder in service["tmpfs"]), name


@pytest.mark.parametrize("name", sorted(services()))
def test_every_image_is_pinned_to_a_version(name: str) -> None:
    image = re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", services()[name]["image"])
    assert re.search(r":v?(RELEASE\.\d{4}|\d+\.\d+)", image), image


def test_no_secret_has_a_default() -> None:
    used = set(re.findall(r"\$\{(IMPASTO_[A-Z0-9_]+)", TEXT))
    assert {name for name in used if _SECRET.search(name)} <= REQUIRED


def test_fresh_secrets_are_all_that_must_be_set_and_fit_into_addresses() -> None:
    printed = [subprocess.run([ROOT / "deploy/compose/secrets.sh"], capture_output=True, text=True, check=True).stdout]
    printed.append(subprocess.run(["sh", ROOT / "deploy/compose/secrets.sh"], capture_output=True, text=True).stdout)
    first, second = (dict(line.split("=", 1) for line in text.splitlines()) for text in printed)
    assert set(first) == REQUIRED
    assert all(len(value) >= 20 and quote(value, safe="") == value for value in first.values())
    assert not set(first.values()) & set(second.values())


def test_ports_are_published_to_this_machine_unless_told_otherwise() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert set(published) == {"ingress", "grafana", "flower"}
    assert all(port.startswith("${IMPASTO_BIND:-127.0.0.1}:") for ports in published.values() for port in ports)


def test_servers_that_hold_data_have_no_way_out() -> None:
    assert {name for name, network in compose()["networks"].items() if network.get("internal")} == {"store", "inside"}
    for name in ("postgres", "redis", "minio", "gateway", "ingestion", "reconciler", "worker-device"):
        assert "outside" not in services()[name]["networks"], name


def test_no_part_knows_more_secrets_than_it_needs() -> None:
    knows = {name: str(service.get("environment", {})) for name, service in services().items()}
    owner = {name for name, environment in knows.items() if "IMPASTO_POSTGRES_PASSWORD" in environment}
    engine = {name for name, environment in knows.items() if "IMPASTO_ENGINE_DATABASE_URL" in environment}
    objects = {name for name, environment in knows.items() if "IMPASTO_S3_SECRET_KEY" in environment}
    workers = {name for name in services() if name.startswith("worker-")}
    assert owner == {"postgres", "migrate"}
    assert engine == {"key", "reconciler", "notifier", *workers}
    assert objects == {"minio", "bucket", "gateway", "ingestion", "reconciler", *workers}


def test_the_switch_of_webhooks_reaches_who_admits_an_address_and_who_sends_there() -> None:
    environments = {name: service.get("environment", {}) for name, service in services().items()}
    for variable in ("IMPASTO_WEBHOOK_SECRET_KEY", "IMPASTO_WEBHOOK_ALLOW_PRIVATE"):
        told = {name: environment[variable] for name, environment in environments.items() if variable in environment}
        assert set(told) == {"gateway", "notifier"}, variable
        assert len(set(told.values())) == 1, variable
        assert all(value.startswith(f"${{{variable}:") for value in told.values()), told


@pytest.mark.parametrize("asked", ["127.0.0.1:8080", "ingress:8080", "art.example.org"])
def test_the_gateway_finds_ingestion_by_a_name_that_is_told_to_nobody(asked: str) -> None:
    """Neither to those outside nor to the studio: each sends uploads to the origin that it uses already."""
    told = services()["gateway"]["environment"]["IMPASTO_INGESTION_URL"]
    assert urlsplit(told).hostname in services()
    assert set(services()["gateway"]["networks"]) & set(services()["ingestion"]["networks"])
    client = TestClient(create_app(Settings.from_environment({"IMPASTO_INGESTION_URL": told})))
    assert client.get("/v1", headers={"host": asked}).json()["ingestion_url"] is None


def _queues(service: dict[str, Any]) -> set[str]:
    [queues] = [word.removeprefix("--queues=") for word in service["command"] if word.startswith("--queues=")]
    return set(queues.split(","))


def test_the_workers_consume_what_the_embedded_ones_do_and_every_queue_has_one() -> None:
    assert {name: _queues(services()[name]) for name in WORKERS} == {
        name: set(queues.split(",")) for name, (queues, _) in WORKERS.items()
    }
    assert _queues(services()["worker-gpu"]) == _queues(services()["worker-device"])


def test_prometheus_looks_where_the_parts_are() -> None:
    page = yaml.safe_load((ROOT / "deploy/monitoring/prometheus.compose.yml").read_text("utf-8"))
    [job] = page["scrape_configs"]
    targets = [tuple(target.split(":")) for group in job["static_configs"] for target in group["targets"]]
    targets += [(name, str(group["port"])) for group in job["dns_sd_configs"] for name in group["names"]]
    ours = {name for name, service in services().items() if "build" in service and service["restart"] != "no"}
    # Flower's figures are of bells: ours come from the database.
    assert {name for name, _ in targets} == ours - {"flower"}
    for name, port in targets:
        assert f":{port}/" in str(services()[name]["healthcheck"]["test"]), name
        assert set(services()["prometheus"]["networks"]) & set(services()[name]["networks"]), name
