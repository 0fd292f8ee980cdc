"""A job kind for tests that draws in the engine: `test.draw`, with checkpoints of the family `gradients`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field

from impasto.artifacts import ArtifactRef
from impasto.kinds.kind import Kind, Params, Result


class Draw(Params):
    """Draw `count` pictures with the checkpoint in a folder of this machine."""

    checkpoint: str
    prompt: str = Field("", max_length=1000)
    count: int = Field(1, ge=1, le=64)
    seed: int = Field(0, ge=0)
    steps: int = Field(4, ge=1, le=10_000)
    style: str | None = None


class Drew(Result):
    """The pictures, in the order of their seeds."""

    artifacts: list[ArtifactRef]
    waited_s: float


KIND = Kind(
    name="test.draw",
    params=Draw,
    result=Drew,
    queue="test",
    shape="engine",
    run_limit_s=float(os.environ.get("TEST_DRAW_RUN_LIMIT_S", "60")),
    summary="A job for tests.",
    affinity="checkpoint",
)


def run(context: Any, params: Draw) -> Any:
    """Runs in the worker's slot."""
    from impasto.outcomes import Outcome
    from impasto_ml.families.text_to_image import DrawingRequest
    from impasto_worker.engine_orders import EngineCheckpoint

    style = {params.style: 1.0} if params.style else {}
    drawn = context.draw(
        EngineCheckpoint("gradients", Path(params.checkpoint), params.checkpoint),
        [DrawingRequest(params.prompt, params.seed + i, params.steps, style=style) for i in range(params.count)],
    )
    return Outcome(Drew(artifacts=[context.put(picture.path) for picture in drawn.pictures], waited_s=drawn.waited_s))
