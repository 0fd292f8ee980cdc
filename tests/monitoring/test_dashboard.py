"""The dashboard and the rules name what there is, and say what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.contracts.kept import ROOT
from tests.contracts.metrics_page import described, exposed_as
from tests.monitoring.board import FOLDER, dashboard, metrics_in, panels, queries, rules


def _documented() -> set[str]:
    """What a scrape shows of each metric in docs/metrics.md."""
    return set().union(*(exposed_as(name, told.kind) for name, told in described().items()))


def _expressions() -> list[str]:
    return [*(query for _, query in queries()), *(rule["expr"] for rule in rules())]


def test_every_metric_that_is_asked_for_exists() -> None:
    asked = set().union(*map(metrics_in, _expressions()))
    assert len(asked) > 20
    assert asked - _documented() == set()


def test_no_figure_of_the_database_is_counted_once_for_each_reconciler() -> None:
    figures = {name for name, told in described().items() if told.kind == "gauge"}
    bare = re.compile(r"(?<!_over_time\()\b(\w+)\s*(?:by \([a-z, ]+\)\s*)?\((impasto_[a-z_]+)")
    for expression in _expressions():
        found = [(how, name) for how, name in bare.findall(expression) if name in figures]
        assert {how for how, _ in found} <= {"max", "max_over_time"}, expression


def test_rows_are_those_that_an_operator_asks_by() -> None:
    rows = [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"]
    assert rows == ["Jobs", "Queues", "Workers", "Webhooks", "API", "Machine"]


def test_no_two_panels_lie_on_one_another_and_none_beyond_the_edge() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"], panel["title"]
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)


def test_the_dashboard_asks_whichever_prometheus_it_is_given() -> None:
    for panel in panels():
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}, panel["title"]
    names = {variable["name"] for variable in dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", "".join(query for _, query in queries()))) | {"datasource"}
    assert used == names


def test_each_alert_says_what_to_do_and_where_to_read_on() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", page, re.M)
    }
    assert len(rules()) == 12
    for rule in rules():
        annotations = rule["annotations"]
        assert set(annotations) == {"summary", "todo", "docs"}, rule["alert"]
        file, _, anchor = annotations["docs"].partition("#")
        assert (file, anchor in anchors) == ("docs/operations.md", True), annotations["docs"]
        assert f"`{rule['alert']}`" in page
        assert rule["labels"]["severity"] in {"ticket", "warning", "critical"}


def test_every_rule_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    told = yaml.safe_load((FOLDER / "rules_test.yml").read_text("utf-8"))["tests"]
    fires: set[str] = set()
    quiet: set[str] = set()
    for case in (case for test in told for case in test["alert_rule_test"]):
        (fires if case.get("exp_alerts") else quiet).add(case["alertname"])
    names = {rule["alert"] for rule in rules()}
    assert (fires, quiet) == (names, names)


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.yml")), ids=lambda path: path.name)
def test_every_file_can_be_read(file: Any) -> None:
    assert isinstance(yaml.safe_load(file.read_text("utf-8")), dict)
