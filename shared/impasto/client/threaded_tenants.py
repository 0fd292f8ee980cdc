"""The blocking client's tenants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

from impasto.client import resources, tenants
from impasto.client.tenants import Limits
from impasto.client.threaded_transport import Transport
from impasto.quotas import TenantUsage


class Tenants:
    """Every tenant, what it uses and what it may; needs a key with scope `operate`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self) -> Iterator[TenantUsage]:
        return self._transport.iterate(resources.pages(TenantUsage, "tenants"))

    def get(self, tenant: str) -> TenantUsage:
        """The tenant of that id or name."""
        return self._transport.run(resources.fetch(TenantUsage, "tenants", tenant))

    def limit(self, tenant: str, **limits: Unpack[Limits]) -> TenantUsage:
        """Sets the limits that are named, `None` takes one away; they hold from the next request on."""
        return self._transport.run(tenants.changing(tenant, limits))
