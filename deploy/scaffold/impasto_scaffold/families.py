"""A model family that draws from words: its folder, its line in the registry, its test."""

from __future__ import annotations

from impasto_scaffold.insertion import add_entry
from impasto_scaffold.names import camel, require_word
from impasto_scaffold.plan import Plan
from impasto_scaffold.templates import rendered

_FAMILIES = "shared/impasto_ml/families"
_FILES = ("config.py", "drawing.py", "model.py", "README.md", "weights.py")


def plan_family(plan: Plan, name: str) -> list[str]:
    """Plans the files of a family; gives the commands that come next.

    Raises:
        Refused: the name is malformed or taken.
    """
    require_word(name, "a family")
    folder, registry = f"{_FAMILIES}/{name}", f"{_FAMILIES}/registry.py"
    test = f"tests/impasto_ml/families/test_{name}.py"
    values = {"name": name, "title": camel(name)}
    plan.refuse_taken(folder)
    plan.make(f"{folder}/__init__.py", rendered("family/package", values))
    for file in _FILES:
        plan.make(f"{folder}/{file}", rendered(f"family/{file.partition('.')[0].lower()}", values))
    plan.make(test, rendered("family/test", values))
    plan.change(registry, add_entry(plan.read(registry), "FAMILIES", name, f"impasto_ml.families.{name}:load"))
    return [f".venv/bin/pytest tests/worker/test_engine_families.py {test}", "make check"]
