"""What is over is forgotten after 30 days, what waits is not; nothing waits for an endpoint that gets nothing."""

from __future__ import annotations

from impasto.webhooks import PING
from impasto_notifier.limits import KEPT_DAYS
from tests.notifier.ledger import Rows

_EVENTS = "SELECT count(*) FROM webhook_events"


def test_events_are_kept_for_thirty_days_and_their_deliveries_go_with_them(rows: Rows) -> None:
    endpoint = rows.endpoint(rows.tenant("t"))
    rows.deliveries(endpoint, 2, days_old=KEPT_DAYS + 0.1, state="delivered")
    (kept,) = rows.deliveries(endpoint, days_old=KEPT_DAYS - 0.1, state="failed")
    rows.tidy()
    assert KEPT_DAYS == 30
    assert rows.sql("SELECT event_id FROM webhook_deliveries") == [(kept,)]
    assert rows.sql("SELECT id FROM webhook_events") == [(kept,)]


def test_old_events_that_wait_do_not_keep_the_others_and_all_go_in_one_round(rows: Rows) -> None:
    endpoint = rows.endpoint(rows.tenant("t"))
    rows.deliveries(endpoint, 1001, days_old=KEPT_DAYS + 2)
    rows.deliveries(endpoint, 2001, days_old=KEPT_DAYS + 1, state="delivered")
    rows.tidy()
    assert rows.sql(_EVENTS) == [(1001,)]
    assert rows.sql("SELECT DISTINCT state FROM webhook_deliveries") == [("waiting",)]


def test_nothing_waits_for_an_endpoint_that_is_disabled_or_removed(rows: Rows) -> None:
    tenant = rows.tenant("t")
    asked, gone, lives, leased = (rows.endpoint(tenant) for _ in range(4))
    for endpoint in (asked, gone, lives, leased):
        rows.deliveries(endpoint)
    for endpoint in (asked, leased):
        rows.sql("UPDATE webhook_endpoints SET state = 'disabled', disabled_reason = 'asked' WHERE id = %s", endpoint)
    rows.sql("UPDATE webhook_endpoints SET deleted_at = now(), secret = NULL WHERE id = %s", gone)
    rows.sql("UPDATE webhook_deliveries SET lease_until = now() + interval '9 seconds' WHERE endpoint_id = %s", leased)
    rows.tidy()
    found = {
        endpoint: (state, error)
        for endpoint, state, error in rows.sql("SELECT endpoint_id, state, error FROM webhook_deliveries")
    }
    ended = ("failed", "endpoint_disabled")
    assert found == {asked: ended, gone: ended, lives: ("waiting", None), leased: ("waiting", None)}


def test_a_pending_endpoint_that_nobody_will_ask_again_is_disabled(rows: Rows) -> None:
    tenant = rows.tenant("t")
    silent, asked = (rows.endpoint(tenant, state="pending") for _ in range(2))
    rows.deliveries(silent, 3)
    rows.deliveries(asked, 3)
    rows.deliveries(asked, type=PING)
    rows.tidy()
    assert rows.one(silent, "state, disabled_reason") == ("disabled", "failing")
    assert rows.one(asked, "state, disabled_reason") == ("pending", None)
    assert rows.sql("SELECT DISTINCT endpoint_id FROM webhook_deliveries WHERE state = 'waiting'") == [(asked,)]


def test_callbacks_go_with_the_log_of_jobs_that_ended_long_ago_and_with_them_their_secrets(rows: Rows) -> None:
    tenant = rows.tenant("t")
    jobs = {
        "old": rows.job(tenant, ended_days_ago=KEPT_DAYS + 1),
        "recent": rows.job(tenant, ended_days_ago=KEPT_DAYS - 1),
        "waits": rows.job(tenant, ended_days_ago=KEPT_DAYS + 1),
        "open": rows.job(tenant, ended_days_ago=None),
    }
    callbacks = {name: rows.endpoint(tenant, job_id=job) for name, job in jobs.items()}
    own = rows.endpoint(tenant)
    rows.sql("UPDATE webhook_endpoints SET created_at = now() - interval '40 days'")
    for name in ("old", "recent"):
        rows.deliveries(callbacks[name], days_old=KEPT_DAYS + 1, state="delivered")
    rows.deliveries(callbacks["waits"], days_old=KEPT_DAYS + 1)
    rows.tidy()
    left = {found for (found,) in rows.sql("SELECT id FROM webhook_endpoints")}
    assert left == {own, callbacks["recent"], callbacks["waits"], callbacks["open"]}
