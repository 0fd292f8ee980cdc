"""The handlers of the queue `generate`."""

from __future__ import annotations

from typing import Final

from impasto.kinds import generate_stylise, generate_text_to_image, generate_upscale
from impasto_generate.stylise.handler import stylise
from impasto_generate.text_to_image.handler import generate
from impasto_generate.upscale.handler import upscale
from impasto_worker.handling import Handler

HANDLERS: Final = [
    Handler(generate_text_to_image.KIND, generate),
    Handler(generate_stylise.KIND, stylise),
    Handler(generate_upscale.KIND, upscale),
]
