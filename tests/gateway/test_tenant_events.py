"""`/v1/events`: every event of a tenant in one order, skipped by nobody, taken up again anywhere."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from impasto.backends.postgres.sweeping import settle_events
from impasto.testing.databases import DatabaseUrls
from impasto.testing.processes import eventually
from impasto.testing.stacks import Stack
from tests.asking import ask, submit
from tests.gateway.following import Reader, following, read, stream


@pytest.fixture
def gateway(stack: Stack) -> Stack:
    stack.start_gateway()
    return stack


def job(stack: Stack, tenant: str = "first") -> str:
    found: str = submit(stack, "test.stamp", {"text": "x"}, tenant=tenant)["id"]
    return found


def cancel(stack: Stack, job_id: str) -> None:
    assert ask(stack, "POST", f"/v1/jobs/{job_id}/cancel").status_code == 202


def listed(stack: Stack, query: str = "", tenant: str = "first") -> dict[str, Any]:
    answer = ask(stack, "GET", f"/v1/events{query}", tenant=tenant)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(page: dict[str, Any]) -> list[tuple[str, int]]:
    return [(event["job_id"], event["number"]) for event in page["items"]]


def write_event(connection: psycopg.Connection[Any], job_id: str, name: str = "job.cancel_requested") -> None:
    """What a statement of the platform does, in a transaction that the test holds open."""
    connection.execute(
        """WITH job AS (UPDATE jobs SET last_event = last_event + 1 WHERE id = %s RETURNING *)
           INSERT INTO job_events (tenant_id, job_id, number, type) SELECT tenant_id, id, last_event, %s FROM job""",
        [job_id, name],
    )


def test_an_event_whose_transaction_commits_late_is_not_skipped(gateway: Stack) -> None:
    late, quick = job(gateway), job(gateway)
    begun = listed(gateway)["position"]
    with psycopg.connect(gateway.settings.engine_database_url) as held, following(gateway) as live:
        write_event(held, late)
        cancel(gateway, quick)
        # What comes after is committed and visible, and still has to wait.
        assert gateway.sql("SELECT max(number) FROM job_events WHERE job_id = %s", [quick]) == [(2,)]
        assert told(listed(gateway, f"?after={begun}")) == []
        with following(gateway, **{"Last-Event-ID": begun}) as resumed:
            assert (live.told(), resumed.told()) == ([], [])
            held.commit()
            for reader in (live, resumed):
                eventually(lambda reader=reader: len(reader.events) >= 2, "both events come")
                assert reader.told() == [(late, 2), (quick, 2)]
    assert told(listed(gateway, f"?after={begun}")) == [(late, 2), (quick, 2)]


def test_a_job_s_events_keep_their_order_whichever_transaction_began_first(gateway: Stack) -> None:
    job_id = job(gateway)
    with psycopg.connect(gateway.settings.engine_database_url) as early:
        early.execute("SELECT pg_current_xact_id()")
        with psycopg.connect(gateway.settings.engine_database_url) as later:
            write_event(later, job_id)
        write_event(early, job_id, "job.canceled")
    assert told(listed(gateway)) == [(job_id, 1), (job_id, 2), (job_id, 3)]


def test_a_stream_and_a_list_are_taken_up_after_any_position(gateway: Stack) -> None:
    for _ in range(4):
        cancel(gateway, job(gateway))
    pages, position, more = [], "0", True
    while more:
        page = listed(gateway, f"?after={position}&limit=3")
        assert len(page["items"]) <= 3
        pages += page["items"]
        position, more = page["position"], page["more"]
    assert len(pages) == 8
    assert [event["number"] for event in pages] == [1, 2] * 4
    whole = [(event["job_id"], event["number"]) for event in pages]
    for place, event in enumerate(pages):
        assert told(listed(gateway, f"?after={event['position']}")) == whole[place + 1 :]
        with following(gateway, **{"Last-Event-ID": event["position"]}) as reader:
            eventually(lambda reader=reader, left=7 - place: len(reader.events) == left, "the rest comes")
            assert reader.told() == whole[place + 1 :]
    with following(gateway, "/v1/events?after=0") as reader:
        eventually(lambda: reader.told() == whole, "all come")


def test_a_stream_begins_now_and_says_where(gateway: Stack) -> None:
    job(gateway)
    with following(gateway) as reader:
        begun = reader.position
        new = job(gateway)
        eventually(lambda: reader.told() == [(new, 1)], "what is new comes")
    assert told(listed(gateway, f"?after={begun}")) == [(new, 1)]


def test_a_tenant_sees_its_own_events_alone(gateway: Stack) -> None:
    with following(gateway, "/v1/events?after=0", tenant="second") as other:
        mine = job(gateway)
        theirs = job(gateway, "second")
        eventually(lambda: other.told() == [(theirs, 1)], "their own comes")
    assert told(listed(gateway)) == [(mine, 1)]
    assert told(listed(gateway, tenant="second")) == [(theirs, 1)]


def test_kinds_and_types_choose(gateway: Stack) -> None:
    with following(gateway, "/v1/events?type=job.canceled&kind=test.stamp") as chosen:
        ids = [job(gateway) for _ in range(3)]
        cancel(gateway, ids[1])
        eventually(lambda: chosen.told() == [(ids[1], 2)], "the canceled one comes")
    assert told(listed(gateway, "?type=job.canceled")) == [(ids[1], 2)]
    assert told(listed(gateway, "?kind=test.stamp&limit=2")) == [(ids[0], 1), (ids[1], 1)]
    none = listed(gateway, "?kind=analyse.artwork&type=job.queued&type=job.failed")
    assert (none["items"], none["more"]) == ([], False)
    # What was passed over need not be looked through again.
    assert told(listed(gateway, f"?after={none['position']}")) == []


@pytest.mark.parametrize(
    "query",
    ["?after=soon", "?after=-1", "?after=1-", "?after=" + "9" * 30, "?type=job.exploded", "?kind=%00", "?limit=0"],
)
def test_what_makes_no_sense_is_refused(gateway: Stack, query: str) -> None:
    answer = ask(gateway, "GET", f"/v1/events{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_after_a_restore_from_a_dump_nothing_is_held_back_and_old_positions_hold(
    gateway: Stack, database: DatabaseUrls
) -> None:
    ids = [job(gateway) for _ in range(3)]
    beyond = 10**9
    with psycopg.connect(database.engine, autocommit=True) as engine:
        # What was written before has numbers that this life of the database has not come to.
        engine.execute("UPDATE job_events SET xid = (xid::text::bigint + %s)::text::xid8", [beyond])
        xid, seq = engine.execute("SELECT xid::text, seq FROM job_events ORDER BY seq LIMIT 1").fetchone() or ("", 0)
        assert told(listed(gateway)) == []
        assert settle_events(engine) == 3
        assert settle_events(engine) == 0
    new = job(gateway)
    assert told(listed(gateway)) == [(each, 1) for each in [*ids, new]]
    assert told(listed(gateway, f"?after={xid}-{seq}")) == [(each, 1) for each in [*ids[1:], new]]


def test_a_reader_that_does_not_read_holds_up_nobody_and_misses_nothing(gateway: Stack) -> None:
    first = job(gateway)
    with (
        psycopg.connect(gateway.settings.engine_database_url) as engine,
        following(gateway) as quick,
        stream(gateway, "/v1/events") as slow,
    ):
        for _ in range(60):
            # Far more than a tail holds and than a socket takes.
            engine.execute(
                """WITH job AS (UPDATE jobs SET last_event = last_event + 200 WHERE id = %s RETURNING *)
                   INSERT INTO job_events (tenant_id, job_id, number, type, data)
                   SELECT tenant_id, id, last_event - 200 + n, 'job.succeeded',
                          jsonb_build_object('x', repeat('x', 400))
                   FROM job, generate_series(1, 200) AS n""",
                [first],
            )
            engine.commit()
        expected = [(first, number) for number in range(2, 12_002)]
        eventually(lambda: len(quick.events) == len(expected), "the quick one has all", 60)
        assert quick.told() == expected
        late = Reader()
        threading.Thread(target=read, args=(late, slow), daemon=True).start()
        eventually(lambda: len(late.events) == len(expected), "the slow one has all", 60)
        assert late.told() == expected


def test_the_order_is_read_from_an_index(gateway: Stack) -> None:
    job(gateway)
    with psycopg.connect(gateway.settings.database_url) as api:
        api.execute(
            "SELECT set_config('app.tenant_id', %s, true), set_config('enable_seqscan', 'off', true)",
            [gateway.tenants["first"]],
        )
        plan = api.execute(
            """EXPLAIN SELECT * FROM job_events WHERE tenant_id = current_setting('app.tenant_id')
               AND (xid, seq) > ('5'::xid8, 7) ORDER BY xid, seq LIMIT 10"""
        ).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "job_events_order" in text
    assert "Sort" not in text
    # The place is a condition of the index, and not a filter of what it gives: its comparison is leakproof.
    assert "Index Cond: ((tenant_id = current_setting" in text
    assert text.count("ROW(xid, seq) >") == 1
    assert "Filter: (ROW" not in text
