"""Which server is used: address, PATH, wheel, in this order; bound by the data that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.embedded import resolve
from impasto.embedded.layout import Layout
from impasto.embedded.resolve import candidates, choose
from impasto.errors import Unavailable


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr("impasto.embedded.layout.ROOT_HOME", tmp_path / "root")
    made = Layout(tmp_path / "data")
    made.make()
    return made


def program(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def write_cluster(layout: Layout, major: str) -> None:
    (layout.postgres / "data").mkdir(parents=True)
    (layout.postgres / "data" / "PG_VERSION").write_text(f"{major}\n")


@pytest.mark.parametrize("server", ["postgres", "redis", "s3"])
def test_a_given_address_wins(server: str, layout: Layout) -> None:
    choice = choose(server, layout, {resolve.ADDRESS_VARIABLES[server]: "somewhere"})
    assert (choice.source, choice.program) == ("environment", None)


@pytest.mark.parametrize(
    ("server", "name", "says", "expected"),
    [
        ("postgres", "postgres", "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", ("postgresql", "15.18")),
        ("redis", "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc", ("redis", "7.0.15")),
        ("redis", "redis-server", "Valkey server v=8.1.1 sha=00000000:0", ("valkey", "8.1.1")),
        ("redis", "valkey-server", "Valkey server v=9.1.2 sha=00000000:1", ("valkey", "9.1.2")),
        ("s3", "weed", "version 8000GB 4.48 pypi linux amd64", ("seaweedfs", "4.48")),
        ("s3", "minio", "minio version RELEASE.2025-09-07T16-13-09Z", ("minio", "2025-09-07T16-13-09Z")),
    ],
)
def test_a_program_on_path_wins_over_the_wheel(
    server: str, name: str, says: str, expected: tuple[str, str], layout: Layout, tmp_path: Path
) -> None:
    path = program(tmp_path / "bin", name, says)
    program(tmp_path / "bin", "initdb", "")
    choice = choose(server, layout, {"PATH": f"{tmp_path / 'bin'}"})
    assert (choice.source, choice.program) == ("path", path)
    assert (choice.product, choice.version) == expected


@pytest.mark.parametrize(("server", "product"), [("postgres", "postgresql"), ("redis", "valkey"), ("s3", "seaweedfs")])
def test_the_wheel_is_used_when_path_has_nothing(server: str, product: str, layout: Layout) -> None:
    choice = choose(server, layout, {"PATH": ""})
    assert (choice.source, choice.product) == ("wheel", product)


def test_a_postgres_without_initdb_is_not_a_server(layout: Layout, tmp_path: Path) -> None:
    path = program(tmp_path / "bin", "postgres", "postgres (PostgreSQL) 17.2")
    assert all(choice.program != path for choice in candidates("postgres", {"PATH": str(tmp_path / "bin")}))


def test_data_of_a_major_version_that_is_here_chooses_it(layout: Layout, tmp_path: Path) -> None:
    program(tmp_path / "bin", "postgres", "postgres (PostgreSQL) 99.1")
    program(tmp_path / "bin", "initdb", "")
    environment = {"PATH": str(tmp_path / "bin")}
    assert choose("postgres", layout, environment).major == "99"
    write_cluster(layout, "18")
    choice = choose("postgres", layout, environment)
    assert (choice.source, choice.major) == ("wheel", "18")
    assert "written by PostgreSQL 18" in choice.reason


def test_data_of_a_major_version_that_is_not_here_is_refused_with_what_to_do(layout: Layout) -> None:
    write_cluster(layout, "13")
    with pytest.raises(Unavailable, match="written by PostgreSQL 13; found only") as caught:
        choose("postgres", layout, {"PATH": ""})
    assert caught.value.hint
    assert "install PostgreSQL 13 again" in caught.value.hint


def test_objects_of_another_product_are_refused_with_what_to_do(layout: Layout) -> None:
    (layout.data / "s3-minio").mkdir()
    with pytest.raises(Unavailable, match="written by minio; found only seaweedfs") as caught:
        choose("s3", layout, {"PATH": ""})
    assert caught.value.hint
    assert "install minio again" in caught.value.hint


def test_a_server_that_is_nowhere_is_told_with_how_to_get_it(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(resolve._WHEELS, "redis", ("no-such-distribution", "valkey-server"))
    with pytest.raises(Unavailable, match="no redis server") as caught:
        choose("redis", layout, {"PATH": ""})
    assert "IMPASTO_REDIS_URL" in str(caught.value.hint)


def test_a_program_keeps_the_name_it_is_called_by(layout: Layout, tmp_path: Path) -> None:
    """Redis is one binary: called redis-check-rdb, which is what Debian's redis-server points to, it checks files."""
    real, called = tmp_path / "redis-check-rdb", tmp_path / "redis-server"
    real.write_text('#!/bin/sh\necho "Redis server v=7.0.15 $(basename "$0")"\n')
    real.chmod(0o755)
    called.symlink_to(real.name)
    assert choose("redis", layout, {"PATH": str(tmp_path)}).program == called
