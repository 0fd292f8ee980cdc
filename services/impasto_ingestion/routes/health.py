"""`/livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

from impasto_ingestion.parts import TheParts

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process lives; no other part is asked."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request, the: TheParts) -> JSONResponse:
    """Without the database nothing can be said of any file; without the store duplicates and refusals still can."""
    try:
        async with request.app.state.pool.connection(timeout=2) as connection:
            await connection.execute("SELECT 1")
        database = True
    except (OperationalError, PoolTimeout):
        database = False
    parts = {"database": database, "object_store": await asyncio.to_thread(the.objects.ready)}
    status = "ok" if all(parts.values()) else "degraded" if database else "unavailable"
    return JSONResponse({"status": status, "parts": parts}, status_code=200 if database else 503)


@router.get("/metrics")
async def metrics() -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
