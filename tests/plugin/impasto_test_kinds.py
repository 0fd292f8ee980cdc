"""A plug-in with a job kind that stops where a test wants it to: how the tests kill at an exact point.

It registers by entry points, as any plug-in from outside does.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from impasto.artifacts import ArtifactRef
from impasto.identifiers import PictureId
from impasto.kinds.kind import Kind, Params, Result


class Stamp(Params):
    """Write `text` into an artifact; wait at `pause_at` while the file `gate` exists; compute for `seconds`.

    With a `ledger` each attempt gets a number of its own, notes it there and writes it into its artifact; one that is
    to `say` it leaves its digest in the result, and no artifact.
    """

    text: str = Field(max_length=1000)
    gate: str | None = None
    pause_at: Literal["claimed", "compute", "uploaded"] | None = None
    then: Literal[
        "succeed",
        "raise",
        "refuse",
        "die",
        "out_of_memory",
        "ask",
        "fill",
        "fill_in_runner",
        "hang",
        "tell",
        "log",
        "say",
    ] = "succeed"
    picture: PictureId | None = None
    seconds: float = Field(0, ge=0, le=60)
    ledger: str | None = None
    source: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")] | None = None


class Stamped(Result):
    """The artifact and how often the runner was called."""

    artifact: ArtifactRef


KIND = Kind(
    name="test.stamp",
    params=Stamp,
    result=Stamped,
    queue="test",
    shape="pool",
    run_limit_s=float(os.environ.get("TEST_STAMP_RUN_LIMIT_S", "60")),
    no_progress_s=float(os.environ.get("TEST_STAMP_NO_PROGRESS_S", "50")),
    summary="A job for tests.",
)


def wait_here(params: dict[str, Any], point: str, who: int) -> None:
    """Says that the point is reached, with this process's id, and waits while the gate is there."""
    if params["gate"] and params["pause_at"] == point:
        gate = Path(params["gate"])
        reached = gate.with_suffix(f".{point}")
        reached.with_suffix(".part").write_text(str(who))
        reached.with_suffix(".part").rename(reached)
        while gate.exists():
            time.sleep(0.01)


def fill() -> None:
    """Writes to a disk that is full: the kernel refuses every byte that goes here (full(4))."""
    with open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")


def compute(payload: dict[str, Any], report: Any) -> dict[str, Any]:
    """Runs in the runner."""
    from impasto.errors import JobFailed

    report(0.5, "stamping")
    wait_here(payload, "compute", os.getpid())
    if payload["then"] == "raise":
        raise RuntimeError(payload["text"])
    if payload["then"] == "log":
        logging.getLogger("impasto_test").info("stamping so many characters: %d", len(payload["text"]))
        logging.getLogger("somebody").warning("too long: %s", payload["text"])
    if payload["then"] == "refuse":
        raise JobFailed("training_diverged", "the loss became infinite", hint="lower the learning rate")
    if payload["then"] == "die":
        os.kill(os.getpid(), 9)
    if payload["then"] == "out_of_memory":
        raise MemoryError
    if payload["then"] == "fill_in_runner":
        fill()
    while payload["then"] == "hang":
        time.sleep(1)
    until = time.monotonic() + payload.get("seconds", 0)
    while payload["then"] == "tell" and time.monotonic() < until:
        report(0.6, "stamping on")
        time.sleep(0.05)
    time.sleep(max(0.0, until - time.monotonic()))
    text = payload["text"].upper()
    if payload.get("ledger"):
        text = f"{text} {uuid.uuid4().hex}"
        with open(payload["ledger"], "a") as ledger:
            ledger.write(text + "\n")  # one write, appended whole
    return {"text": text}


def run(context: Any, params: Stamp) -> Any:
    """Runs in the worker's slot."""
    from impasto.lineage import Edge
    from impasto.outcomes import Outcome

    body = params.model_dump()
    wait_here(body, "claimed", os.getpid())
    if params.then == "ask":
        context.tools.artworks.by_id(context.tenant_id, "art_none")
    if params.then == "fill":
        fill()
    if params.then == "say" and not params.ledger:
        wait_here(body, "compute", os.getpid())
        return Outcome(_said(""))
    text = context.compute("impasto_test_kinds:compute", body)["text"]
    if params.then == "say":
        return Outcome(_said(text))
    file = context.folder / "stamp.json"
    file.write_text(text)
    artifact = context.put(file)
    wait_here(body, "uploaded", os.getpid())
    source = params.picture or params.source or "pretrained:nothing@1"
    return Outcome(
        Stamped(artifact=artifact),
        edges=(Edge(source=source, target=f"sha256:{artifact.sha256}", relation="content_of"),),
    )


def _said(text: str) -> Stamped:
    """A result, and nothing that would become visible with it."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Stamped(artifact=ArtifactRef(sha256=digest, media_type="text/plain", size_bytes=len(text)))


class _Handlers:
    """Made when a worker asks: the gateway loads the kind alone and must not import a worker's parts."""

    def __iter__(self) -> Any:
        import impasto_test_draw

        from impasto_worker.handling import Handler

        return iter([Handler(KIND, run), Handler(impasto_test_draw.KIND, impasto_test_draw.run)])


HANDLERS = _Handlers()
