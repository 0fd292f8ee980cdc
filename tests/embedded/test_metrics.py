"""Where the parts of one machine serve their metrics, and how Prometheus finds them."""

from __future__ import annotations

import json
from pathlib import Path

from impasto.embedded.layout import Layout
from impasto.embedded.metrics import metrics_ports, write_targets
from impasto.embedded.parts import WORKERS, Plan, build


def _plan(folder: Path) -> Plan:
    return Plan.make(Layout(folder / "data"), 8080, {"PATH": ""})


def _served(plan: Plan) -> dict[str, int]:
    return metrics_ports((part.name for part in build(plan)), plan.gateway_port, plan.ports)


def test_every_part_that_runs_on_has_a_port_of_its_own_for_its_metrics(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    served = _served(plan)
    ours = {part.name for part in build(plan) if not part.once and "-m" in part.command}
    assert {"gateway", "ingestion", "reconciler", "notifier", *WORKERS} <= ours
    assert set(served) == ours
    assert len(set(served.values())) == len(served)


def test_each_process_is_told_its_port(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    served = _served(plan)
    for part in build(plan):
        told = part.environment.get("IMPASTO_METRICS_PORT")
        if part.name in served and part.name not in ("gateway", "ingestion", "studio"):
            assert (told, part.environment["IMPASTO_METRICS_HOST"]) == (str(served[part.name]), "127.0.0.1"), part.name
        else:
            assert told is None, part.name


def test_prometheus_gets_a_target_for_each_part(tmp_path: Path) -> None:
    write_targets(tmp_path / "metrics.json", {"gateway": 8080, "worker-device": 20001})
    assert json.loads((tmp_path / "metrics.json").read_text()) == [
        {"targets": ["127.0.0.1:8080"], "labels": {"part": "gateway"}},
        {"targets": ["127.0.0.1:20001"], "labels": {"part": "worker-device"}},
    ]
