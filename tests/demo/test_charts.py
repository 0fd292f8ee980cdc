"""Charts: what is drawn is where its value says."""

from __future__ import annotations

import re

from impasto.checkpoints import Measure
from impasto_demo.outcome import JobTimeline
from impasto_demo.report.charts import curve, heat_map, intervals
from impasto_demo.report.timeline import gantt
from tests.demo.outcomes import job


def points(chart: str) -> list[tuple[float, float]]:
    line = re.search(r'polyline class="line" points="([^"]*)"', chart)
    assert line
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line[1].split())]


def test_a_lower_loss_is_drawn_lower_and_to_scale() -> None:
    drawn = points(curve([(0, 2.0), (50, 1.0), (100, 0.0)], "", ""))
    xs, ys = zip(*drawn, strict=True)
    assert xs[0] < xs[1] < xs[2]
    assert ys[1] - ys[0] == ys[2] - ys[1] > 0


def test_a_curve_of_one_point_or_of_zeros_is_drawn() -> None:
    assert points(curve([(7, 0.5)], "", ""))
    assert points(curve([(1, 0.0), (2, 0.0)], "", ""))


def test_the_last_value_stands_at_the_line() -> None:
    assert ">0.25</text>" in curve([(1, 1.0), (2, 0.25)], "", "")


def test_an_interval_holds_its_bounds_value_and_words() -> None:
    drawn = intervals([("Accuracy", Measure(value=0.5, low=0.4, high=0.62, count=9), "")], mark=0.7)
    assert "--low:0.4000;--high:0.6200;--at:0.5000" in drawn
    assert "--mark:0.7000" in drawn
    assert "50.0 %" in drawn
    assert "40–62" in drawn


def test_rows_of_a_heat_map_are_shares_of_the_truth() -> None:
    drawn = heat_map(["a", "b"], [[3, 1], [0, 0]])
    assert re.findall(r"--share:([\d.]+)", drawn) == ["0.750", "0.250", "0.000", "0.000"]
    assert drawn.count('class="strong"') == 1


def test_bars_of_jobs_stand_on_one_scale() -> None:
    jobs = [JobTimeline.model_validate(job("one", 0, 5)), JobTimeline.model_validate(job("two", 5, 15, "other"))]
    drawn = gantt(jobs)
    assert re.findall(r"--from:([\d.]+);--to:([\d.]+)", drawn) == [
        ("0.00000", "0.00000"),
        ("0.00000", "0.25000"),
        ("0.00000", "0.25000"),
        ("0.25000", "1.00000"),
    ]
    assert "20 s" in drawn
    assert drawn.count('<b class="other"') == 1
