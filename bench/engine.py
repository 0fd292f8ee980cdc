"""`engine.batched_images_ratio`: sixteen drawing jobs of mixed length at once against one by one, through the API."""

from __future__ import annotations

import statistics
import time
from typing import Any, Final

from bench.platform import models_folder, platform
from bench.rows import Row, keep
from impasto.kinds.generate_text_to_image import GenerateTextToImage

JOBS: Final = 16
RUNS: Final = 3
TARGET: Final = 2.2
_STEPS: Final = (10, 20, 30, 40)
_PROMPTS: Final = ("a red heart", "a fox", "a rocket", "a blue star at the top")


def run() -> list[Row]:
    """Alternates both ways on one worker whose engine is warm; one core computes, as on a device with one queue."""
    with platform(models=models_folder()) as stack, stack.client() as client:
        stack.start_gateway()
        stack.start_reconciler()
        stack.start("impasto_worker", "worker", "--name", "draws", "--queues", "generate", "--threads", "1")
        client.run(_job(0))  # the engine is up and holds the checkpoint
        alone, together = [], []
        for _ in range(RUNS):
            alone.append(_timed(lambda: [client.run(_job(number)) for number in range(JOBS)]))
            together.append(_timed(lambda: [job.wait() for job in [client.submit(_job(n)) for n in range(JOBS)]]))
    one, many = JOBS / statistics.median(alone), JOBS / statistics.median(together)
    ratio = many / one
    return [
        keep(
            Row(
                name="engine.batched_images_ratio",
                figure=round(many, 3),
                unit="images/s",
                peer="the same jobs one after the other",
                peer_figure=round(one, 3),
                ratio=round(ratio, 3),
                target=TARGET,
                ok=ratio >= TARGET,
                runs=RUNS,
            )
        )
    ]


def _job(number: int) -> GenerateTextToImage:
    return GenerateTextToImage(
        prompts=[_PROMPTS[number % len(_PROMPTS)]], seeds=[number], steps=_STEPS[number % len(_STEPS)], grid=False
    )


def _timed(work: Any) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
