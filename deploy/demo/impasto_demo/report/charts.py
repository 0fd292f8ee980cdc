"""Charts: a curve as SVG, intervals on a line, and a confusion matrix as a heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from impasto.checkpoints import Measure
from impasto_demo.report.markup import percent, text

_WIDTH, _HEIGHT = 440.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 46.0, 10.0, 30.0
_STRONG: Final = 0.55


def curve(points: Sequence[tuple[int, float]], across: str, title: str) -> str:
    """A falling line from zero up; the last point carries its value."""
    most = max((step for step, _ in points), default=1) or 1
    highest = max((value for _, value in points), default=0.0) or 1.0
    tick = _nice_tick(highest)
    top = tick * math.ceil(highest / tick)

    def x(step: float) -> float:
        return _LEFT + step / most * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _TOP - _BOTTOM)

    rows = [i * tick for i in range(round(top / tick) + 1)]
    grid = "".join(
        f'<line class="{"axis" if not row else "grid"}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(row):.1f}" '
        f'y2="{y(row):.1f}"/><text x="{_LEFT - 8}" y="{y(row) + 4:.1f}" text-anchor="end">{row:g}</text>'
        for row in rows
    )
    columns = "".join(
        f'<text x="{x(step):.1f}" y="{_HEIGHT - 12}" text-anchor="middle">{step:,.0f}</text>'
        for step in (0, most / 2, most)
    )
    line = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
    last_step, last = points[-1] if points else (0, 0.0)
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img" aria-label="{text(title)}">'
        f'{grid}{columns}<polyline class="line" points="{line}"/>'
        f'<circle class="dot" cx="{x(last_step):.1f}" cy="{y(last):.1f}" r="4"/>'
        f'<text class="last" x="{x(last_step) + 9:.1f}" y="{y(last) + 4:.1f}">{last:.2f}</text></svg>'
        f'<p class="small">{text(across)}</p>'
    )


def intervals(rows: Sequence[tuple[str, Measure, str]], mark: float | None = None) -> str:
    """Shares between 0 and 1 with their bounds; each row has a name and a CSS class. `mark`: a dashed line."""
    dashed = "" if mark is None else f'<u style="--mark:{mark:.4f}"></u>'
    drawn = "".join(
        f'<div class="measure {kind}"><span>{text(name)}</span>'
        f'<span class="track" style="--low:{m.low:.4f};--high:{m.high:.4f};--at:{m.value:.4f}">'
        f"{dashed}<i></i><b></b></span>"
        f"<output>{percent(m.value)}<small>{100 * m.low:.0f}–{100 * m.high:.0f}</small></output></div>"
        for name, m, kind in rows
    )
    return f'<div class="measures">{drawn}</div>'


def heat_map(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """A confusion matrix: rows are the truth and sum to one; columns are what was said."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in names)
    body = ""
    for name, row in zip(names, counts, strict=True):
        total = sum(row) or 1
        cells = "".join(_cell(count, count / total) for count in row)
        body += f'<tr><th scope="row">{text(name)}</th>{cells}</tr>'
    return f'<table class="heat"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cell(count: int, share: float) -> str:
    strong = ' class="strong"' if share > _STRONG else ""
    return f'<td{strong} style="--share:{share:.3f}">{count:,}<small>{100 * share:.0f} %</small></td>'


def _nice_tick(most: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that makes about four rows."""
    rough = most / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
