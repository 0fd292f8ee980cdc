"""What a result will look like before there is one: the type of a field of it, and something of that type."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from impasto.artifacts import ArtifactRef
from impasto.checkpoints import Measure

_PREFIXED: Final = re.compile(r"\^\(?([a-z]{3})_")
_ZEROS: Final = {"id": "0" * 26, "digest": "0" * 64}


def field_at(model: type[BaseModel], path: Sequence[str]) -> Any:
    """The annotation of a field, such as `("pictures", "0", "artifact")`.

    Raises:
        LookupError: a result of that type has no such field; the argument is as far as the path leads.
    """
    found: Any = model
    for depth, name in enumerate(path):
        found = _within(bare(found), name)
        if found is None:
            raise LookupError(".".join(path[:depth]))
    return found


def value_at(value: Any, path: Sequence[str]) -> Any:
    """The same of a result as it is stored, as JSON. None if it is not there."""
    for name in path:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def bare(annotation: Any) -> Any:
    """The type behind constraints, and of `X | None` the X."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(part for part in get_args(annotation) if part is not types.NoneType)
        else:
            return annotation


def names_of(annotation: Any) -> list[str]:
    """The fields that there are, for whoever named another one."""
    found = bare(annotation)
    return sorted(found.model_fields) if _is_model(found) else []


def is_measure(annotation: Any) -> bool:
    """Whether it can be compared with a number: a number, a measure (its value counts), or of any type."""
    found = bare(annotation)
    return found in (int, float, Any, Measure)


def measures_of(model: type[BaseModel]) -> list[str]:
    """The fields of a result that can be compared with a number."""
    return [name for name, field in model.model_fields.items() if is_measure(annotated(field))]


def number_of(value: Any) -> float | None:
    """What a condition compares: the number, or the value of a measure. None if it is neither."""
    if isinstance(value, Mapping):
        value = value.get("value")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def stand_in(annotation: Any) -> Any:
    """Something of that type as JSON: what a reference is taken for until there is a result."""
    patterns = [found for part in _constraints(annotation) if (found := getattr(part, "pattern", None))]
    found = bare(annotation)
    if found is str:
        return _text(str(patterns[0]) if patterns else "")
    if found is ArtifactRef:
        return identifier_of_artifact({"sha256": _ZEROS["digest"]})
    if _is_model(found):
        return {name: stand_in(annotated(field)) for name, field in found.model_fields.items() if field.is_required()}
    if get_origin(found) is Literal:
        return get_args(found)[0]
    if (get_origin(found) or found) in (list, tuple):
        return [stand_in(part) for part in get_args(found)[:1]]
    simple: dict[Any, Any] = {bool: True, int: 1, float: 0.5}
    return simple.get(found, {} if (get_origin(found) or found) is dict else "x")


def named(annotation: Any) -> str:
    """The type in words."""
    found = bare(annotation)
    patterns = [part for constraint in _constraints(annotation) if (part := getattr(constraint, "pattern", None))]
    if found is ArtifactRef:
        return "an artifact"
    if patterns and (prefix := _PREFIXED.match(str(patterns[0]))):
        return f"an identifier {prefix[1]}_…"
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", Any: "of any type"}
    containers = {list: "a list", tuple: "a list", dict: "an object"}
    return words.get(found) or containers.get(get_origin(found) or found) or "an object"


def identifier_of_artifact(artifact: Mapping[str, Any]) -> str:
    """As params name an artifact."""
    return f"sha256:{artifact['sha256']}"


def annotated(field: FieldInfo) -> Any:
    """The field's annotation with its constraints."""
    found: Any = field.annotation
    for constraint in field.metadata:
        found = Annotated[found, constraint]
    return found


def _within(found: Any, name: str) -> Any:
    if found is Any:
        return Any
    if _is_model(found):
        field = found.model_fields.get(name)
        return None if field is None else annotated(field)
    origin, parts = get_origin(found) or found, get_args(found)
    if origin is dict:
        return parts[1] if parts else Any
    if origin in (list, tuple) and name.isdecimal():
        if not parts or parts[-1] is Ellipsis or origin is list:
            return parts[0] if parts else Any
        return parts[int(name)] if int(name) < len(parts) else None
    return None


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)


def _constraints(annotation: Any) -> list[Any]:
    """Those of the annotation, and of `X | None` those of the X."""
    found: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            found += more
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(part for part in get_args(annotation) if part is not types.NoneType)
        else:
            return found


def _text(pattern: str) -> str:
    if prefix := _PREFIXED.match(pattern):
        return f"{prefix[1]}_{_ZEROS['id']}"
    if "[0-9a-f]{64}" in pattern:
        return ("sha256:" if "sha256:" in pattern else "") + _ZEROS["digest"]
    return "x"
