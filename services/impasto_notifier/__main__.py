"""The notifier's process: `python -m impasto_notifier`."""

from __future__ import annotations

import asyncio
import signal

from impasto.backends.gate import ResolvingGate, warn_if_anywhere
from impasto.backends.pinned_sender import PinnedSender
from impasto.backends.postgres.deliveries import PostgresDeliveries
from impasto.backends.postgres.pools import api_pool
from impasto.backends.sealing import SealedVault
from impasto.backends.telemetry.process import begin_telling, end_telling
from impasto.settings import Settings
from impasto_notifier import limits
from impasto_notifier.notifier import Notifier, serve_figures
from impasto_notifier.waking import listen_for_ever

_CONNECTIONS = 8


def main() -> None:
    """Sends until it is told to stop."""
    settings = Settings.from_environment().require("engine_database_url", "redis_url", "webhook_secret_key")
    begin_telling(settings, "notifier")
    warn_if_anywhere(settings.webhooks_to_anywhere)
    asyncio.run(_run(settings))
    end_telling()


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    vault = SealedVault(settings.webhook_secret_key)
    sender = PinnedSender(ResolvingGate(anywhere=settings.webhooks_to_anywhere))
    # The same pool as the services have, under the address of role impasto_engine.
    async with api_pool(settings.engine_database_url, most=_CONNECTIONS) as pool:
        deliveries = PostgresDeliveries(
            pool, lease_s=limits.LEASE_S, cap=limits.MOST_OF_A_LANE, tenant_cap=limits.MOST_OF_A_TENANT
        )
        notifier = Notifier(deliveries, sender, vault, settings.say_alive)
        listening = asyncio.create_task(listen_for_ever(settings.redis_url, notifier.news))
        serve_figures(settings.metrics_host, settings.metrics_port)
        settings.say_ready()
        try:
            await notifier.run(stop)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await sender.close()


if __name__ == "__main__":
    main()
