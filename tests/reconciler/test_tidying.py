"""Retention: what is old goes in small parts, what is referred to stays, what is being written is not touched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from impasto.artifacts import ArtifactRef, object_key, read_key, run_key
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.artifacts import PostgresArtifacts
from impasto.backends.postgres.pools import engine_pool
from impasto.errors import NotFound
from impasto.identifiers import new_id
from impasto.settings import Settings
from impasto.testing.databases import DatabaseUrls
from impasto_reconciler.tidying import Kept, Tidier

_KEPT = Kept(events_days=30, jobs_days=90)
Pool = ConnectionPool[psycopg.Connection[Any]]


class Platform:
    """A database and a bucket of this test alone, and what a test puts there."""

    def __init__(self, settings: Settings, pool: Pool, folder: Path) -> None:
        self.pool, self.folder = pool, folder
        self.objects, self.artifacts = S3Objects(settings), PostgresArtifacts(pool)
        self.tenant = new_id("tnt")
        self.sql("INSERT INTO tenants (id, name) VALUES (%s, %s)", self.tenant, self.tenant)

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.pool.connection() as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def jobs(self, count: int, *, days: float, state: str = "failed") -> list[str]:
        """Jobs that ended so many days ago, with three events each."""
        ids = [new_id("job") for _ in range(count)]
        self.sql(
            """INSERT INTO jobs (id, tenant_id, kind, queue, shape, params, state, run_limit_s, epoch, last_event,
                                 finished_at, preview, started_at, lease_until)
               SELECT id, %s, 'test.stamp', 'test', 'pool', '{}', %s, 60, 1, 3,
                      CASE WHEN %s IN ('queued', 'running') THEN NULL ELSE now() - make_interval(secs => %s) END,
                      'jpeg', now() - make_interval(secs => %s), CASE %s WHEN 'running' THEN now() END
               FROM unnest(%s::text[]) AS u (id)""",
            self.tenant, state, state, days * 86_400, days * 86_400, state, ids,
        )  # fmt: skip
        self.sql(
            """INSERT INTO job_events (tenant_id, job_id, number, type)
               SELECT %s, id, number, 'job.queued' FROM unnest(%s::text[]) AS u (id), generate_series(1, 3) number""",
            self.tenant, ids,
        )  # fmt: skip
        return ids

    def artifact(self, text: str, *, hours: float = 0, published: bool = False, put: bool = True) -> ArtifactRef:
        """An artifact that was touched so many hours ago."""
        made = ArtifactRef(sha256=sha256(text.encode()).hexdigest(), media_type="text/plain", size_bytes=len(text))
        self.artifacts.touch(self.tenant, made)
        if put:
            self.put(made, text)
            self.artifacts.stored(self.tenant, made)
        self.sql(
            """UPDATE artifacts SET touched_at = now() - make_interval(secs => %s),
                      published_at = CASE WHEN %s THEN now() END WHERE tenant_id = %s AND sha256 = %s""",
            hours * 3600, published, self.tenant, made.sha256,
        )  # fmt: skip
        return made

    def put(self, made: ArtifactRef, text: str) -> None:
        path = self.folder / made.sha256
        path.write_text(text)
        self.objects.put(self.tenant, made, path)

    def there(self, made: ArtifactRef) -> bool:
        try:
            return bool(list(self.objects.stream(self.tenant, made.sha256)))
        except NotFound:
            return False

    def tidy(self, kept: Kept = _KEPT) -> None:
        Tidier(self.pool, self.objects, kept, pause_s=0).round()

    def left(self, table: str = "jobs", column: str = "id") -> set[str]:
        return {str(row[0]) for row in self.sql(f"SELECT {column} FROM {table} WHERE tenant_id = %s", self.tenant)}


@pytest.fixture
def platform_of_one(settings: Settings, tmp_path: Path) -> Iterator[Platform]:
    own = replace(settings, s3_bucket=f"tidy-{new_id('tnt')[-12:]}")
    S3Objects(own).ensure_bucket()
    with engine_pool(own.engine_database_url, most=8) as pool:
        yield Platform(own, pool, tmp_path)


def test_five_thousand_old_jobs_go_with_their_log_in_small_parts_and_the_young_stay(platform_of_one: Platform) -> None:
    one = platform_of_one
    one.jobs(5000, days=91)
    young, open_jobs = one.jobs(20, days=89), one.jobs(10, days=400, state="queued")
    one.tidy()
    assert one.left() == {*young, *open_jobs}
    assert one.sql("SELECT count(*) FROM job_events") == [(20 + 30,)], "of the young the last event, of the open all"
    assert one.sql("SELECT DISTINCT preview IS NULL FROM jobs WHERE state = 'failed'") == [(True,)]


def test_no_transaction_holds_more_than_a_part(platform_of_one: Platform, database: DatabaseUrls) -> None:
    one = platform_of_one
    one.jobs(1200, days=91)
    with psycopg.connect(database.admin) as admin:
        admin.execute("CREATE TABLE seen (xid bigint, n int)")
        admin.execute("GRANT ALL ON seen TO impasto_engine")
        admin.execute(
            """CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO seen SELECT txid_current(), count(*) FROM gone; RETURN NULL; END $$"""
        )
        admin.execute(
            """CREATE TRIGGER seeing AFTER DELETE ON jobs REFERENCING OLD TABLE AS gone
               FOR EACH STATEMENT EXECUTE FUNCTION see()"""
        )
    one.tidy()
    parts = [row[0] for row in one.sql("SELECT sum(n)::int FROM seen GROUP BY xid ORDER BY 1 DESC")]
    assert parts == [500, 500, 200]


def test_a_job_that_something_came_of_stays_as_its_record_and_only_its_log_goes(platform_of_one: Platform) -> None:
    one = platform_of_one
    drew, prepared, trained, measured, nothing = one.jobs(5, days=200, state="succeeded")
    picture, manifest = one.artifact("picture", published=True), one.artifact("manifest", published=True)
    version, checkpoint = new_id("dsv"), new_id("ckp")
    one.sql(
        "INSERT INTO lineage_edges (tenant_id, source, target, relation, job_id) VALUES (%s, %s, %s, 'used_by', %s)",
        one.tenant, checkpoint, f"sha256:{picture.sha256}", drew,
    )  # fmt: skip
    one.sql("INSERT INTO datasets (id, tenant_id, name) VALUES ('dst_x', %s, 'd')", one.tenant)
    one.sql(
        """INSERT INTO dataset_versions (id, tenant_id, dataset_id, number, manifest_sha256, samples, train, validation,
               recipe, summary, job_id) VALUES (%s, %s, 'dst_x', 1, %s, 1, 1, 0, '{}', '{}', %s)""",
        version, one.tenant, manifest.sha256, prepared,
    )  # fmt: skip
    one.sql(
        """INSERT INTO checkpoints (id, tenant_id, name, family, flavor, weights_sha256, config, job_id)
           VALUES (%s, %s, 'c', 'f', 'f', %s, '{}', %s)""",
        checkpoint, one.tenant, manifest.sha256, trained,
    )  # fmt: skip
    one.sql(
        """INSERT INTO evaluations (id, tenant_id, checkpoint_id, measures, job_id) VALUES (%s, %s, %s, '{}', %s)""",
        new_id("evl"), one.tenant, checkpoint, measured,
    )  # fmt: skip
    for _ in range(2):
        one.tidy()
    assert one.left() == {drew, prepared, trained, measured}
    assert nothing not in one.left("job_events", "job_id")
    assert one.sql("SELECT DISTINCT number FROM job_events") == [(3,)], "how each ended is still told"
    assert one.there(picture)
    assert one.there(manifest)
    assert one.sql("SELECT count(*) FROM lineage_edges") == [(1,)]


def test_a_table_that_is_added_later_keeps_the_jobs_it_refers_to(
    platform_of_one: Platform, database: DatabaseUrls
) -> None:
    one = platform_of_one
    kept, other = one.jobs(2, days=200)
    with psycopg.connect(database.admin) as admin:
        admin.execute(
            """CREATE TABLE exhibits (tenant_id text, made_by text,
                   FOREIGN KEY (tenant_id, made_by) REFERENCES jobs (tenant_id, id))"""
        )
        admin.execute("INSERT INTO exhibits VALUES (%s, %s)", [one.tenant, kept])
        admin.execute("GRANT SELECT ON exhibits TO impasto_engine")
    one.tidy()
    assert one.left() == {kept}
    assert other not in one.left()


def test_an_old_pipeline_goes_and_then_its_jobs_do_while_a_young_one_keeps_them(platform_of_one: Platform) -> None:
    one = platform_of_one
    made = {days: (new_id("pip"), one.jobs(2, days=200)) for days in (91, 89)}
    for days, (pipeline, jobs) in made.items():
        one.sql(
            """INSERT INTO pipelines (id, tenant_id, name, state, finished_at)
               VALUES (%s, %s, 'p', 'failed', now() - make_interval(days => %s))""",
            pipeline, one.tenant, days,
        )  # fmt: skip
        one.sql("SELECT tell_pipeline(%s, 'pipeline.failed')", pipeline)
        one.sql("UPDATE jobs SET pipeline_id = %s WHERE id = ANY(%s)", pipeline, jobs)
        # The first job failed, and the step went on with another.
        one.sql(
            """INSERT INTO pipeline_steps (tenant_id, pipeline_id, name, position, kind, params, state, job_id)
               VALUES (%s, %s, 'a', 0, 'test.stamp', '{}', 'failed', %s)""",
            one.tenant, pipeline, jobs[1],
        )  # fmt: skip
    one.tidy()
    young, kept = made[89]
    assert one.left("pipelines") == one.left("pipeline_events", "pipeline_id") == {young}
    assert one.left("pipeline_steps", "pipeline_id") == {young}
    assert one.left() == set(kept)
    one.sql("UPDATE pipelines SET finished_at = now() - interval '91 days'")
    one.tidy()
    assert one.left("pipelines") == one.left() == set()


def test_zero_days_means_for_ever(platform_of_one: Platform) -> None:
    one = platform_of_one
    jobs = one.jobs(3, days=4000)
    one.tidy(Kept(events_days=0, jobs_days=0))
    assert one.left() == set(jobs)
    assert one.sql("SELECT count(*) FROM job_events") == [(9,)]
    one.tidy(Kept(events_days=0, jobs_days=1))
    assert one.left() == set()


def test_a_job_whose_webhook_still_waits_to_be_sent_waits_too(platform_of_one: Platform) -> None:
    one = platform_of_one
    sent, waits = one.jobs(2, days=200)
    for job, state in ((sent, "delivered"), (waits, "waiting")):
        endpoint, event = new_id("whk"), new_id("evt")
        one.sql(
            """INSERT INTO webhook_endpoints (id, tenant_id, job_id, url, lane, events, secret, state)
               VALUES (%s, %s, %s, 'u', 'l', '{*}', 's', 'active')""",
            endpoint, one.tenant, job,
        )  # fmt: skip
        one.sql(
            """INSERT INTO webhook_events (id, tenant_id, type, data, job_id, number, occurred_at)
               VALUES (%s, %s, 'job.failed', '{}', %s, 3, now())""",
            event, one.tenant, job,
        )  # fmt: skip
        one.sql(
            """INSERT INTO webhook_deliveries (id, tenant_id, event_id, endpoint_id, lane, state, finished_at)
               VALUES (%s, %s, %s, %s, 'l', %s, CASE %s WHEN 'waiting' THEN NULL ELSE now() END)""",
            new_id("dlv"), one.tenant, event, endpoint, state, state,
        )  # fmt: skip
    one.tidy()
    assert one.left() == {waits}
    assert one.left("webhook_endpoints", "job_id") == one.left("webhook_events", "job_id") == {waits}


def test_samples_of_a_training_that_failed_go_a_day_later_unless_something_uses_them(platform_of_one: Platform) -> None:
    one = platform_of_one
    (job,) = one.jobs(1, days=200)
    free, used, named = (one.artifact(text, published=True) for text in ("free", "used", "named"))
    for step, sample in enumerate((free, used, named)):
        one.sql("INSERT INTO job_samples VALUES (%s, %s, %s, %s)", one.tenant, job, step, sample.sha256)
    (drew,) = one.jobs(1, days=1, state="succeeded")
    one.sql(
        "INSERT INTO lineage_edges (tenant_id, source, target, relation, job_id) "
        "VALUES (%s, %s, 'x', 'content_of', %s)",
        one.tenant, f"sha256:{used.sha256}", drew,
    )  # fmt: skip
    (waiting,) = one.jobs(1, days=1, state="queued")
    one.sql(
        "UPDATE jobs SET params = jsonb_build_object('picture', %s::text) WHERE id = %s",
        f"sha256:{named.sha256}",
        waiting,
    )
    one.tidy()
    assert [one.there(each) for each in (free, used, named)] == [True] * 3, "nothing goes at once"
    one.sql("UPDATE artifacts SET touched_at = now() - interval '25 hours'")
    one.sql("UPDATE jobs SET started_at = NULL WHERE id = %s", waiting)
    one.tidy()
    assert [one.there(each) for each in (free, used, named)] == [False, True, True]
    assert one.left("artifacts", "sha256") == {used.sha256, named.sha256}


def test_an_artifact_that_nobody_published_goes_after_a_day_and_its_bytes_are_given_back(
    platform_of_one: Platform,
) -> None:
    one = platform_of_one
    old, young = one.artifact("old", hours=25), one.artifact("young", hours=23)
    published = one.artifact("published", hours=1000, published=True)
    failed_put = one.artifact("never put", hours=25, put=False)
    one.tidy()
    assert one.left("artifacts", "sha256") == {young.sha256, published.sha256}
    assert [one.there(each) for each in (old, young, published, failed_put)] == [False, True, True, False]
    ((stored,),) = one.sql("SELECT sum(bytes)::int FROM tenant_storage WHERE tenant_id = %s", one.tenant)
    assert stored == young.size_bytes + published.size_bytes


@pytest.mark.parametrize(("state", "stays"), [("running", True), ("queued", True), ("failed", False)])
def test_what_an_open_job_may_have_put_stays_however_long_it_takes(
    platform_of_one: Platform, state: str, stays: bool
) -> None:
    one = platform_of_one
    one.jobs(1, days=3, state=state)
    put = one.artifact("of the job", hours=30)
    before = one.artifact("of before the job", hours=100)
    one.tidy()
    assert (one.there(put), one.there(before)) == (stays, False)


def test_objects_that_no_row_knows_go_and_those_of_others_stay(platform_of_one: Platform) -> None:
    one = platform_of_one
    known = one.artifact("known", published=True)
    orphan = ArtifactRef(sha256=sha256(b"orphan").hexdigest(), media_type="text/plain", size_bytes=6)
    one.put(orphan, "orphan")
    stranger = one.folder / "stranger"
    stranger.write_text("x")
    ended, running = one.jobs(1, days=2)[0], one.jobs(1, days=2, state="running")[0]
    gone = new_id("job")
    keys = {
        "theirs": f"somebody/sha256/aa/{'aa' * 32}",
        "no place of ours": f"{one.tenant}/notes.txt",
        "ended": run_key(one.tenant, ended, 5, "weights"),
        "running": run_key(one.tenant, running, 5, "weights"),
        "gone": run_key(one.tenant, gone, 5, "weights"),
    }
    for key in keys.values():
        one.objects.put_run(key, stranger)
    one.tidy()
    assert {each.key for each in one.objects.page("", 100)} >= set(keys.values()), "younger than a day"
    one.sql("UPDATE walks SET next_at = now()")
    one.tidy(replace(_KEPT, grace_s=0))
    left = {each.key for each in one.objects.page("", 100)}
    assert left == {
        object_key(one.tenant, known.sha256), keys["theirs"], keys["no place of ours"], keys["running"],
    }  # fmt: skip
    assert one.left("artifacts", "sha256") == {known.sha256}


def test_a_walk_goes_on_where_it_was_and_rests_at_the_end(
    platform_of_one: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = platform_of_one
    monkeypatch.setattr("impasto_reconciler.tidying._PAGE", 2)
    orphans = [one_orphan(one, f"orphan {number}") for number in range(5)]
    kept = replace(_KEPT, grace_s=0)
    one.tidy(kept)
    assert sum(one.there(each) for each in orphans) == 3
    one.tidy(kept)
    one.tidy(kept)
    assert not any(one.there(each) for each in orphans)
    late = one_orphan(one, "late")
    one.tidy(kept)
    assert one.there(late), "the walk rests for a day"


def one_orphan(one: Platform, text: str) -> ArtifactRef:
    made = ArtifactRef(sha256=sha256(text.encode()).hexdigest(), media_type="text/plain", size_bytes=len(text))
    one.put(made, text)
    return made


def test_what_is_being_uploaded_is_never_removed_however_the_two_meet(platform_of_one: Platform) -> None:
    """Objects without a row are there already; their uploads come while walks without any grace remove orphans."""
    one = platform_of_one
    texts = [f"upload {number}" for number in range(60)]
    made = [one_orphan(one, text) for text in texts]
    stop = threading.Event()

    def walk() -> None:
        while not stop.is_set():
            one.sql("UPDATE walks SET next_at = now()")
            Tidier(one.pool, one.objects, replace(_KEPT, grace_s=0), pause_s=0)._walk()

    def upload(each: tuple[ArtifactRef, str]) -> None:
        artifact, text = each
        if not one.artifacts.touch(one.tenant, artifact):
            one.put(artifact, text)
            one.artifacts.stored(one.tenant, artifact)
        one.sql("UPDATE artifacts SET published_at = now() WHERE sha256 = %s", artifact.sha256)

    with ThreadPoolExecutor(5) as threads:
        walking = threads.submit(walk)
        list(threads.map(upload, zip(made, texts, strict=True)))
        stop.set()
        walking.result()
    assert [each.sha256 for each in made if not one.there(each)] == []


def test_several_at_once_remove_each_thing_once_and_stand_in_nobodys_way(platform_of_one: Platform) -> None:
    one = platform_of_one
    one.jobs(1500, days=91)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: one.tidy(), range(4)))
    one.tidy()
    assert one.left() == set()


@pytest.mark.parametrize(
    "key",
    ["", "a/b", f"t/sha256/ab/{'cd' * 32}", f"t/sha256/ab/{'AB' * 32}", "t/runs/job", f"a/t/sha256/ab/{'ab' * 32}"],
)
def test_a_key_that_is_none_of_ours_is_read_as_none(key: str) -> None:
    assert read_key(key) is None
