"""A live curve of what a run measures, over its steps."""

from __future__ import annotations

from typing import Any, Final

from nicegui import ui

from impasto_studio.pieces.basic import box, words
from impasto_studio.words import say

_MOST_POINTS: Final = 1500
_COLOURS: Final = ["#5b78e5", "#c9824a", "#5f9a78", "#a06bb5"]
_GREY: Final = "#8a847b"


class Curve:
    """Points by step; a step measured twice has the later value."""

    def __init__(self) -> None:
        self._points: dict[int, dict[str, float]] = {}
        with box("curve"):
            self._waiting = words(say("curve.none"), "quiet-note curve-none", "p")
            self._chart = ui.echart(_options()).classes("curve-chart")
        self._draw()

    def take(self, points: dict[int, dict[str, float]]) -> None:
        """These, besides those that are known."""
        self._points |= points
        self._draw()

    def add(self, step: int, values: dict[str, float]) -> None:
        """One more."""
        self.take({step: {**self._points.get(step, {}), **values}})

    def _draw(self) -> None:
        self._waiting.set_visibility(not self._points)
        self._chart.set_visibility(bool(self._points))
        if not self._points:
            return
        steps = thinned(sorted(self._points))
        names = sorted({name for values in self._points.values() for name in values}, key=lambda name: name != "loss")
        self._chart.options["series"] = [
            {
                "name": name, "type": "line", "showSymbol": len(steps) < 40, "symbolSize": 5,
                "lineStyle": {"width": 2}, "emphasis": {"disabled": True},
                "data": [[step, self._points[step][name]] for step in steps if name in self._points[step]],
            }
            for name in names
        ]  # fmt: skip
        # A learning rate is a thousand times smaller than a loss: a click on its name shows it.
        self._chart.options["legend"]["selected"] = {name: "loss" in name or "loss" not in names for name in names}
        self._chart.options["legend"]["show"] = len(names) > 1
        self._chart.options["grid"]["top"] = 34 if len(names) > 1 else 12
        self._chart.update()


def thinned(steps: list[int], most: int = _MOST_POINTS) -> list[int]:
    """At most about that many of them, evenly, with the first and the last."""
    if len(steps) <= most:
        return steps
    stride = -(-len(steps) // most)
    kept = steps[::stride]
    return kept if kept[-1] == steps[-1] else [*kept, steps[-1]]


def _options() -> dict[str, Any]:
    axis = {
        "axisLine": {"lineStyle": {"color": _GREY, "opacity": 0.4}},
        "axisLabel": {"color": _GREY, "fontSize": 12},
        "splitLine": {"lineStyle": {"color": _GREY, "opacity": 0.15}},
        "axisTick": {"show": False},
    }
    return {
        "animation": False,
        "color": _COLOURS,
        "textStyle": {"fontFamily": "inherit"},
        "grid": {"left": 8, "right": 16, "top": 34, "bottom": 8, "containLabel": True},
        "legend": {
            "show": False,
            "left": 0,
            "top": 0,
            "icon": "roundRect",
            "itemHeight": 3,
            "textStyle": {"color": _GREY},
        },
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "value", "min": "dataMin", "max": "dataMax", **axis, "splitLine": {"show": False}},
        "yAxis": {"type": "value", "scale": True, **axis},
        "series": [],
    }
