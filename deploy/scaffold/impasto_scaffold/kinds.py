"""A job kind: its file, its folder in a worker service, its line in the two lists, its test."""

from __future__ import annotations

from impasto_scaffold.insertion import add_element, add_import, add_imported_name, names_in
from impasto_scaffold.names import camel, kind_parts
from impasto_scaffold.plan import Plan, Refused
from impasto_scaffold.templates import rendered

SHAPES = ("pool", "run", "engine")
_KINDS = "shared/impasto/kinds"
# What is made from the kinds and kept in files.
_KEPT = 'tests/contracts/test_docs.py tests/contracts/test_openapi.py -k "kind or reviewed"'


def plan_kind(plan: Plan, name: str, queue: str | None, shape: str) -> list[str]:
    """Plans the files of a kind; gives the commands that come next. Without `queue` it is the area's.

    Raises:
        Refused: the name is malformed or taken, or there is no such queue or shape.
    """
    area, noun = kind_parts(name)
    queue = _known_queue(plan, queue or area)
    if shape not in SHAPES:
        raise Refused(f"{shape!r} is no shape: {', '.join(SHAPES)}")
    module, package = f"{area}_{noun}", f"impasto_{queue}"
    values = {
        "name": name,
        "noun": noun,
        "module": module,
        "package": package,
        "queue": queue,
        "shape": shape,
        "params": camel(module),
        "result": f"{camel(module)}Result",
    }
    drawing, test = shape == "engine", f"tests/{queue}/test_{noun}.py"
    templates, folder = "engine" if drawing else "kind", f"services/{package}/{noun}"
    plan.refuse_taken(folder)
    plan.make(f"{_KINDS}/{module}.py", rendered(f"{templates}/kind", values))
    plan.make(f"{folder}/__init__.py", rendered("kind/package", values))
    plan.make(f"{folder}/handler.py", rendered(f"{templates}/handler", values))
    if not drawing:
        plan.make(f"{folder}/compute.py", rendered("kind/compute", values))
    plan.make(test, rendered(f"{templates}/test", values))
    _register_kind(plan, area, module)
    _register_handler(plan, f"services/{package}/handlers.py", package, module, noun)
    return [
        f"IMPASTO_UPDATE=1 .venv/bin/pytest {_KEPT}",
        f".venv/bin/pytest tests/contracts/test_handlers.py {test}",
        "make check",
    ]


def _known_queue(plan: Plan, queue: str) -> str:
    services = plan.root.glob("services/impasto_*/handlers.py")
    queues = sorted(path.parent.name.removeprefix("impasto_") for path in services)
    if queue not in queues:
        raise Refused(f"no worker service has the queue {queue!r}: {', '.join(queues)}")
    return queue


def _register_kind(plan: Plan, area: str, module: str) -> None:
    path = f"{_KINDS}/__init__.py"
    source = add_imported_name(plan.read(path), "impasto.kinds", module)
    plan.change(path, add_element(source, "_BUILT_IN", f"{module}.KIND", lambda one: one.startswith(f"{area}_")))


def _register_handler(plan: Plan, path: str, package: str, module: str, noun: str) -> None:
    source = plan.read(path)
    if noun in names_in(source):
        raise Refused(f"{path} uses the name {noun!r} for something else")
    source = add_imported_name(source, "impasto.kinds", module)
    source = add_import(source, f"from {package}.{noun} import handler as {noun}")
    plan.change(path, add_element(source, "HANDLERS", f"Handler({module}.KIND, {noun}.run)"))
