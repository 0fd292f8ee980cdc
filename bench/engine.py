"""`engine.batched_images_ratio`: sixteen drawing jobs of mixed length at once against one by one, through the API."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.rows import Row, keep
from impasto.backends.objects import S3Objects
from impasto.kinds.generate_text_to_image import GenerateTextToImage
from impasto.settings import Settings
from impasto.testing.databases import cloned_database, make_template
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack, stack_settings

JOBS: Final = 16
RUNS: Final = 3
TARGET: Final = 2.2
_STEPS: Final = (10, 20, 30, 40)
_PROMPTS: Final = ("a red heart", "a fox", "a rocket", "a blue star at the top")


def run() -> list[Row]:
    """Alternates both ways on one worker whose engine is warm; one core computes, as on a device with one queue."""
    with _platform() as stack, stack.client() as client:
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


@contextmanager
def _platform() -> Iterator[Stack]:
    models = os.environ.get("IMPASTO_MODELS", str(Path(".impasto/models").absolute()))
    with tempfile.TemporaryDirectory() as folder, Servers() as servers:
        make_template(servers.admin_url)
        with cloned_database(servers.admin_url) as urls:
            base = Settings.from_environment(
                {
                    "IMPASTO_DATABASE_URL": urls.api,
                    "IMPASTO_ENGINE_DATABASE_URL": urls.engine,
                    "IMPASTO_REDIS_URL": servers.redis_url,
                    "IMPASTO_S3_ENDPOINT": servers.s3_endpoint,
                    "IMPASTO_S3_ACCESS_KEY": servers.s3_access_key,
                    "IMPASTO_S3_SECRET_KEY": servers.s3_secret_key,
                    "IMPASTO_WEBHOOK_SECRET_KEY": "only-for-measuring-" * 2,
                }
            )
            stack = Stack(stack_settings(base, Path(folder), models=models), Path(folder))
            S3Objects(stack.settings).ensure_bucket()
            try:
                stack.start_gateway()
                stack.start_reconciler()
                stack.start("impasto_worker", "worker", "--name", "draws", "--queues", "generate", "--threads", "1")
                yield stack
            finally:
                stack.stop()
