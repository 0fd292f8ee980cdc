"""The bell: a Celery message that says "there is something in this queue". Redis holds nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis
from celery import Celery

from impasto.backends.broker import BrokerConnection
from impasto.backends.telemetry import spans

TASK: Final = "impasto.work"
VERSION: Final = 1
KEY_PREFIX: Final = "impasto:"
# News of jobs, by their identifiers with spaces between; and of a tenant's jobs, by the tenant's or `*` for
# whosever they are.
EVENTS_CHANNEL: Final = "impasto:events"
TENANTS_CHANNEL: Final = "impasto:tenants"
ANY_TENANT: Final = "*"
_RINGS_WITHIN_S: Final = 2.0


def worker_queue(name: str) -> str:
    """The queue in which a worker hears bells meant for it alone."""
    return f"worker.{name}"


def celery_app(
    redis_url: str, *, socket_timeout_s: float = 10, on_rubbish: Callable[[], None] = lambda: None
) -> Celery:
    """The Celery application, the same in every process. Reasons for each setting: docs/decisions/0003.

    `on_rubbish` is called for each message that was none and was dropped.
    """
    app = Celery("impasto", broker=redis_url, backend=None)
    app.amqp.Connection = type("Connection", (BrokerConnection,), {"dropped": staticmethod(on_rubbish)})
    app.conf.update(
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": KEY_PREFIX,
            "socket_timeout": socket_timeout_s,
            "socket_connect_timeout": min(5, socket_timeout_s),
            "socket_keepalive": True,
            "health_check_interval": 5,
            "ack_emulation": False,
            "visibility_timeout": 3600,
        },
        task_acks_late=False,
        task_reject_on_worker_lost=False,
        task_retry_on_worker_lost=False,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_create_missing_queues=True,
        task_publish_retry_policy={"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 1},
        worker_hijack_root_logger=False,
        # Who watches asks the workers for them. Each is a message of its own: a bell would cost three times as much.
        worker_send_task_events=False,
        task_send_sent_event=False,
    )
    return app


class Bells:
    """Rings bells and says that a job has a new event."""

    def __init__(self, redis_url: str) -> None:
        # A Redis that is silent and does not refuse holds up whoever rings for twice so long.
        self._app = celery_app(redis_url, socket_timeout_s=_RINGS_WITHIN_S)
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=5
        )

    def ring(self, queue: str, traceparent: str | None = None) -> None:
        """Puts a bell into the queue.

        Raises:
            kombu.exceptions.OperationalError: Redis does not answer; the bell stays in the outbox.
        """
        if traceparent is None:
            self._send(queue, {})
            return
        with spans.span(f"send {queue}", "producer", parent=traceparent, attributes=_sent(queue)) as span:
            self._send(queue, {"traceparent": span.traceparent or traceparent})

    def _send(self, queue: str, headers: dict[str, Any]) -> None:
        self._app.send_task(
            TASK, kwargs={"v": VERSION, "queue": queue}, queue=queue, headers=headers, ignore_result=True,
            argsrepr="", kwargsrepr="",  # nobody reads them
            declare=[],  # who hears declares it; what is sent lies in the list of that name, declared or not
            # Once more, because the first may have gone into a connection of before an outage.
            retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0},
        )  # fmt: skip

    def waiting(self, queue: str) -> int:
        """How many bells lie in the queue."""
        return int(self._redis.llen(KEY_PREFIX + queue))

    def tell(self, job_ids: list[str], tenant_id: str | None = ANY_TENANT) -> None:
        """Wakes readers of these jobs' events, and of their tenant's. A lost call costs them their two-second poll."""
        with self._redis.pipeline(transaction=False) as pipe:
            if job_ids:
                pipe.publish(EVENTS_CHANNEL, " ".join(job_ids))
            if tenant_id is not None:
                pipe.publish(TENANTS_CHANNEL, tenant_id)
            pipe.execute()


def _sent(queue: str) -> spans.Attributes:
    return {
        "messaging.system": "celery",
        "messaging.destination.name": queue,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
    }
