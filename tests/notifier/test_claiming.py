"""Who comes next: no lane, tenant or backlog takes the others' places; and what follows from an attempt's end."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest

from impasto.backends.gate import ResolvingGate
from impasto.testing.databases import DatabaseUrls
from impasto.webhooks import DISABLED_AFTER_S, FORGIVEN_AFTER_S, PING
from tests.notifier.ledger import Rows
from tests.notifier.receiver import Receiver, silence


def test_one_tenant_gets_forty_places_however_many_lanes_it_has(rows: Rows) -> None:
    many, few = rows.endpoint(rows.tenant("many")), rows.endpoint(rows.tenant("few"))
    rows.deliveries(many, 60, lanes=60, days_old=1)
    rows.deliveries(few, 2)
    claimed = rows.claim()
    assert Counter(delivery.tenant_id for delivery in claimed) == {"tnt_many": 40, "tnt_few": 2}
    assert rows.claim(tenants={"tnt_many": 39}).pop().tenant_id == "tnt_many"
    assert rows.claim(tenants={"tnt_many": 40}) == []


def test_a_long_backlog_does_not_hide_another_tenants_single_event_while_places_are_scarce(rows: Rows) -> None:
    many, few = rows.endpoint(rows.tenant("many")), rows.endpoint(rows.tenant("few"))
    rows.deliveries(many, 600, lanes=600, days_old=1)
    rows.deliveries(few, 1)
    (claimed,) = rows.claim(1, tenants={"tnt_many": 39})
    assert claimed.tenant_id == "tnt_few"


def test_four_of_a_lane_and_the_oldest_first(rows: Rows) -> None:
    endpoint = rows.endpoint(rows.tenant("t"))
    newer, older = rows.deliveries(endpoint, 6), rows.deliveries(endpoint, 3, days_old=1)
    claimed = [delivery.event.id for delivery in rows.claim()]
    assert len(claimed) == 4
    assert set(claimed) > set(older)
    assert rows.claim(lanes={endpoint: 4}) == []
    assert {delivery.event.id for delivery in rows.claim(lanes={endpoint: 3})} < set(newer)


def test_what_is_put_off_is_due_later_and_has_lost_no_attempt(rows: Rows) -> None:
    held, other = rows.endpoint(rows.tenant("t")), rows.endpoint(rows.tenant("t"))
    rows.deliveries(held, 3)
    rows.deliveries(other)
    rows.with_deliveries(lambda ledger: ledger.defer({held: 100.0}))
    assert [delivery.endpoint_id for delivery in rows.claim()] == [other]
    look = "SELECT state, attempt, epoch, extract(epoch FROM next_at - now())::float8 FROM webhook_deliveries"
    for state, attempt, epoch, in_s in rows.sql(f"{look} WHERE endpoint_id = %s", held):
        assert (state, attempt, epoch) == ("waiting", 1, 0)
        assert 90 < in_s <= 100


def test_fifty_silent_places_of_one_tenant_hold_up_nobody_else(rows: Rows) -> None:
    slow, quick = Receiver(silence), Receiver()
    hanging = rows.endpoint(rows.tenant("many"), slow.url)
    rows.deliveries(hanging, 60, lanes=60, days_old=1)
    answering = rows.endpoint(rows.tenant("few"), quick.url)

    def served() -> bool:
        if slow.at_once < 40:
            return False
        if not rows.sql("SELECT 1 FROM webhook_deliveries WHERE endpoint_id = %s", answering):
            rows.deliveries(answering, 8)
        return len(quick.got) == 8

    rows.notify_until(served)
    assert slow.most_at_once == 40
    slow.close()
    quick.close()


def test_a_lane_of_timeouts_is_left_alone_and_its_events_keep_their_attempts(rows: Rows) -> None:
    receiver = Receiver(silence)
    endpoint = rows.endpoint(rows.tenant("t"), receiver.url)
    rows.deliveries(endpoint, 20)
    put_off = """SELECT 1 FROM webhook_deliveries WHERE state = 'waiting' AND attempt = 1 AND next_at > now()
                 HAVING count(*) >= 12"""
    rows.notify_until(lambda: rows.sql(put_off), total_s=0.3)
    assert len(receiver.got) <= 8
    ((untouched,),) = rows.sql("SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting' AND attempt = 1")
    assert untouched == 20 - len(receiver.got)
    receiver.close()


def test_a_fault_of_ours_is_a_failed_attempt_and_not_an_endless_one(rows: Rows) -> None:
    async def resolver(host: str, port: int, whose: str) -> list[str]:
        return ["no address at all"]

    rows.deliveries(rows.endpoint(rows.tenant("t"), "https://hooks.example/"))
    look = "SELECT attempt, state, error FROM webhook_deliveries ORDER BY attempt LIMIT 1"
    rows.notify_until(lambda: rows.sql(look)[0][1] != "waiting", gate=ResolvingGate(resolver=resolver))
    assert rows.sql(look) == [(1, "failed", "internal_error")]
    assert rows.sql("SELECT attempt, state FROM webhook_deliveries WHERE state = 'waiting'") == [(2, "waiting")]


def test_a_traceparent_that_is_none_does_not_keep_its_event(rows: Rows) -> None:
    receiver = Receiver()
    (event,) = rows.deliveries(rows.endpoint(rows.tenant("t"), receiver.url))
    rows.sql("UPDATE webhook_events SET traceparent = %s WHERE id = %s", "00-über-01", event)
    rows.notify_until(lambda: receiver.got)
    assert "traceparent" not in receiver.got[0].headers
    receiver.close()


def test_a_pending_endpoint_is_disabled_when_the_last_attempt_of_its_ping_fails(rows: Rows) -> None:
    endpoint = rows.endpoint(rows.tenant("t"), state="pending")
    rows.deliveries(endpoint, 5)
    rows.deliveries(endpoint, type=PING, attempt=9)
    (ninth,) = rows.claim()
    rows.record(ninth, 500)
    assert rows.one(endpoint, "state") == ("pending",)
    rows.sql("UPDATE webhook_deliveries SET next_at = now()")
    (tenth,) = rows.claim()
    rows.record(tenth, 500)
    assert rows.one(endpoint, "state, disabled_reason") == ("disabled", "failing")
    assert rows.sql("SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting'") == [(0,)]


def test_a_pending_endpoint_that_was_asked_anew_is_not_given_up_for_the_old_ping(rows: Rows) -> None:
    endpoint = rows.endpoint(rows.tenant("t"), state="pending")
    rows.deliveries(endpoint, type=PING, attempt=10)
    (last,) = rows.claim()
    rows.deliveries(endpoint, type=PING)
    rows.record(last, 500)
    assert rows.one(endpoint, "state") == ("pending",)


def test_the_count_of_failing_begins_anew_after_a_silence_longer_than_any_pause(rows: Rows) -> None:
    endpoint = rows.endpoint(rows.tenant("t"))
    since = "extract(epoch FROM now() - failing_since)::float8 < 60"
    ago = "UPDATE webhook_endpoints SET {} = now() - make_interval(secs => %s)"
    rows.sql(ago.format("failing_since"), DISABLED_AFTER_S * 4)
    rows.sql(ago.format("failed_at"), FORGIVEN_AFTER_S + 60)
    rows.deliveries(endpoint)
    rows.record(rows.claim()[0], 500)
    assert rows.one(endpoint, f"state, {since}") == ("active", True)
    rows.sql(ago.format("failing_since"), DISABLED_AFTER_S + 60)
    rows.sql(ago.format("failed_at"), FORGIVEN_AFTER_S - 60)
    rows.deliveries(endpoint)
    rows.record(rows.claim()[0], 500)
    assert rows.one(endpoint, "state, disabled_reason") == ("disabled", "failing")


def test_an_attempt_that_ends_after_its_endpoint_was_disabled_is_the_last(rows: Rows) -> None:
    endpoint = rows.endpoint(rows.tenant("t"))
    rows.deliveries(endpoint, 3)
    first, second, third = rows.claim()
    rows.deliveries(endpoint, 2)
    rows.record(first, 410)
    assert rows.one(endpoint, "state, disabled_reason") == ("disabled", "gone")
    assert rows.record(second, 500)
    assert rows.record(third, 200)
    ends = rows.sql("SELECT state, error, count(*) FROM webhook_deliveries GROUP BY 1, 2 ORDER BY 1, 2")
    assert ends == [
        ("delivered", None, 1),
        ("failed", "endpoint_disabled", 2),
        ("failed", "endpoint_gone", 1),
        ("failed", "http_status", 1),
    ]


def test_an_attempt_that_is_cut_off_while_it_is_written_ends_again_and_is_followed_by_the_next(
    rows: Rows, database: DatabaseUrls
) -> None:
    endpoint = rows.endpoint(rows.tenant("t"))
    rows.deliveries(endpoint)
    (first,) = rows.claim()
    with psycopg.connect(database.admin, autocommit=True) as admin:
        # What writes the next attempt fails, after the end of this one was written.
        admin.execute("ALTER TABLE webhook_deliveries ADD CONSTRAINT cut CHECK (attempt < 2)")
        with pytest.raises(psycopg.errors.CheckViolation):
            rows.record(first, 500)
        admin.execute("ALTER TABLE webhook_deliveries DROP CONSTRAINT cut")
    assert rows.sql("SELECT state, attempt FROM webhook_deliveries") == [("waiting", 1)]
    assert rows.record(first, 500)
    assert rows.sql("SELECT state, attempt FROM webhook_deliveries ORDER BY attempt") == [("failed", 1), ("waiting", 2)]
