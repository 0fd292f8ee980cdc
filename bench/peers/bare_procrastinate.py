"""procrastinate by itself: `... serve URL PORT` defers a task at each POST, `... work URL THREADS` runs them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from procrastinate import App, PsycopgConnector
from pydantic import BaseModel


class Ask(BaseModel):
    """The same body as a submission of ours."""

    kind: str
    params: dict[str, str]


def bare_app(url: str) -> App:
    """An application with one task, which does nothing."""
    app = App(connector=PsycopgConnector(conninfo=url, max_size=16))

    @app.task(name="noop", queue="bare")
    async def noop() -> None:
        return None

    return app


def service(url: str) -> FastAPI:
    """An HTTP route that defers a task and answers with its number."""
    app = bare_app(url)

    @asynccontextmanager
    async def opened(_: FastAPI) -> AsyncIterator[None]:
        async with app.open_async():
            yield

    api = FastAPI(lifespan=opened)

    @api.post("/jobs", status_code=202)
    async def defer(ask: Ask) -> dict[str, int]:
        return {"id": await app.tasks["noop"].defer_async()}

    return api


async def work(url: str, most: int) -> None:
    """Runs tasks until the process is ended."""
    app = bare_app(url)
    async with app.open_async():
        await app.run_worker_async(concurrency=most, install_signal_handlers=False, delete_jobs="never")


async def prepare(url: str) -> None:
    """Makes its tables."""
    app = bare_app(url)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


if __name__ == "__main__":
    what, given = sys.argv[1], sys.argv[2:]
    if what == "serve":
        import uvicorn

        uvicorn.run(service(given[0]), host="127.0.0.1", port=int(given[1]), log_level="warning", access_log=False)
    elif what == "work":
        asyncio.run(work(given[0], int(given[1])))
    else:
        asyncio.run(prepare(given[0]))
