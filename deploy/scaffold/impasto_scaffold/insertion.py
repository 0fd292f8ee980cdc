"""Lines put into Python source where its syntax tree says they belong; everything else stays as it is, comments too."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from impasto_scaffold.plan import Refused


def add_import(source: str, line: str) -> str:
    """The source with one more import line, after those it has."""
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return _after(source, _last(imports, "imports"), f"\n{line}")


def add_imported_name(source: str, module: str, name: str) -> str:
    """The source with `name` among what it imports from `module`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.module == module:
            return _after(source, node.names[-1], f", {name}")
    raise Refused(f"nothing is imported from {module} where {name} is to be added")


def add_element(source: str, target: str, element: str, beside: Callable[[str], bool] = lambda _: False) -> str:
    """The source with `element` in the list or tuple `target`: after the last one that it belongs `beside`, or last."""
    value = _value(source, target)
    if not isinstance(value, ast.List | ast.Tuple):
        raise Refused(f"{target} is not written as a list")
    near = [one for one in value.elts if beside(ast.unparse(one))]
    return _after(source, _last(near or value.elts, f"elements in {target}"), f", {element}")


def add_entry(source: str, target: str, key: str, value: str) -> str:
    """The source with `key: value`, two strings, at the end of the dictionary `target`.

    Raises:
        Refused: the key is there.
    """
    found = _value(source, target)
    if not isinstance(found, ast.Dict):
        raise Refused(f"{target} is not written as a dictionary")
    if any(isinstance(one, ast.Constant) and one.value == key for one in found.keys):
        raise Refused(f"{key!r} is in {target}")
    return _after(source, _last(found.values, f"entries in {target}"), f', "{key}": "{value}"')


def names_in(source: str) -> set[str]:
    """Every name that a module's own statements bind or use."""
    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return used | {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _value(source: str, target: str) -> ast.expr | None:
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(one, ast.Name) and one.id == target for one in targets):
            found: ast.expr | None = getattr(node, "value", None)
            return found
    raise Refused(f"there is no {target} to add to")


def _last(nodes: Sequence[ast.AST], what: str) -> ast.AST:
    if not nodes:
        raise Refused(f"there are no {what} to add to")
    return nodes[-1]


def _after(source: str, node: ast.AST, text: str) -> str:
    """The tree counts lines from 1 and columns in bytes of UTF-8."""
    line, column = getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)
    lines = source.split("\n")
    raw = lines[line - 1].encode()
    lines[line - 1] = (raw[:column] + text.encode() + raw[column:]).decode()
    return "\n".join(lines)
