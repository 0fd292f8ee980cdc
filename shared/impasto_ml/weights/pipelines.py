"""What a pipeline's `model_index.json` may name: only classes that a table allows, each in its own place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import WeightsIncompatible, WeightsUnsafe

INDEX = "model_index.json"
Class = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ComponentSlot:
    """`classes`: (library, class) pairs that may stand there. `required`: the pipeline cannot do without."""

    classes: frozenset[Class]
    required: bool = True


@dataclass(frozen=True, slots=True)
class PipelineLayout:
    """`components` by name; `settings`: names of further values in the index, all of them booleans."""

    components: Mapping[str, ComponentSlot]
    settings: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PipelineIndex:
    """A checked index: the pipeline's class, the classes of the components that are present, and its settings."""

    class_name: str
    components: Mapping[str, Class]
    settings: Mapping[str, bool]


def check_index(found: Mapping[str, Any], layouts: Mapping[str, PipelineLayout]) -> PipelineIndex:
    """Compares an index with the layouts by class name.

    Raises:
        WeightsUnsafe: a class that is no plain allowed name (a file or module of its own).
        WeightsIncompatible: a pipeline that is not in the table, or a component missing or unknown.
    """
    class_name = found.get("_class_name")
    if not isinstance(class_name, str) or "." in class_name:
        raise WeightsUnsafe(INDEX, "its pipeline class is code of its own")
    if class_name not in layouts:
        raise WeightsIncompatible(INDEX, f"{class_name[:80]} is not one of {', '.join(layouts)}")
    layout = layouts[class_name]
    components: dict[str, Class] = {}
    settings: dict[str, bool] = {}
    for name, value in found.items():
        if name.startswith("_"):
            continue
        if name in layout.settings and isinstance(value, bool | None):
            settings[name] = bool(value)
        elif (allowed := _component(name, value, layout)) is not None:
            components[name] = allowed
    for name, slot in layout.components.items():
        if slot.required and name not in components:
            raise WeightsIncompatible(INDEX, f"{class_name} needs {name}")
    return PipelineIndex(class_name, components, settings)


def _component(name: str, value: Any, layout: PipelineLayout) -> Class | None:
    match value:
        case [None, None]:
            return None
        case [str(library), str(class_name)]:
            pass
        case _:
            raise WeightsIncompatible(INDEX, f"{name[:80]} is no component")
    libraries = {allowed for slot in layout.components.values() for allowed, _ in slot.classes}
    if library not in libraries:
        raise WeightsUnsafe(INDEX, f"{name[:80]} comes from code of its own")
    if name not in layout.components:
        raise WeightsIncompatible(INDEX, f"{name[:80]} is no component of this pipeline")
    if (library, class_name) not in layout.components[name].classes:
        raise WeightsUnsafe(INDEX, f"{name} is of a class that is not allowed there")
    return library, class_name
