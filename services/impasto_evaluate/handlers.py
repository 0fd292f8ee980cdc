"""The handlers of the queue `evaluate`."""

from __future__ import annotations

from typing import Final

from impasto.kinds import evaluate_checkpoint, evaluate_text_to_image
from impasto_evaluate.checkpoint import handler as checkpoint
from impasto_evaluate.text_to_image import handler as text_to_image
from impasto_worker.handling import Handler

HANDLERS: Final = [
    Handler(evaluate_checkpoint.KIND, checkpoint.evaluate),
    Handler(evaluate_text_to_image.KIND, text_to_image.evaluate),
]
