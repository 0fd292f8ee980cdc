"""An HTTP route with three rows a commit and nothing around it: `python -m bench.peers.bare_rows URL PORT`."""

from __future__ import annotations

import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    id text PRIMARY KEY, kind text NOT NULL, params jsonb NOT NULL, state text NOT NULL DEFAULT 'queued',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS events (
    job_id text NOT NULL REFERENCES jobs, number integer NOT NULL, type text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (job_id, number)
);
CREATE TABLE IF NOT EXISTS outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_id text NOT NULL, queue text NOT NULL
);
"""


class Ask(BaseModel):
    """The same body as a submission of ours."""

    kind: str
    params: dict[str, str]


def service(url: str) -> FastAPI:
    """A job, its first event and its bell in one transaction; no keys, no tenants, no checks."""
    pool = AsyncConnectionPool(url, min_size=8, max_size=8, open=False)

    @asynccontextmanager
    async def opened(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            async with pool.connection() as connection:
                await connection.execute(_TABLES)
            yield

    api = FastAPI(lifespan=opened)

    @api.post("/jobs", status_code=202)
    async def accept(ask: Ask) -> dict[str, str]:
        job_id = uuid.uuid4().hex
        async with pool.connection() as connection:
            await connection.execute(
                "INSERT INTO jobs (id, kind, params) VALUES (%s, %s, %s)", [job_id, ask.kind, Jsonb(ask.params)]
            )
            await connection.execute("INSERT INTO events (job_id, number, type) VALUES (%s, 1, 'queued')", [job_id])
            await connection.execute("INSERT INTO outbox (job_id, queue) VALUES (%s, 'bench')", [job_id])
        return {"id": job_id, "state": "queued"}

    return api


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(service(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
