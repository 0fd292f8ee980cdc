"""Places for uploads that are received at once: so many in all, and of these only some for one tenant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class _Tenant:
    def __init__(self, places: int) -> None:
        self.places, self.callers = asyncio.Semaphore(places), 0


class Places:
    """Who finds no place waits, unread; a tenant that fills its own keeps no other from theirs."""

    def __init__(self, most: int, most_of_one_tenant: int) -> None:
        self._all, self._most_of_one = asyncio.Semaphore(most), most_of_one_tenant
        self._tenants: dict[str, _Tenant] = {}

    @asynccontextmanager
    async def taken_by(self, tenant_id: str) -> AsyncIterator[None]:
        """Waits for a place and holds it."""
        tenant = self._tenants.setdefault(tenant_id, _Tenant(self._most_of_one))
        tenant.callers += 1
        try:
            # The tenant's own first: whoever waits for that must not hold one of all.
            async with tenant.places, self._all:
                yield
        finally:
            tenant.callers -= 1
            if not tenant.callers:
                del self._tenants[tenant_id]

    def __len__(self) -> int:
        """How many tenants hold a place or wait for one."""
        return len(self._tenants)
