"""Lineage on the page: few works by name, many by licence, none left out of the count."""

from __future__ import annotations

from impasto.lineage import LineageGraph
from impasto_demo.report.lineage import licences, upward
from tests.demo.outcomes import graph


def test_few_works_are_named() -> None:
    drawn = upward(LineageGraph.model_validate(graph("ckp_1", "up", 2)), {})
    assert "Work 0" in drawn
    assert "Work 1" in drawn


def test_many_works_are_counted_by_licence() -> None:
    traced = LineageGraph.model_validate(graph("ckp_1", "up", 30))
    drawn = upward(traced, {})
    assert "Work 3" not in drawn
    assert "30 works" in drawn
    assert "MIT × 20" in drawn
    assert "CC-BY-4.0 × 10" in drawn
    assert licences(traced) == [("MIT", 20), ("CC-BY-4.0", 10)]


def test_the_root_may_have_a_better_name() -> None:
    traced = LineageGraph.model_validate(graph("ckp_1", "up", 1))
    assert "The cat, redrawn" in upward(traced, {"ckp_1": "The cat, redrawn"})
