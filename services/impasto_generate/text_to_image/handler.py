"""Takes a drawing job from its params to pictures; the drawing is done in the worker's engine, beside other jobs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import InvalidInput
from impasto.kinds.generate_text_to_image import DrawnPicture, GeneratedTextToImage, GenerateTextToImage
from impasto.lineage import Edge
from impasto.outcomes import Outcome
from impasto.submission import not_measured
from impasto_generate.text_to_image.grid import lay_out
from impasto_ml.families.text_to_image import DrawingRequest
from impasto_worker.drawing_checkpoints import FLOWMINI, TEXT_ENCODER, DrawingCheckpoint, drawing_checkpoint
from impasto_worker.engine_orders import Drawn, EngineCheckpoint
from impasto_worker.handling import JobContext
from impasto_worker.pipeline_files import DIFFUSERS, find_adapter, pipeline_folder
from impasto_worker.pretrained import weights

Adapters = tuple[tuple[Path, float], ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One picture of the grid."""

    prompt: int
    seed: int
    style: str | None


def generate(context: JobContext, params: GenerateTextToImage) -> Outcome:
    """Runs in the worker's slot.

    Raises:
        NotFound: the checkpoint or the picture.
        Conflict: the checkpoint does not draw from words; it or an adapter is not measured, and was to be.
        InvalidInput: a style that the checkpoint does not know, or adapters for a family that takes none.
        JobFailed: it cannot draw what is asked for, or weights are missing.
    """
    checkpoint = drawing_checkpoint(context, params.checkpoint)
    if not checkpoint.measured and not params.allow_unmeasured:
        raise not_measured(params.checkpoint, "params.checkpoint")
    if checkpoint.family == FLOWMINI:
        weights(context.tools.models, TEXT_ENCODER)
    _require_styles(checkpoint, params)
    adapters = _adapters(context, checkpoint, params)
    styles: list[str | None] = [*params.styles] or [None]
    wanted = [_Wanted(*place) for place in itertools.product(range(len(params.prompts)), params.seeds, styles)]
    start = context.picture(params.picture) if params.picture else None
    drawn = context.draw(
        EngineCheckpoint(checkpoint.family, checkpoint.folder, checkpoint.key, checkpoint.weights_bytes),
        [_request(params, one, start, adapters) for one in wanted],
    )
    return _outcome(context, params, checkpoint, wanted, drawn)


def _require_styles(checkpoint: DrawingCheckpoint, params: GenerateTextToImage) -> None:
    known: list[str] = checkpoint.config.get("config", {}).get("styles", [])
    if unknown := sorted(set(params.styles) - set(known)):
        raise InvalidInput(
            "value_invalid",
            f"{params.checkpoint} knows no style {unknown[0]!r}",
            field="params.styles",
            limit=known,
            hint="name one of its styles, or describe the style in the prompt",
        )


def _adapters(context: JobContext, checkpoint: DrawingCheckpoint, params: GenerateTextToImage) -> Adapters:
    """Folders and weights. What is asked for and would not count is refused, not left out."""
    if params.adapters and checkpoint.family != DIFFUSERS:
        raise InvalidInput(
            "value_invalid",
            f"{params.checkpoint} is of the family {checkpoint.family}, which takes no adapters here",
            field="params.adapters",
            limit=0,
            actual=len(params.adapters),
        )
    found = [find_adapter(context, one.checkpoint, params.checkpoint, checkpoint.sha256) for one in params.adapters]
    for place, adapter in enumerate(found):
        if not adapter.measured and not params.allow_unmeasured:
            raise not_measured(adapter.id, f"params.adapters.{place}.checkpoint")
    return tuple(
        (pipeline_folder(context, adapter), one.weight) for adapter, one in zip(found, params.adapters, strict=True)
    )


def _request(params: GenerateTextToImage, one: _Wanted, start: Path | None, adapters: Adapters) -> DrawingRequest:
    return DrawingRequest(
        prompt=params.prompts[one.prompt],
        seed=one.seed,
        steps=params.steps,
        guidance=params.guidance,
        style_guidance=params.style_guidance,
        style={one.style: 1.0} if one.style else {},
        negative_prompt=params.negative_prompt,
        width=params.width,
        height=params.height,
        picture=start,
        strength=params.strength,
        adapters=adapters,
    )


def _outcome(
    context: JobContext,
    params: GenerateTextToImage,
    checkpoint: DrawingCheckpoint,
    wanted: list[_Wanted],
    drawn: Drawn,
) -> Outcome:
    pictures = [
        DrawnPicture(
            artifact=context.put(picture.path),
            prompt=one.prompt,
            style=one.style,
            seed=one.seed,
            width=picture.width,
            height=picture.height,
        )
        for one, picture in zip(wanted, drawn.pictures, strict=True)
    ]
    grid = None
    if params.grid and len(pictures) > 1:
        paths = [picture.path for picture in drawn.pictures]
        grid = context.put(lay_out(paths, max(1, len(params.styles)), context.folder / "grid.png"))
    result = GeneratedTextToImage(
        pictures=pictures, grid=grid, waited_seconds=round(drawn.waited_s, 3), compute_seconds=round(drawn.drawn_s, 3)
    )
    made = dict.fromkeys(f"sha256:{picture.artifact.sha256}" for picture in pictures)
    used = dict.fromkeys((checkpoint.node, *(one.checkpoint for one in params.adapters)))
    edges = [Edge(source=source, target=picture, relation="used_by") for source in used for picture in made]
    if params.picture:
        edges += [Edge(source=params.picture, target=picture, relation="content_of") for picture in made]
    return Outcome(result, edges=tuple(edges))
