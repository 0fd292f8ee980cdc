"""`jobs.list_1m_p95_ms`: pages of `GET /v1/jobs` with filters and cursors, of a million jobs and of a thousand."""

from __future__ import annotations

import base64
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import psycopg

from bench.platform import stack_on
from bench.rows import Row, keep
from impasto.testing.databases import cloned_database, make_template
from impasto.testing.servers import Servers
from impasto.testing.stacks import Stack

JOBS: Final = 1_000_000
CALLS: Final = 200
RUNS: Final = 3
TARGET_MS: Final = 50.0
# Of the jobs; the first is asked.
TENANTS: Final = {"large": 0.6, "middle": 0.25, "small": 0.1, "tiny": 0.05}

# What is rare is old as well, where a reader who begins with the newest comes last: canceled jobs, out_of_memory,
# analyses and imports.
_FILL: Final = """
INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, state, run_limit_s, result, error, lease_until,
                  created_at, started_at, finished_at, last_event)
SELECT 'job_' || lpad(to_hex(n * 16 + %(tenant)s), 26, '0'), %(tenant_id)s, kind, split_part(kind, '.', 1), 'pool',
       jsonb_build_object('prompts', jsonb_build_array('a fox in the snow ' || n), 'steps', 30, 'seeds', '[1]'::jsonb),
       state, 60,
       CASE state WHEN 'succeeded' THEN jsonb_build_object('compute_seconds', 0.5, 'artifact', md5(n::text)) END,
       CASE WHEN state IN ('failed', 'canceled') THEN jsonb_build_object('code', code, 'message', 'given up') END,
       CASE state WHEN 'running' THEN now() END, now() - (%(count)s - n) * interval '1 s',
       CASE WHEN state <> 'queued' THEN now() END,
       CASE WHEN state IN ('succeeded', 'failed', 'canceled') THEN now() END, 3
FROM (
    SELECT n, CASE WHEN n < %(count)s / 100 AND n %% 10 = 0 THEN 'checkpoint.import'
                   WHEN n < %(count)s / 20 AND n %% 3 = 0 THEN 'analyse.artwork'
                   WHEN n %% 4 = 0 THEN 'generate.stylise' ELSE 'generate.text_to_image' END AS kind,
           CASE WHEN n < %(count)s / 20 AND n %% 50 = 1 THEN 'canceled' WHEN n %% 20 = 3 THEN 'failed'
                WHEN n > %(count)s * 0.7 AND n %% 3 <> 0 THEN 'queued' WHEN n %% 10007 = 5 THEN 'running'
                ELSE 'succeeded' END AS state
    FROM generate_series(1, %(count)s) AS n
) AS made, LATERAL (
    SELECT CASE WHEN state = 'canceled' THEN 'canceled' WHEN n < %(count)s / 50 AND n %% 100 = 3 THEN 'out_of_memory'
                WHEN n %% 3 = 0 THEN 'worker_lost' ELSE 'training_diverged' END AS code
) AS why
"""
FILTERS: Final = (
    "", "state=queued", "state=running", "state=succeeded", "state=failed", "state=canceled", "kind=generate.stylise",
    "kind=analyse.artwork", "kind=checkpoint.import", "kind=dataset.prepare", "state=failed&kind=analyse.artwork",
    "state=canceled&kind=generate.stylise", "state=running&kind=checkpoint.import",
    "state=queued&kind=generate.stylise", "code=worker_lost", "code=out_of_memory", "code=runner_killed",
    "code=worker_lost&kind=analyse.artwork",
)  # fmt: skip


def run() -> list[Row]:
    """The 95th percentile of the calls, as a client of the gateway sees it; medians over the runs."""
    with tempfile.TemporaryDirectory() as folder, Servers() as servers:
        make_template(servers.admin_url)
        with _filled(servers, Path(folder), 1000) as few, _filled(servers, Path(folder), JOBS) as many:
            alternating = [(_p95_ms(few, 1000, run), _p95_ms(many, JOBS, run)) for run in range(RUNS)]
    peer, figure = (statistics.median(column) for column in zip(*alternating, strict=True))
    return [
        keep(
            Row(
                name="jobs.list_1m_p95_ms",
                figure=round(figure, 2),
                unit="ms",
                peer="the same calls with 1,000 jobs",
                peer_figure=round(peer, 2),
                ratio=round(figure / peer, 3),
                target=TARGET_MS,
                ok=figure <= TARGET_MS,
                runs=RUNS,
            )
        )
    ]


def _p95_ms(stack: Stack, jobs: int, run: int) -> float:
    """Each filter in turn, from the newest job and from anywhere below, with pages of 50 and of 200."""
    chance, took = random.Random(run), []  # noqa: S311  which page is asked for is no secret
    headers = {"Authorization": f"Bearer {stack.key('large')}"}
    filters = itertools.cycle(FILTERS)
    with httpx.Client(base_url=stack.url, headers=headers, trust_env=False, timeout=60) as client:
        for number in range(CALLS + 10):
            query = [next(filters), f"limit={chance.choice((50, 200))}"]
            if chance.random() < 0.7:
                query.append(f"cursor={_cursor(chance.randrange(1, int(jobs * TENANTS['large'])))}")
            began = time.perf_counter()
            answer = client.get("/v1/jobs?" + "&".join(part for part in query if part))
            if number >= 10:  # the first ones open connections
                took.append(time.perf_counter() - began)
            assert answer.status_code == 200, answer.text
    return statistics.quantiles(took, n=20)[-1] * 1000


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(f"job_{number * 16:026x}".encode()).decode()


@contextmanager
def _filled(servers: Servers, folder: Path, jobs: int) -> Iterator[Stack]:
    """A gateway on a database with so many jobs."""
    with cloned_database(servers.admin_url) as urls, stack_on(servers, urls, folder) as stack:
        fill(stack, urls.admin, jobs)
        stack.start_gateway()
        yield stack


def fill(stack: Stack, admin_url: str, jobs: int) -> None:
    """Puts the jobs into the database, spread over the tenants, and lets it count them."""
    for name in TENANTS:
        stack.key(name)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for number, (name, share) in enumerate(TENANTS.items()):
            values = {"tenant": number, "tenant_id": stack.tenants[name], "count": int(jobs * share)}
            connection.execute(_FILL, values)
        connection.execute("VACUUM ANALYZE jobs")
