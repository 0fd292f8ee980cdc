"""`/enter/{ticket}`: from the door into a new session."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse

from impasto_studio.entrance import safe_path
from impasto_studio.parts import parts
from impasto_studio.sessions import renew

router = APIRouter(include_in_schema=False)


@router.get("/enter/{ticket}")
async def enter(request: Request, ticket: str, to: str = "/") -> RedirectResponse:
    """Leads on to the page that was wanted; back to the door with a ticket that does not count."""
    place = safe_path(to)
    key = parts().tickets.take(ticket, request.session["id"])
    if key is None:
        place = f"/sign-in?to={quote(place, safe='')}"
    else:
        request.session["id"] = await renew(key)
    return RedirectResponse(place, 303, headers={"Cache-Control": "no-store"})
