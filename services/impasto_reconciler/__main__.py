"""The reconciler's process: `python -m impasto_reconciler`."""

from __future__ import annotations

import signal
import threading

from impasto.backends.bells import Bells
from impasto.backends.metrics import serve_metrics
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.failures import expect_failures
from impasto.backends.postgres.pools import engine_pool
from impasto.backends.telemetry.process import begin_telling, end_telling
from impasto.kinds import all_kinds
from impasto.settings import Settings
from impasto_reconciler.figures import Figures
from impasto_reconciler.scheduler import Scheduler
from impasto_reconciler.sweeps import Sweeper
from impasto_reconciler.tidying import Kept, Tidier


def main() -> None:
    """Sweeps every few seconds, and meets schedules and tidies beside that, until it is told to stop."""
    settings = Settings.from_environment().require("engine_database_url", "redis_url", "s3_endpoint")
    begin_telling(settings, "reconciler")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    objects = S3Objects(settings)
    with engine_pool(settings.engine_database_url, most=5) as pool:
        sweeper = Sweeper(pool, Bells(settings.redis_url), objects, grace_s=float(settings.grace_s))
        expect_failures(all_kinds())
        serve_metrics(settings, Figures(pool))
        scheduler = Scheduler(settings.engine_database_url, Bells(settings.redis_url))
        tidier = Tidier(pool, objects, Kept.by(settings))
        scheduler.start()
        tidier.start()
        settings.say_ready()
        while not ended.is_set():
            settings.say_alive()
            sweeper.sweep()
            ended.wait(float(settings.sweep_s))
        scheduler.stop()
        tidier.stop()
    end_telling()


if __name__ == "__main__":
    main()
