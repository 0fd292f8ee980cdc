"""From a request to the arguments of a pipeline's own call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps

from impasto_ml.data.pictures import flatten
from impasto_ml.data.pictures import open_picture as open_any
from impasto_ml.families.text_to_image import DrawingRequest

from .architectures import Architecture

# The timestep-distilled Flux was taught with prompts of this many tokens, the other with the pipeline's own 512.
_FAST_FLUX_WORDS = 256


def check_request(request: DrawingRequest, architecture: Architecture) -> None:
    """Raises ValueError for what this family or this architecture cannot do."""
    if request.style:
        raise ValueError("this checkpoint knows no styles by name; give adapters instead")
    if request.steps < 1:
        raise ValueError("steps must be at least 1")
    if not 0 <= request.strength <= 1:
        raise ValueError("strength must be 0 to 1")
    if not 0 <= request.seed < 1 << 63:
        raise ValueError("seed must be 0 to 2**63 - 1")
    if request.picture is not None and architecture.from_picture is None:
        raise ValueError(f"{architecture.name} does not start from a picture")


def open_picture(path: Path, size: tuple[int, int]) -> Image.Image:
    """The picture in RGB, on white where it is transparent, cropped to the shape of `size` and scaled to it.

    Raises ValueError if it cannot be read.
    """
    try:
        return ImageOps.fit(flatten(open_any(path)), size, Image.Resampling.LANCZOS)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("the picture cannot be read") from error


def arguments(
    request: DrawingRequest, architecture: Architecture, size: tuple[int, int], *, embedded: bool
) -> dict[str, Any]:
    """For `pipeline(**arguments)`. `embedded`: the network was told the scale of guidance in training."""
    given: dict[str, Any] = {
        "prompt": request.prompt,
        "num_inference_steps": request.steps,
        # Noise is made on the CPU, so that a seed means the same picture on every device.
        "generator": torch.Generator("cpu").manual_seed(request.seed),
        **architecture.arguments,
        **_guidance(request, architecture, embedded),
    }
    if architecture.embedded_guidance and not embedded:
        given["max_sequence_length"] = _FAST_FLUX_WORDS
    if request.negative_prompt:
        given["negative_prompt"] = request.negative_prompt
    if request.picture is None:
        given |= {"width": size[0], "height": size[1]}
    else:
        # The picture has this size; not every pipeline takes it a second time.
        given |= {"image": open_picture(request.picture, size), "strength": request.strength}
        if architecture.packed:
            given |= {"width": size[0], "height": size[1]}
    return given


def _guidance(request: DrawingRequest, architecture: Architecture, embedded: bool) -> dict[str, float]:
    if architecture.embedded_guidance is None:
        return {architecture.guidance: request.guidance}
    if request.negative_prompt:
        return {architecture.guidance: request.guidance, architecture.embedded_guidance: 1.0}
    return {architecture.embedded_guidance: request.guidance if embedded else 0.0}
