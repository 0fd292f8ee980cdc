"""The handlers of the queue `train`."""

from __future__ import annotations

from typing import Final

from impasto.kinds import train_style_classifier, train_text_to_image
from impasto_train.figures import STEPS
from impasto_train.style_classifier.handler import train
from impasto_train.text_to_image.handler import train as train_text
from impasto_worker.handling import Handler

HANDLERS: Final = [Handler(train_style_classifier.KIND, train), Handler(train_text_to_image.KIND, train_text)]
for _handler in HANDLERS:
    STEPS.labels(_handler.kind.name)
