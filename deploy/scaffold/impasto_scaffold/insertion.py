"""Lines put into Python source where its syntax tree says they belong; everything else stays as it is, comments too."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence

from impasto_scaffold.plan import Refused

_ENDS_ITS_LINE = re.compile(r"\s*,\s*(#.*)?")


def add_import(source: str, line: str) -> str:
    """The source with one more import line, after those it has."""
    imports = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return _after(source, _last(imports, "imports"), f"\n{line}")


def add_imported_name(source: str, module: str, name: str) -> str:
    """The source with `name` among what it imports from `module`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and node.module == module:
            return _beside(source, node.names[-1], name)
    raise Refused(f"nothing is imported from {module} where {name} is to be added")


def add_element(source: str, target: str, element: str, beside: Callable[[str], bool] = lambda _: False) -> str:
    """The source with `element` in the list or tuple `target`: after the last one that it belongs `beside`, or last."""
    value = _value(source, target)
    if not isinstance(value, ast.List | ast.Tuple):
        raise Refused(f"{target} is not written as a list")
    near = [one for one in value.elts if beside(ast.unparse(one))]
    return _beside(source, _last(near or value.elts, f"elements in {target}"), element)


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
    return _beside(source, _last(found.values, f"entries in {target}"), f'"{key}": "{value}"')


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


def _beside(source: str, node: ast.AST, text: str) -> str:
    """One more after `node`: on a line of its own where the others have theirs, so that comments keep their lines."""
    end = getattr(node, "end_lineno", 0)
    lines = source.split("\n")
    if not _ENDS_ITS_LINE.fullmatch(_rest(lines, node)):
        return _after(source, node, f", {text}")
    return "\n".join([*lines[:end], f"{text},", *lines[end:]])


def _after(source: str, node: ast.AST, text: str) -> str:
    lines = source.split("\n")
    end, rest = getattr(node, "end_lineno", 0) - 1, _rest(lines, node)
    lines[end] = lines[end].removesuffix(rest) + text + rest
    return "\n".join(lines)


def _rest(lines: list[str], node: ast.AST) -> str:
    """What follows on the line. The tree counts lines from 1 and columns in bytes of UTF-8."""
    line, column = getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0)
    return lines[line - 1].encode()[column:].decode()
