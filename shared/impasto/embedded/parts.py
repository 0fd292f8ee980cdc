"""The table of parts: what runs on one machine, in which order, and how each is known to be ready."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from impasto.embedded.cluster import Cluster
from impasto.embedded.credentials import Credentials
from impasto.embedded.environment import database_urls, service_environment
from impasto.embedded.layout import Layout
from impasto.embedded.metrics import own_port
from impasto.embedded.part import Part
from impasto.embedded.ports import kept
from impasto.embedded.probes import HttpOk, Probe, Said
from impasto.embedded.resolve import Choice, choose
from impasto.embedded.stores import redis_part, s3_part

# Workers of one machine without a large GPU: pictures are prepared beside whatever the device computes.
WORKERS = {
    "worker-preprocess": ("preprocess", 2),
    "worker-device": ("train,evaluate,generate,analyse", 2),
}
# Training may stand at a step that cannot be cut short.
WORKER_GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided before the first process starts."""

    layout: Layout
    gateway_port: int
    ports: dict[str, int]
    credentials: Credentials
    choices: dict[str, Choice]
    given: Mapping[str, str]

    @classmethod
    def make(cls, layout: Layout, gateway_port: int, given: Mapping[str, str]) -> Plan:
        """Chooses servers and ports and makes the secrets, all kept in the data folder.

        Raises:
            Unavailable: a server is missing, or does not fit the data.
        """
        layout.make()
        choices = {server: choose(server, layout, given) for server in ("postgres", "redis", "s3")}
        credentials = Credentials.kept(layout.credentials)
        return cls(layout, gateway_port, kept(layout.ports, gateway_port), credentials, choices, given)


def build(plan: Plan) -> list[Part]:
    """The parts of the plan; a server whose address was given is not among them."""
    own = servers(plan)
    present = {part.name for part in own}

    def after(*names: str) -> tuple[str, ...]:
        return tuple(name for name in names if name in present or name in ("migrate", "key", "bucket"))

    return own + _preparations(plan, after("postgres"), after("s3")) + _services(plan, after("redis"))


def has_studio() -> bool:
    """Whether the library that serves the studio's pages is installed."""
    return find_spec("nicegui") is not None


def device() -> str:
    """The device of this machine's one worker that computes; asked of the driver, because torch is not for us."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
    return "cuda:0" if Path("/dev/nvidia0").exists() and visible not in ("", "-1") else "cpu"


def servers(plan: Plan) -> list[Part]:
    """PostgreSQL, Redis and S3, without those whose address was given."""
    parts, ports, data = [], plan.ports, plan.layout.data
    if plan.choices["postgres"].program:
        cluster = Cluster.at(plan.layout.postgres, plan.choices["postgres"])
        server = cluster.part(ports["postgres"])
        if not (cluster.made() and plan.layout.postgres_mark.exists()):
            parts.append(_ours("postgres-data", plan, "impasto.embedded.first_data", once=True))
            server = replace(server, after=("postgres-data",))
        parts.append(server)
    if plan.choices["redis"].program:
        parts.append(redis_part(plan.choices["redis"], data, ports["redis"], plan.credentials.redis_password))
    if plan.choices["s3"].program:
        parts.append(s3_part(plan.choices["s3"], data, ports, plan.credentials))
    return parts


def _preparations(plan: Plan, database: tuple[str, ...], store: tuple[str, ...]) -> list[Part]:
    urls = database_urls(plan.given, plan.credentials, plan.ports["postgres"])
    owner = {"IMPASTO_ADMIN_DATABASE_URL": urls.admin, **urls.role_passwords}
    parts = [
        _ours("migrate", plan, "impasto.backends.postgres.migrate", after=database, once=True, more=owner),
        _ours("bucket", plan, "impasto.embedded.bucket", after=store, once=True),
        _ours(
            "models", plan, "impasto_worker", "models", "fetch", once=True, optional=True,
            # The first time it converts weights for some seconds, and must not hold up the servers meanwhile.
            prefix=("nice", "-n", "10"),
        ),
    ]  # fmt: skip
    if not plan.layout.api_key.exists():
        bootstrap = ("impasto.backends.postgres.bootstrap", "--tenant", "default", "--operate", "--print-key")
        key = plan.layout.api_key
        parts.append(_ours("key", plan, *bootstrap, after=("migrate",), once=True, more=owner, output=key))
    return parts


def _services(plan: Plan, redis: tuple[str, ...]) -> list[Part]:
    needs = ("migrate", "bucket", *redis)
    gateway, ingestion = plan.gateway_port, plan.ports["ingestion"]
    parts = [
        _ours("ingestion", plan, "impasto_ingestion", after=needs, probe=HttpOk(ingestion, "/readyz")),
        _ours("gateway", plan, "impasto_gateway", after=needs, probe=HttpOk(gateway, "/readyz")),
        _ours("reconciler", plan, "impasto_reconciler", after=needs),
        _ours("notifier", plan, "impasto_notifier", after=needs),
    ]
    if has_studio():
        # Pages for people: nobody needs them in order to run, and they say themselves when the gateway is away.
        probe = HttpOk(plan.ports["studio"], "/readyz")
        parts.append(_ours("studio", plan, "impasto_studio", probe=probe, optional=True))
    for name, (queues, slots) in WORKERS.items():
        on = device() if name == "worker-device" else "cpu"
        options = ("--name", name, "--queues", queues, "--device", on, "--slots", str(slots))
        parts.append(
            # The kernel kills it with the supervisor: a drain would keep it, and the lease finds its jobs anyway.
            _ours(
                name, plan, "impasto_worker", "worker", *options,
                after=needs, death=signal.SIGKILL, grace_s=WORKER_GRACE_S,
            )
        )  # fmt: skip
    return parts


def _ours(
    name: str,
    plan: Plan,
    *module: str,
    after: tuple[str, ...] = (),
    probe: Probe | None = None,
    once: bool = False,
    optional: bool = False,
    more: Mapping[str, str] | None = None,
    output: Path | None = None,
    death: signal.Signals = signal.SIGTERM,
    grace_s: float = 10.0,
    prefix: tuple[str, ...] = (),
) -> Part:
    layout, urls = plan.layout, database_urls(plan.given, plan.credentials, plan.ports["postgres"])
    environment = service_environment(layout, plan.ports, plan.gateway_port, plan.credentials, plan.given)
    environment |= {"IMPASTO_DATABASE_URL": urls.api, "IMPASTO_ENGINE_DATABASE_URL": urls.engine, **(more or {})}
    if port := own_port(name, plan.ports):
        environment |= {"IMPASTO_METRICS_HOST": "127.0.0.1", "IMPASTO_METRICS_PORT": str(port)}
    environment["IMPASTO_READY_FILE"] = str(layout.ready_file(name))
    return Part(
        name,
        (*prefix, sys.executable, "-m", *module),
        after=after,
        probe=probe or Said(layout.ready_file(name)),
        once=once,
        optional=optional,
        environment=environment,
        death_signal=death,
        grace_s=grace_s,
        output=output,
    )
