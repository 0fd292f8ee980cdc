"""The studio's application: its own small routes, and every page under one roof."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from nicegui import app as pages_app
from nicegui import ui

from impasto.settings import Settings
from impasto_studio import pages
from impasto_studio.clients import Clients
from impasto_studio.frame import SafeFrame
from impasto_studio.looks import BRAND, FAVICON
from impasto_studio.parts import Parts
from impasto_studio.routes import entering, health, pictures, previews, works
from impasto_studio.sessions import SESSION_S, keep_tidy
from impasto_studio.tickets import Tickets

_STATIC: Final = Path(__file__).parent / "static"
# As in the services with an API: it would tell what was in a request that was refused.
_NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application. One a process: pages register themselves with the library that serves them."""
    app = FastAPI(lifespan=_lifespan, docs_url=None, redoc_url=None, openapi_url=None, telemetry=_NO_TELEMETRY)
    # The pages' library has an application of its own inside of this one; both find the parts, and neither tells.
    pages_app._native_telemetry.config.update(_NO_TELEMETRY)
    app.state.parts = pages_app.state.parts = Parts(
        settings, Clients(settings.gateway_url), _uploads(settings), Tickets()
    )
    app.include_router(health.router)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    for module in (entering, pictures, previews, works):
        pages_app.include_router(module.router)
    pages.register()
    pages_app.config.quasar_config = {"brand": BRAND, "loadingBar": {"skipHijack": True}}
    ui.run_with(
        app,
        title="Impasto",
        favicon=FAVICON,
        dark=None,
        tailwind=False,
        # No value is bound to another: nothing has to be compared ten times a second.
        binding_refresh_interval=None,
        reconnect_timeout=5.0,
        storage_secret=settings.studio_secret,
        session_middleware_kwargs={"session_cookie": "impasto_studio", "max_age": SESSION_S, "same_site": "lax"},
        show_welcome_message=False,
    )
    app.add_middleware(SafeFrame)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    tidying = asyncio.create_task(keep_tidy(_sessions(parts.settings), parts.clients))
    try:
        async with parts.clients:
            parts.settings.say_ready()
            yield
    finally:
        tidying.cancel()


def _uploads(settings: Settings) -> Path:
    """An empty folder for files on their way; what a killed process left in it goes."""
    folder = settings.data_folder / "studio" / "uploads"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _sessions(settings).mkdir(exist_ok=True)
    return folder


def _sessions(settings: Settings) -> Path:
    """Where the pages' library keeps a file for each session; it was told so when the process began."""
    return settings.data_folder / "studio" / "sessions"
