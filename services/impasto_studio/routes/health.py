"""`/livez`, `/readyz`, `/metrics`."""

from __future__ import annotations

from typing import Final

import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from nicegui import Client
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

router = APIRouter(include_in_schema=False)
OPEN: Final = Gauge("impasto_studio_pages_open", "Pages that are open in a browser")
OPEN.set_function(lambda: sum(client.has_socket_connection for client in Client.instances.values()))


@router.get("/healthz")
@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process lives; no other part is asked."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """Without a gateway the studio still answers: with a page that says so."""
    url = request.app.state.parts.settings.gateway_url.rstrip("/")
    try:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
            gateway = (await http.get(f"{url}/healthz")).is_success
    except httpx.HTTPError:
        gateway = False
    return JSONResponse({"status": "ok" if gateway else "degraded", "parts": {"gateway": gateway}})


@router.get("/metrics")
async def metrics() -> Response:
    """Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
