"""The part of docs/kinds.md that is made from the kinds themselves."""

from __future__ import annotations

import json
from typing import Any

from impasto.kinds import Kind, all_kinds
from tests.contracts.kept import table


def documented_kinds() -> dict[str, Kind[Any, Any]]:
    """The kinds that come with Impasto, without the tests' plug-in."""
    return {name: kind for name, kind in all_kinds().items() if not name.startswith("test.")}


def render() -> str:
    """A section for each kind: where it runs, its params, its result."""
    return "".join(_section(kind) for kind in documented_kinds().values())


def _section(kind: Kind[Any, Any]) -> str:
    silent = f" and {_duration(kind.no_progress_s)} without progress" if kind.no_progress_s else ""
    lead = f"Queue `{kind.queue}`, shape *{kind.shape}*, at most {_duration(kind.run_limit_s)} an attempt{silent}."
    params, result = kind.params.model_json_schema(), kind.result.model_json_schema(mode="serialization")
    head = ["param", "type", "default", "range", "meaning"]
    fields = [[f"`{name}`", f"`{_type(spec, result)}`", spec.get("description", "")] for name, spec in _fields(result)]
    return (
        f"\n## {kind.name}\n\n{kind.summary} {lead}\n\n"
        f"{table(head, _rows(params, params))}\n"
        f"Result: {_first_line(kind.result)}\n\n{table(['field', 'type', 'meaning'], fields)}"
    )


def _rows(schema: dict[str, Any], whole: dict[str, Any], prefix: str = "") -> list[list[str]]:
    rows: list[list[str]] = []
    for name, spec in _fields(schema):
        inner = _inner(spec, whole)
        if inner is not None and "properties" in inner:
            needed = "required" if name in schema.get("required", []) else _default(spec)
            if needed not in {"required", "`null`"}:
                needed = ""
            rows.append([f"`{prefix}{name}`", "`object`", needed, "", _said(spec, inner)])
            rows += _rows(inner, whole, f"{prefix}{name}.")
            continue
        needed = "required" if name in schema.get("required", []) else _default(spec)
        rows.append([f"`{prefix}{name}`", f"`{_type(spec, whole)}`", needed, _range(spec), spec.get("description", "")])
    return rows


def _fields(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return list(schema["properties"].items())


def _said(spec: dict[str, Any], inner: dict[str, Any]) -> str:
    return str(spec.get("description") or inner.get("description", "")).split("\n")[0]


def _inner(spec: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any] | None:
    for choice in [spec, *spec.get("anyOf", [])]:
        if "$ref" in choice:
            found: dict[str, Any] = whole["$defs"][choice["$ref"].rpartition("/")[2]]
            return found
    return None


def _default(spec: dict[str, Any]) -> str:
    return f"`{json.dumps(spec.get('default'), ensure_ascii=False)}`"


def _type(spec: dict[str, Any], whole: dict[str, Any]) -> str:
    if "$ref" in spec:
        return str(spec["$ref"].rpartition("/")[2])
    if "anyOf" in spec:
        return " or ".join(_type(choice, whole) for choice in spec["anyOf"])
    if "enum" in spec:
        return " or ".join(json.dumps(value) for value in spec["enum"])
    if "const" in spec:
        return json.dumps(spec["const"])
    match spec.get("type"):
        case "array" if "prefixItems" in spec:
            return f"[{', '.join(_type(item, whole) for item in spec['prefixItems'])}]"
        case "array":
            return f"{_type(spec['items'], whole)}[]"
        case "string" if "pattern" in spec:
            return _pattern_name(spec["pattern"])
        case "object":
            values = spec.get("additionalProperties")
            return f"object of {_type(values, whole)}" if isinstance(values, dict) else "object"
        case found:
            return str(found)


def _pattern_name(pattern: str) -> str:
    if "art_" in pattern and "sha256" in pattern:
        return "art_… or sha256:…"
    if pattern[1:5].endswith("_"):
        return f"{pattern[1:5]}…"
    return {"^[0-9a-f]{64}$": "sha256 (hex)", "^#[0-9a-fA-F]{6}$": "#rrggbb"}.get(pattern, "string")


def _range(spec: dict[str, Any]) -> str:
    found = [
        f"{sign} {_number(bound[key])}"
        for bound in [spec, *spec.get("anyOf", [])]
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in bound
    ]
    found += [
        f"{least or 0} to {bound[high]} {what}"
        for bound in [spec, *spec.get("anyOf", [])]
        for low, high, what in (
            ("minItems", "maxItems", "items"),
            ("minProperties", "maxProperties", "entries"),
            ("minLength", "maxLength", "characters"),
        )
        if high in bound
        for least in [bound.get(low)]
    ]
    if str(spec.get("pattern", "")).startswith("^[a-z0-9]["):
        found.append("`a-z 0-9 . _ -`, 1 to 63 characters")
    return ", ".join(found)


def _number(value: float) -> str:
    return "2³²" if value == 2**32 else f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 60 else f"{minutes // 60} hour{'s' if minutes >= 120 else ''}"


def _first_line(model: Any) -> str:
    return str(model.__doc__).strip().split("\n")[0]
