"""What the ends of one statement charge: the sum of what each held, to whose it was, on the days on which it did."""

from __future__ import annotations

import pytest

from impasto.backends.postgres.plain_ends import PlainEnds
from impasto.jobs import ClaimedJob
from tests.jobs.conftest import Pool
from tests.jobs.scheduling import Stage

_HELD = "UPDATE jobs SET claimed_at = now() - make_interval(secs => %s) WHERE id = %s"
_SHARES = "SELECT tenant_id, sum(used_s) FROM tenant_shares GROUP BY tenant_id ORDER BY tenant_id"
_DAYS = """
SELECT tenant_id, (now() AT TIME ZONE 'UTC')::date - day, sum(used_s) FROM tenant_days GROUP BY 1, 2 ORDER BY 1, 2
"""
_HOURS = {"a": (1, 30, 2), "b": (4,), "c": (0.5, 49)}


@pytest.fixture
def stage(pool: Pool) -> Stage:
    return Stage(pool)


def _running(stage: Stage) -> list[ClaimedJob]:
    """Jobs of three tenants that have been held for so many hours."""
    given = {job: h for tenant, hours in _HOURS.items() for h in hours for job in stage.add(tenant)}
    jobs = stage.worker(places=10).queue.claim_some(["pool"], most_pool=10).jobs
    assert len(jobs) == len(given)
    for job in jobs:
        stage.sql(_HELD, [given[job.id] * 3600, job.id])
    return list(jobs)


@pytest.mark.parametrize("together", [True, False])
def test_ends_charge_each_tenant_for_what_its_jobs_held(stage: Stage, together: bool) -> None:
    jobs = _running(stage)
    if together:
        stage.sql("UPDATE jobs SET state = 'failed', error = '{}', finished_at = now(), lease_until = NULL")
    else:
        ends = PlainEnds(stage.pool)
        assert all(ends.succeed(job, "{}") for job in jobs)
    ((since_midnight,),) = stage.sql(
        "SELECT extract(epoch FROM now() - date_trunc('day', now(), 'UTC'))::float8 / 3600"
    )
    shares = dict(stage.sql(_SHARES))
    for tenant, hours in _HOURS.items():
        # An hour is worth half of the one after it.
        faded = sum(stage.sql("SELECT faded_use(%s * 3600.0)", [h])[0][0] for h in hours)
        assert shares[tenant] == pytest.approx(faded, abs=3), tenant
    days = {(tenant, ago): used / 3600 for tenant, ago, used in stage.sql(_DAYS)}
    for tenant, hours in _HOURS.items():
        for ago in range(4):
            # From the beginning of that day to its end, or to now.
            end, begin = since_midnight + 24 * (ago - 1) if ago else 0.0, since_midnight + 24 * ago
            held = sum(max(0.0, min(begin, h) - end) for h in hours)
            assert days.get((tenant, ago), 0.0) == pytest.approx(held, abs=0.01), (tenant, ago)


def test_an_update_that_ends_nothing_charges_nothing(stage: Stage) -> None:
    _running(stage)
    before = stage.sql(_SHARES)
    stage.sql("UPDATE jobs SET lease_until = now() + interval '1 minute' WHERE state = 'running'")
    assert stage.sql(_SHARES) == before
    assert stage.sql("SELECT count(*) FROM tenant_days") == [(0,)]
