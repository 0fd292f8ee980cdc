"""`/livez`, `/readyz`, `/metrics`, and what this platform is."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg import OperationalError
from psycopg_pool import PoolTimeout

import impasto
from impasto_gateway.parts import TheParts

router = APIRouter()


@router.get("/healthz", include_in_schema=False)
@router.get("/livez", include_in_schema=False)
async def livez() -> dict[str, str]:
    """The process lives; no other part is asked."""
    return {"status": "ok"}


@router.get("/readyz", include_in_schema=False)
async def readyz(request: Request, the: TheParts) -> JSONResponse:
    """Without the database nothing is accepted; without the store or Redis all but some of it is."""
    try:
        async with request.app.state.pool.connection(timeout=2) as connection:
            await connection.execute("SELECT 1")
        database = True
    except (OperationalError, PoolTimeout):
        database = False
    store = await asyncio.to_thread(the.objects.ready)
    # The subscription notices within seconds that Redis is away or silent: nobody who asks this has to wait for it.
    parts = {"database": database, "object_store": store, "redis": the.awakener.hears}
    status = "ok" if all(parts.values()) else "degraded" if database else "unavailable"
    return JSONResponse({"status": status, "parts": parts}, status_code=200 if database else 503)


@router.get("/metrics", include_in_schema=False)
async def metrics() -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/v1", tags=["platform"], summary="What this is", operation_id="get_platform")
async def get_platform(request: Request) -> dict[str, Any]:
    """Version, and the direct address of ingestion, unless it is one that only the platform can use."""
    direct = _direct(request.app.state.settings.ingestion_url, request.headers.get("host", ""))
    return {"name": "impasto", "version": impasto.__version__, "ingestion_url": direct}


def _direct(ingestion_url: str, asked: str) -> str | None:
    """Ingestion's address for whoever found the gateway at `asked` (a Host header); None if it is not for them.

    They would send their key there: a loopback address leads those who came from elsewhere to a port of their own
    machine, and a name without a dot is known in the platform's network alone. With None uploads go the way of all
    requests.
    """
    place = f"//{urlsplit(ingestion_url).netloc}"
    if _is_own_machine(place):
        return ingestion_url if _is_own_machine(f"//{asked}") else None
    host = urlsplit(place).hostname or ""
    return ingestion_url if "." in host or ":" in host else None


def _is_own_machine(place: str) -> bool:
    try:
        host = urlsplit(place).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name, or nothing that could be one
        return False
