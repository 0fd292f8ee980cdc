"""The starter's model card: what it is, what it learnt from, what was measured, what it is not for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from impasto_starter.hands import STYLES


def write_card(folder: Path, facts: dict[str, Any], measured: dict[str, Any]) -> Path:
    """Writes `MODEL_CARD.md` beside the weights."""
    path = folder / "MODEL_CARD.md"
    path.write_text(_card(facts, measured), "utf-8")
    return path


def _card(facts: dict[str, Any], measured: dict[str, Any]) -> str:
    art = "\n".join(f"| {s.artist} | npm `{s.specifier}` | {s.licence} |" for s in STYLES)
    return f"""# The starter

A flowmini that draws 64 x 64 px pictures of about four hundred things, of coloured shapes at named places, and of both
in four styles: {", ".join(style.artist for style in STYLES)}. It is there so that drawing works at once and so that a
model of one's own has something to begin from; it is no match for a large model.

- **Made** {facts["made_at"]}, {facts["steps"]:,} steps of batch {facts["batch"]} over {facts["pictures"]:,} pictures,
  by the code of `make starter`; weights in half precision (safetensors).{_note(facts)}
- **Licence**: Apache-2.0, as the library. What it learnt from is permissively licensed:

| style | drawings | licence |
|---|---|---|
{art}

The rest are copies of these in other colours and shapes drawn by the library itself. One drawing in seven was kept out
in one style, and one combination of colour, shape and place in seven in every style: those are what it is measured on.

## Measured

Intervals are 95 % bootstrap intervals. `evaluation.json` holds everything, `sheet.png` shows held-out pairs. The scales
of guidance and the last stages of training were chosen on these same pairs, so expect less of others. Styles were
asked for by name, not in the words: a style that only the words name comes out weaker.

| measure | value | interval | count |
|---|---|---|---|
{_rows(measured)}

## Limits

English prompts of a few words. No people beyond smiling faces, no writing, no scenes of several things; a thing that it
never saw comes out as something that it did. Nearly all that it draws resembles a drawing that it learnt from:
`copy_rate` above says how nearly. Do not take its pictures for original works of the named sets' artists.
"""


def _note(facts: dict[str, Any]) -> str:
    """What is not as a run from the beginning would have it."""
    return f" {facts['note']}" if facts.get("note") else ""


def _rows(measured: dict[str, Any]) -> str:
    rows = []
    for name, value in sorted(_flat(measured)):
        low, high = value.get("low"), value.get("high")
        interval = f"{low:.3f} to {high:.3f}" if low is not None and high is not None else ""
        rows.append(f"| {name} | {value['value']:.3f} | {interval} | {value.get('count', '')} |")
    return "\n".join(rows)


def _flat(node: Any, name: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every measure in the tree, named by its path."""
    if not isinstance(node, dict):
        return []
    if isinstance(node.get("value"), (int, float)) and "count" in node:
        return [(name, node)]
    return [row for key, inner in node.items() for row in _flat(inner, f"{name} {key}".strip())]
