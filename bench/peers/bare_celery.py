"""Celery by itself: works until COUNT tasks ran, then writes the time (`URL COUNT FILE THREADS`)."""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path
from typing import Any

from celery import Celery

QUEUE = "bare"


def bare_app(url: str) -> Celery:
    """Celery as its documentation begins it, with a thread pool as wide as the platform's worker."""
    app = Celery("bare", broker=url, backend=None)
    app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=4, task_default_queue=QUEUE)
    return app


def main(url: str, count: int, done: Path, threads: int) -> None:
    app, ran = bare_app(url), itertools.count(1)

    @app.task(name="noop")  # type: ignore[untyped-decorator]  # celery has no types
    def noop() -> None:
        if next(ran) == count:
            done.write_text(str(time.time()))

    arguments: list[Any] = [
        "worker",
        "--pool=threads",
        f"--concurrency={threads}",
        "--loglevel=ERROR",
        "--queues",
        QUEUE,
    ]
    app.worker_main([*arguments, "--without-gossip", "--without-mingle", "--without-heartbeat"])


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
