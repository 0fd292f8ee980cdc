"""Celery's connection to Redis, where its own is not good enough: it comes back late, and falls over rubbish."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from kombu import Connection
from kombu.transport import redis

_LOG = logging.getLogger("impasto.broker")


class _Channel(redis.Channel):  # type: ignore[misc]  # kombu has no types
    """Reads on behind a message that is none; kombu's own ends its worker, and so one such message ends each."""

    _kept: Any = None

    def _brpop_read(self, **options: Any) -> Any:
        held = set(self.qos._delivered)
        try:
            return super()._brpop_read(**options)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            # Redis has given it away already: it is gone. It must hold no place either, if it was read so far.
            for tag in set(self.qos._delivered) - held:
                self.qos.ack(tag)
            _LOG.error("dropped what was no message: %s", type(error).__name__)
            self.connection.client.dropped()
            return True

    def _create_client(self, asynchronous: bool = False) -> Any:
        """One client for as long as its pool; kombu's own makes a new one for each command, a fifth of a message."""
        if asynchronous:
            return super()._create_client(asynchronous)
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()
        return self._kept


class _Transport(redis.Transport):  # type: ignore[misc]
    Channel = _Channel


class BrokerConnection(Connection):  # type: ignore[misc]
    """Looks for Redis each second while it is away. Celery's own pauses grow to half a minute and are no setting."""

    @staticmethod
    def dropped() -> None:
        """Is told of each message that was none."""

    retries: ClassVar[dict[str, float]] = {"interval_start": 1, "interval_step": 0, "interval_max": 1}

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        return super().ensure_connection(*args, **{**self.retries, **kwargs})

    def get_transport_cls(self) -> Any:
        found = super().get_transport_cls()
        return _Transport if found is redis.Transport else found
