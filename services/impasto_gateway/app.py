"""The gateway's application: routes, problems and parts put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

import impasto
from impasto.backends.bells import Bells
from impasto.backends.gate import ResolvingGate, warn_if_anywhere
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.pools import api_pool
from impasto.backends.rates import rates_of
from impasto.backends.sealing import SealedVault
from impasto.backends.telemetry.process import end_telling
from impasto.backends.web import problems
from impasto.backends.web.known_keys import KnownKeys
from impasto.backends.web.requests import NO_TELEMETRY, RequestFrame
from impasto.settings import Settings
from impasto_gateway.awakening import Awakener
from impasto_gateway.group_commit import GroupCommit
from impasto_gateway.job_feeds import JobFeeds
from impasto_gateway.links import linked
from impasto_gateway.parts import Parts
from impasto_gateway.quick_submission import QuickSubmission
from impasto_gateway.ringing import Ringer
from impasto_gateway.routes import (
    artifacts,
    catalogue,
    deliveries,
    events,
    files,
    health,
    jobs,
    keys,
    operations,
    pipeline_events,
    pipelines,
    previews,
    retries,
    schedules,
    tenants,
    trainings,
    uploads,
    webhooks,
)
from impasto_gateway.tenant_feeds import TenantFeeds

_ABOUT = """Large models for art, self-hosted. Submit a job, get its id at once, and follow it by status or event
stream. Errors are RFC 9457 problem documents with a stable `code` and a `request_id`."""
_MOST_BODY_BYTES = 1 << 20
_MOST_BULK_BYTES = 4 << 20


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application; servers are connected to in its lifespan."""
    # Its /docs brings its own scripts: a platform in a museum's cellar has no way out.
    app: FastAPI = FastAPIOffline(
        redoc_url=None,
        title="Impasto", version=impasto.__version__, description=_ABOUT, lifespan=_lifespan, redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        responses=problems.documented(400, 401, 403, 404, 413, 422, 429, 503),
    )  # fmt: skip
    made, app.openapi = app.openapi, lambda: linked(problems.documented_schemas(made()))  # type: ignore[method-assign]
    app.state.settings = settings
    problems.install(app)
    app.add_middleware(QuickSubmission)
    app.add_middleware(
        RequestFrame,
        most_bytes=_MOST_BODY_BYTES,
        larger={"/v1/jobs/bulk": _MOST_BULK_BYTES},
        unlimited=("/v1/artworks", "/v1/files/"),
    )
    for module in (
        jobs,
        health,
        retries,
        trainings,
        events,
        pipelines,
        pipeline_events,
        schedules,
        uploads,
        files,
        catalogue,
        artifacts,
        keys,
        previews,
        operations,
        tenants,
        deliveries,
        webhooks,
    ):
        app.include_router(module.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    warn_if_anywhere(settings.webhooks_to_anywhere)
    pool = api_pool(settings.database_url)
    await pool.open()
    app.state.pool, app.state.rates = pool, rates_of(settings)
    app.state.known_keys = KnownKeys()
    ringer, group_commit = Ringer(Bells(settings.redis_url), pool), GroupCommit(pool)
    job_feeds, tenant_feeds = JobFeeds(pool), TenantFeeds(pool)
    awakener = Awakener(settings.redis_url, on_job=job_feeds.hear, on_tenant=tenant_feeds.hear)
    # Long read: ingestion answers when the last file is stored.
    async with httpx.AsyncClient(
        base_url=settings.ingestion_url, timeout=httpx.Timeout(300, connect=5), trust_env=False
    ) as ingestion:
        sealing = SealedVault(settings.webhook_secret_key) if settings.webhook_secret_key else None
        gate = ResolvingGate(anywhere=settings.webhooks_to_anywhere)
        app.state.parts = Parts(
            S3Objects(settings), ringer, group_commit, awakener, job_feeds, tenant_feeds, ingestion, gate, sealing
        )
        ringer.start()
        awakener.start()
        job_feeds.start()
        try:
            yield
        finally:
            await group_commit.stop()
            await ringer.stop()
            await awakener.stop()
            if app.state.rates:
                await app.state.rates.stop()
            await job_feeds.stop()
            await tenant_feeds.stop()
            await pool.close()
            # Here, because the server ends its process by the signal that it got.
            await asyncio.to_thread(end_telling)


def openapi(settings: Settings | None = None) -> dict[str, Any]:
    """The OpenAPI document."""
    return create_app(settings or Settings.from_environment({})).openapi()
