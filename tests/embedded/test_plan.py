"""The table of parts, and the addresses and secrets our services get."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from impasto.embedded.credentials import Credentials
from impasto.embedded.environment import as_user, database_urls
from impasto.embedded.files import read_json, rotate, write_private
from impasto.embedded.layout import Layout
from impasto.embedded.part import Part, in_order
from impasto.embedded.parts import Plan, build
from impasto.embedded.ports import NAMES, choose, is_free, kept

EXTERNAL = {
    "IMPASTO_DATABASE_URL": "postgresql://owner:secret@db.example:5433/art?sslmode=require",
    "IMPASTO_REDIS_URL": "redis://cache.example:6379/2",
    "IMPASTO_S3_ENDPOINT": "https://s3.example",
    "IMPASTO_S3_ACCESS_KEY": "access",
    "IMPASTO_S3_SECRET_KEY": "hidden",
    "IMPASTO_S3_BUCKET": "pictures",
}


def names(parts: list[Part]) -> list[str]:
    return [part.name for part in parts]


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setattr("impasto.embedded.layout.ROOT_HOME", tmp_path / "root")
    return Layout(tmp_path / "data")


def test_everything_runs_when_nothing_is_given(layout: Layout) -> None:
    parts = build(Plan.make(layout, 8080, {"PATH": ""}))
    servers, steps = {"postgres", "redis", "s3"}, {"postgres-data", "migrate", "bucket", "models", "key"}
    services = {"gateway", "ingestion", "reconciler", "studio", "notifier", "worker-preprocess", "worker-device"}
    assert set(names(parts)) == servers | steps | services
    order = names(in_order(parts))
    assert order.index("postgres-data") < order.index("postgres") < order.index("migrate") < order.index("gateway")


def test_servers_whose_addresses_are_given_are_not_started(layout: Layout) -> None:
    parts = build(Plan.make(layout, 8080, {"PATH": "", **EXTERNAL}))
    assert not {"postgres", "postgres-data", "redis", "s3"} & set(names(parts))
    in_order(parts)
    gateway = next(part for part in parts if part.name == "gateway").environment
    assert gateway["IMPASTO_REDIS_URL"] == EXTERNAL["IMPASTO_REDIS_URL"]
    assert gateway["IMPASTO_S3_BUCKET"] == "pictures"
    assert gateway["IMPASTO_DATABASE_URL"].startswith("postgresql://impasto_api:")
    assert gateway["IMPASTO_DATABASE_URL"].endswith("@db.example:5433/art?sslmode=require")


def test_only_the_migration_and_the_first_key_know_the_database_owner(layout: Layout) -> None:
    given = {"PATH": "", **EXTERNAL, "IMPASTO_ADMIN_DATABASE_URL": "postgresql://root:pw@db.example/art"}
    parts = build(Plan.make(layout, 8080, given))
    knowing = {part.name for part in parts if "IMPASTO_ADMIN_DATABASE_URL" in part.environment}
    assert knowing == {"migrate", "key"}


def test_the_first_key_is_made_once(layout: Layout) -> None:
    layout.make()
    write_private(layout.api_key, "impasto_x\n")
    assert "key" not in names(build(Plan.make(layout, 8080, {"PATH": ""})))


def test_role_addresses_that_are_given_are_used_and_their_passwords_left_alone() -> None:
    given = {"IMPASTO_DATABASE_URL": "postgresql://a:1@h/d", "IMPASTO_ENGINE_DATABASE_URL": "postgresql://e:2@h/d"}
    urls = database_urls(given, Credentials.make(), 1)
    assert (urls.api, urls.engine) == (given["IMPASTO_DATABASE_URL"], given["IMPASTO_ENGINE_DATABASE_URL"])
    assert urls.role_passwords == {}


def test_a_password_is_quoted_in_an_address() -> None:
    assert as_user("postgresql://h:1/d", "u", "p@/:") == "postgresql://u:p%40%2F%3A@h:1/d"


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    first = Credentials.kept(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Credentials.kept(path) == first
    assert len(set(first.as_record().values())) == 8


def test_ports_stay_the_same_unless_somebody_took_one(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = kept(path)
    assert set(first) == set(NAMES)
    assert kept(path) == first
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["redis"]))
        other.listen()
        second = kept(path)
    assert second["redis"] != first["redis"]
    assert {name: port for name, port in second.items() if name != "redis"} == {
        name: port for name, port in first.items() if name != "redis"
    }
    assert read_json(path) == second


def test_the_studio_gets_a_port_that_is_easy_to_type_unless_it_is_the_gateways(tmp_path: Path) -> None:
    assert kept(tmp_path / "ports.json", reserved=8090)["studio"] != 8090
    assert choose(["studio"], {"studio": 20123})["studio"] == 20123
    assert choose(["studio"])["studio"] == 8090 or not is_free(8090)


def test_a_machine_without_the_pages_library_runs_without_the_studio(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.embedded.parts.find_spec", lambda name: None)
    assert "studio" not in names(build(Plan.make(layout, 8080, {"PATH": ""})))


def test_no_two_parts_get_one_port() -> None:
    ports = choose()
    assert len(set(ports.values()) | {ports["s3_admin"] + 10000}) == len(NAMES) + 1


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([Part("a", ("x",), after=("b",))], "not there"),
        ([Part("a", ("x",), after=("b",)), Part("b", ("x",), after=("a",))], "need one another"),
        ([Part("a", ("x",)), Part("a", ("y",))], "same name"),
    ],
)
def test_a_table_of_parts_that_cannot_be_ordered_is_refused(parts: list[Part], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        in_order(parts)


def test_a_large_log_is_moved_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    for number in range(6):
        log.write_text(f"{number}" * 10)
        rotate(log, limit_bytes=10, keep=3)
    assert not log.exists()
    assert [(tmp_path / f"x.log.{n}").read_text()[0] for n in (1, 2, 3)] == ["5", "4", "3"]
    assert not (tmp_path / "x.log.4").exists()
    log.write_text("short")
    rotate(log, limit_bytes=10)
    assert log.exists()
