"""Nothing is lost: not by kill -9 of the notifier, not by a database that is away, not between two commits."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg

from impasto.testing.processes import eventually
from tests.asking import ended, submit
from tests.notifier.hooks import Hooks
from tests.notifier.receiver import Receiver, silence, status

Receiving = Callable[..., Receiver]


def test_what_a_killed_notifier_was_sending_is_sent_by_the_next(own_hooks: Hooks, receiving: Receiving) -> None:
    hooks = own_hooks
    receiver = receiving()
    hooks.active(receiver)
    receiver.answers += [silence, silence]
    told = {hooks.cancel_a_job() for _ in range(6)}
    receiver.waits_for("job.canceled", 2)
    hooks.notifier.kill()
    # The leases of the dead are not waited for in a test.
    hooks.stack.sql("UPDATE webhook_deliveries SET lease_until = now() WHERE lease_until IS NOT NULL")
    told |= {hooks.cancel_a_job() for _ in range(2)}
    hooks.notifier = hooks.stack.start_notifier()
    rows = hooks.ended(1 + len(told))
    assert {row["job_id"] for row in rows if row["state"] == "delivered"} >= told
    assert all(row["attempt"] == 1 for row in rows), "an attempt that was cut short is not counted"
    by_job = {sent.event["data"]["job_id"] for sent in receiver.of_type("job.canceled")}
    assert by_job == told


def test_a_lease_that_is_held_keeps_a_second_notifier_away(own_hooks: Hooks, receiving: Receiving) -> None:
    hooks = own_hooks
    receiver = receiving()
    hooks.active(receiver)
    gate = threading.Event()
    receiver.answers.append(lambda connection: (gate.wait(20), status(200)(connection))[1])
    hooks.cancel_a_job()
    receiver.waits_for("job.canceled")
    hooks.stack.start_notifier()
    other = receiving()
    hooks.active(other)
    gate.set()
    hooks.ended(3)
    assert len(receiver.of_type("job.canceled")) == 1


def test_a_notifier_paused_beyond_its_lease_cannot_record_what_another_has_recorded(
    own_hooks: Hooks, receiving: Receiving
) -> None:
    hooks = own_hooks
    receiver = receiving()
    hooks.active(receiver)
    receiver.answers.append(silence)
    hooks.cancel_a_job()
    receiver.waits_for("job.canceled")
    hooks.notifier.signal(signal.SIGSTOP)
    hooks.stack.sql("UPDATE webhook_deliveries SET lease_until = now() WHERE lease_until IS NOT NULL")
    hooks.stack.start_notifier()
    assert hooks.ended(2)[-1]["state"] == "delivered"
    hooks.notifier.signal(signal.SIGCONT)
    hooks.notifier.stop()
    assert [row["state"] for row in hooks.deliveries()] == ["delivered", "delivered"]


def test_a_notifier_that_is_told_to_stop_gives_back_what_it_cannot_end(own_hooks: Hooks, receiving: Receiving) -> None:
    hooks = own_hooks
    receiver = receiving()
    hooks.active(receiver)
    receiver.answers.append(silence)
    hooks.cancel_a_job()
    receiver.waits_for("job.canceled")
    hooks.notifier.stop()
    look = "SELECT state, lease_until FROM webhook_deliveries WHERE state = 'waiting'"
    assert hooks.stack.sql(look) == [("waiting", None)]
    hooks.stack.start_notifier()
    receiver.waits_for("job.canceled", 2)


def test_a_slow_receiver_has_four_at_once_and_does_not_hold_up_another(hooks: Hooks, receiving: Receiving) -> None:
    slow, quick = receiving(), receiving()
    hooks.active(slow, events=["job.canceled"])
    hooks.active(quick, events=["job.canceled"])
    slow.otherwise = silence
    for _ in range(12):
        hooks.cancel_a_job()
    quick.waits_for("job.canceled", 12, most_s=10)
    assert slow.most_at_once == 4
    assert len(slow.of_type("job.canceled")) == 4


def test_callbacks_of_one_tenant_to_one_place_share_the_four(hooks: Hooks, receiving: Receiving) -> None:
    slow, quick = receiving(silence), receiving()
    for _ in range(8):
        hooks.cancel_a_job(callback={"url": slow.url})
        hooks.cancel_a_job(callback={"url": quick.url})
    quick.waits_for("job.canceled", 8, most_s=10)
    assert slow.most_at_once == 4


def test_the_delivery_is_in_the_commit_of_the_event_or_neither_is(own_hooks: Hooks, receiving: Receiving) -> None:
    hooks = own_hooks
    hooks.notifier.kill()
    hooks.stack.sql("UPDATE webhook_endpoints SET state = 'active'")
    receiver = receiving()
    endpoint_id = hooks.add(receiver)["endpoint"]["id"]
    hooks.stack.sql("UPDATE webhook_endpoints SET state = 'active' WHERE id = %s", [endpoint_id])
    job_id = submit(hooks.stack, "test.stamp", {"text": "a"})["id"]
    told = "SELECT count(*) FROM webhook_deliveries d JOIN webhook_events v ON v.id = d.event_id WHERE v.job_id = %s"
    finish = """INSERT INTO job_events (tenant_id, job_id, number, type, data)
                SELECT tenant_id, id, 2, 'job.failed', '{"code": "time_limit"}' FROM jobs WHERE id = %s"""
    url = hooks.stack.settings.engine_database_url
    with psycopg.connect(url) as worker:
        worker.execute(finish, [job_id])
        assert worker.execute(told, [job_id]).fetchone() == (1,)
        assert hooks.stack.sql(told, [job_id]) == [(0,)]
        # kill -9 of whoever was committing.
        hooks.stack.sql("SELECT pg_terminate_backend(%s)", [worker.info.backend_pid])
        with suppress(psycopg.OperationalError):
            worker.commit()
    events = "SELECT count(*) FROM job_events WHERE job_id = %s AND number = 2"
    assert (hooks.stack.sql(told, [job_id]), hooks.stack.sql(events, [job_id])) == ([(0,)], [(0,)])
    hooks.stack.sql(finish, [job_id])
    assert (hooks.stack.sql(told, [job_id]), hooks.stack.sql(events, [job_id])) == ([(1,)], [(1,)])


def test_every_way_in_which_a_job_moves_is_told(own_hooks: Hooks, receiving: Receiving, tmp_path: Path) -> None:
    hooks = own_hooks
    receiver = receiving()
    hooks.active(receiver, events=["job.*"])
    hooks.stack.start_worker("w", ["test"])
    hooks.stack.start_reconciler()
    well = submit(hooks.stack, "test.stamp", {"text": "hello"})["id"]
    ended(hooks.stack, well)
    gate = tmp_path / "gate"
    gate.touch()
    late = submit(hooks.stack, "test.stamp", {"text": "a", "gate": str(gate), "pause_at": "compute"})["id"]
    receiver.waits_for("job.started", 2)
    overdue = submit(hooks.stack, "generate.text_to_image", {"prompts": ["a fox"]}, deadline_s=0.1)["id"]
    ended(hooks.stack, overdue)
    gate.unlink()
    ended(hooks.stack, late)
    receiver.waits_for("job.succeeded", 2)
    receiver.waits_for("job.failed", 1)
    kept = hooks.stack.sql("SELECT job_id, number, type FROM job_events WHERE type NOT IN ('job.queued')")

    def told() -> bool:
        sent = [s.event for s in receiver.got if s.type.startswith("job.")]
        return sorted((e["data"]["job_id"], e["data"]["sequence"], e["type"]) for e in sent) == sorted(kept)

    eventually(told, "every event has arrived once")
    failed = receiver.of_type("job.failed")[0].event["data"]
    assert (failed["job_id"], failed["state"], failed["error"]) == (overdue, "failed", {"code": "deadline_missed"})


def test_without_redis_webhooks_go_out_all_the_same(own_hooks: Hooks, receiving: Receiving) -> None:
    hooks = own_hooks
    hooks.notifier.kill()
    hooks.notifier = hooks.stack.start("impasto_notifier", IMPASTO_REDIS_URL="redis://127.0.0.1:1/0")
    receiver = receiving()
    hooks.active(receiver)
    hooks.cancel_a_job()
    receiver.waits_for("job.canceled")
