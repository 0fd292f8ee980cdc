"""A worker's process: Celery delivers bells to its slots; leases, progress and runners are kept beside."""

from __future__ import annotations

import logging
import os
import signal
import socket
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from celery import Celery, signals
from prometheus_client import Counter
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto.backends.bells import TASK, VERSION, Bells, celery_app, worker_queue
from impasto.backends.disk import watch_disk
from impasto.backends.metrics import serve_metrics
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.artifacts import PostgresArtifacts
from impasto.backends.postgres.artworks import PostgresArtworks
from impasto.backends.postgres.catalogue import PostgresCatalogue
from impasto.backends.postgres.failures import count_lost
from impasto.backends.postgres.finishing import PostgresFinisher
from impasto.backends.postgres.logs import PostgresLogs
from impasto.backends.postgres.pools import engine_pool
from impasto.backends.postgres.queue import ClaimPolicy, PostgresQueue
from impasto.backends.postgres.trainings import PostgresTrainings
from impasto.backends.telemetry.process import begin_telling, end_telling
from impasto.checkpoints import checkpoint_of
from impasto.settings import Settings
from impasto.workers import Holding
from impasto_worker.active import ActiveJobs
from impasto_worker.attempt_trace import heard_bell
from impasto_worker.figures import BELLS, DeviceFigures
from impasto_worker.handling import Tools, load_handlers
from impasto_worker.lease_keeper import LeaseKeeper
from impasto_worker.log_writer import LogWriter
from impasto_worker.memory import DeviceMemory
from impasto_worker.progress import ProgressWriter
from impasto_worker.ringing import Ringing
from impasto_worker.runners import Runners, RunnerSettings
from impasto_worker.slots import Slots
from impasto_worker.transfer import Transfer
from impasto_worker.worker_folders import WorkerFolders

_LOG = logging.getLogger("impasto.worker")
DROPPED: Final = Counter("impasto_messages_dropped", "Messages in a queue that were no bells")
# A slot needs one only when its job begins, ends or stores something.
_MOST_CONNECTIONS: Final = 8


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker was started. `slots`: jobs at once; `drawings`: as many of those that are drawn in one engine."""

    name: str
    queues: list[str]
    device: str
    slots: int
    threads: int
    drawings: int = 1

    @property
    def concurrency(self) -> int:
        """Threads that take jobs."""
        return max(self.slots, self.drawings)


def run_worker(settings: Settings, options: WorkerOptions) -> None:
    """Consumes the queues until SIGTERM; what runs then is given back at no cost to the jobs."""
    settings.require("engine_database_url", "redis_url", "s3_endpoint")
    begin_telling(settings, "worker")
    folders = WorkerFolders(settings.data_folder, options.name)
    # A worker gives back what its predecessor of the same name held: two at once would steal from one another.
    with folders.held():
        folders.remove_abandoned()
        _serve(settings, options, folders)
    end_telling()


def _serve(settings: Settings, options: WorkerOptions, folders: WorkerFolders) -> None:
    ringing, app = Ringing(Bells(settings.redis_url)), celery_app(settings.redis_url, on_rubbish=DROPPED.inc)
    queue, slots, runners = _assemble(settings, options, ringing, folders)
    memory = DeviceMemory(options.device)
    app.conf.worker_pool = "impasto_worker.thread_pool:TaskPool"
    register_bell(app, slots)
    keeper = LeaseKeeper(
        queue,
        slots.active,
        every_s=min(2.0, float(settings.lease_s) / 3),
        on_idle=lambda: _tidy(runners, slots, folders, float(settings.runner_idle_s)),
        holding=lambda: _holding(slots, memory),
        on_turn=lambda: _say_alive(settings, folders),
        claimed=slots.handed,
    )
    slots.keeper = keeper

    @signals.setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]
    def _keep_our_logging(**_: Any) -> None:
        """Celery sets up none of its own when somebody answers this signal."""

    @signals.worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]  # celery has no types
    def _ready(**_: Any) -> None:
        settings.say_ready()
        # Jobs may have been waiting since before this worker: nobody rings for those now.
        _call_slots(ringing, options)

    @signals.worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
    def _drain(**_: Any) -> None:
        slots.drain()

    signal.signal(signal.SIGTERM, _end_well)
    with suppress(_ToldToStop):
        _begin(settings, options, queue, slots, keeper, memory)
        app.worker_main(_arguments(options))
    slots.finish()
    keeper.stop()
    runners.close_idle()
    slots.tools.logs.flush()
    with suppress(OperationalError, PoolTimeout):  # then it is missed until it is forgotten
        queue.say_goodbye()


def _begin(
    settings: Settings,
    options: WorkerOptions,
    queue: PostgresQueue,
    slots: Slots,
    keeper: LeaseKeeper,
    memory: DeviceMemory,
) -> None:
    """Makes this worker known, takes back what its earlier life left, and lets others look at it."""
    queue.register(
        host=socket.gethostname(),
        pid=os.getpid(),
        device=options.device,
        slots=options.slots,
        places=options.concurrency,
        kinds=slots.kinds,
        memory_bytes=memory.now().total_bytes,
    )
    for moved in (left := queue.give_back_predecessors()):
        _LOG.warning("%s was left by an earlier life of this worker: now %s", moved.job_id, moved.state)
    count_lost((moved.kind for moved in left), "worker_restarted")
    keeper.start()
    watch_disk(settings.data_folder)
    serve_metrics(settings, DeviceFigures(options.device, slots.active))


class _ToldToStop(SystemExit):
    """Before Celery listens: there is nothing to drain."""


def _end_well(*_: object) -> None:
    """A worker that is told to stop while it starts ends as one that has drained. Celery takes over when it listens."""
    raise _ToldToStop(0)


def _assemble(
    settings: Settings, options: WorkerOptions, ringing: Ringing, folders: WorkerFolders
) -> tuple[PostgresQueue, Slots, Runners]:
    handlers = load_handlers(options.queues)
    # Slots, ends that are written behind them, and what keeps leases, progress and logs.
    connections = min(options.concurrency, _MOST_CONNECTIONS) + min(options.slots, _MOST_CONNECTIONS) + 3
    pool = engine_pool(settings.engine_database_url, most=connections, plan_once=True)
    queue = PostgresQueue(
        pool,
        worker=options.name,
        instance=uuid.uuid4().hex,
        queues=options.queues,
        lease_s=float(settings.lease_s),
        kinds=handlers,
        policy=ClaimPolicy(float(settings.class_s), float(settings.warm_s), float(settings.leave_s)),
    )
    # A cache of its own: a worker trims it while none of its jobs runs, and knows of no other worker's.
    cache = folders.cache
    runners = Runners(
        RunnerSettings(
            options.threads,
            {
                "IMPASTO_DEVICE": options.device,
                "IMPASTO_LOG_FORMAT": settings.log_format,
                "IMPASTO_LOG_LEVEL": settings.log_level.upper(),
                "IMPASTO_ENGINE_MEMORY_BYTES": settings.engine_memory_bytes,
                "IMPASTO_ENGINE_WIDTH": settings.engine_width,
            },
        ),
        width=options.slots,
    )
    tools = Tools(
        artworks=PostgresArtworks(pool),
        catalogue=PostgresCatalogue(pool),
        trainings=PostgresTrainings(pool),
        transfer=Transfer(S3Objects(settings), PostgresArtifacts(pool), cache / "objects", settings.cache_most_bytes),
        progress=ProgressWriter(queue),
        logs=LogWriter(PostgresLogs(pool)),
        runners=runners,
        models=settings.models_folder,
        backbones=settings.backbones_folder,
        imports=settings.imports_folder,
        hub=settings.imports_from_hub,
        cache=cache,
        device=options.device,
    )
    slots = Slots(
        queue=queue,
        finisher=PostgresFinisher(pool, ringing.ring),
        handlers=handlers,
        tools=tools,
        active=ActiveJobs(),
        work_folder=folders.work,
        on_news=ringing.tell,
        call_slots=lambda: _call_slots(ringing, options),
        ring=ringing.ring,
        say=tools.logs.say_now,
        ring_worker=lambda name: ringing.ring(worker_queue(name)),
        loaded=lambda: map(checkpoint_of, runners.loaded()),
        places={"engine": options.concurrency, "pool": options.slots, "run": options.slots},
    )
    return queue, slots, runners


def register_bell(app: Celery, slots: Slots) -> None:
    """Makes `impasto.work` this worker's one task. Anything but a bell of our version is logged and dropped."""

    @app.task(name=TASK, bind=True)  # type: ignore[untyped-decorator]
    def work(self: Any, **body: Any) -> None:
        if body.get("v") != VERSION or not isinstance(body.get("queue"), str):
            DROPPED.inc()
            _LOG.error("dropped a message that is no bell of version %d", VERSION)
            return
        heard_bell(self.request.headers)
        BELLS.labels("job" if slots.work() else "nothing").inc()


def _call_slots(ringing: Ringing, options: WorkerOptions) -> None:
    """A bell for each slot, by this worker's own queue: no other hears them. A slot looks into all of its queues."""
    for _ in range(options.concurrency):
        ringing.ring(worker_queue(options.name))


def _tidy(runners: Runners, slots: Slots, folders: WorkerFolders, idle_s: float) -> None:
    runners.close_idle(idle_s)
    slots.tools.transfer.trim(slots.active.newest_at)
    folders.remove_abandoned()


def _say_alive(settings: Settings, folders: WorkerFolders) -> None:
    settings.say_alive()
    folders.say_alive()


def _holding(slots: Slots, memory: DeviceMemory) -> Holding:
    running = len(slots.active.snapshot())
    loaded = dict.fromkeys(map(checkpoint_of, slots.tools.runners.loaded()))
    return Holding(running, memory.now().used_bytes, tuple(loaded))


def _arguments(options: WorkerOptions) -> list[str]:
    return [
        "--quiet",  # its banner is no log line
        "worker",
        f"--concurrency={options.concurrency}",
        # One of its own, for a job that another worker leaves to this one.
        f"--queues={','.join([*options.queues, worker_queue(options.name)])}",
        f"--hostname={options.name}@%h",
        "--without-gossip",
        "--without-mingle",
        "--heartbeat-interval=10",
    ]
