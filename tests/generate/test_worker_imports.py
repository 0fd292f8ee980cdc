"""A worker's own process holds leases and must stay light: what computes is imported by its runners alone."""

from __future__ import annotations

import subprocess
import sys

_PROBE = """
import sys
from impasto_worker.handling import load_handlers
import impasto_worker.process
handlers = load_handlers(["preprocess", "train", "evaluate", "generate", "analyse"])
print(sorted(handlers))
print(sorted({"torch", "onnxruntime", "ncnn", "tokenizers"} & set(sys.modules)))
"""


def test_a_worker_with_every_handler_imports_nothing_that_computes() -> None:
    done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=True)
    handlers, heavy = done.stdout.splitlines()
    assert handlers == str(
        [
            "analyse.artwork",
            "checkpoint.import",
            "dataset.prepare",
            "evaluate.checkpoint",
            "evaluate.text_to_image",
            "generate.stylise",
            "generate.text_to_image",
            "generate.upscale",
            "train.style_classifier",
            "train.text_to_image",
        ]
    )
    assert heavy == "[]"
