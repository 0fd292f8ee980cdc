"""Ingestion's application: routes, problems and parts put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from impasto.backends.disk import watch_disk
from impasto.backends.objects import S3Objects
from impasto.backends.postgres.pools import api_pool
from impasto.backends.rates import rates_of
from impasto.backends.telemetry.process import end_telling
from impasto.backends.web import problems
from impasto.backends.web.known_keys import KnownKeys
from impasto.backends.web.requests import NO_TELEMETRY, RequestFrame
from impasto.settings import Settings
from impasto_ingestion import limits
from impasto_ingestion.decoders import Decoders
from impasto_ingestion.intake import Intake
from impasto_ingestion.parts import Parts
from impasto_ingestion.places import Places
from impasto_ingestion.routes import files, health, uploads
from impasto_ingestion.workplace import Workplace


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application; servers are connected to in its lifespan."""
    # The gateway documents this address as its own.
    app = FastAPI(
        lifespan=_lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=NO_TELEMETRY,
    )
    app.state.settings = settings
    problems.install(app)
    # A file of weights has a limit of its own.
    app.add_middleware(RequestFrame, most_bytes=limits.MOST_REQUEST_BYTES, unlimited=("/v1/files/",))
    for module in (health, uploads, files):
        app.include_router(module.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    pool, objects, decoders = api_pool(settings.database_url), S3Objects(settings), Decoders()
    workplace = Workplace(settings.data_folder / "ingestion")
    watch_disk(settings.data_folder)
    intake = Intake(pool, objects, decoders)
    app.state.pool, app.state.rates = pool, rates_of(settings)
    app.state.known_keys = KnownKeys()
    places = Places(limits.MOST_UPLOADS_AT_ONCE, limits.MOST_UPLOADS_OF_A_TENANT)
    file_places = Places(limits.MOST_WEIGHTS_AT_ONCE, limits.MOST_WEIGHTS_OF_A_TENANT)
    app.state.parts = Parts(objects, intake, workplace, places, file_places, int(settings.file_most_bytes))
    await pool.open()
    try:
        yield
    finally:
        await decoders.close()
        await asyncio.to_thread(intake.close)
        if app.state.rates:
            await app.state.rates.stop()
        await pool.close()
        workplace.close()
        # Here, because the server ends its process by the signal that it got.
        await asyncio.to_thread(end_telling)
