"""Where the client finds the platform, and where it does not send a key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from impasto.client.address import Address, find_address
from impasto.errors import AccessDenied, InvalidInput, Unavailable

_ENVIRONMENT = {"IMPASTO_URL": "http://env:1/", "IMPASTO_API_KEY": "env-key"}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / ".impasto").mkdir()
    (tmp_path / ".impasto" / "client.json").write_text(json.dumps({"url": "http://file:2", "api_key": "file-key"}))
    return tmp_path


def test_arguments_come_before_the_environment_before_the_file(kept: Path) -> None:
    assert find_address("http://arg:3", "arg-key", environment=_ENVIRONMENT, folder=kept).url == "http://arg:3"
    assert find_address(environment=_ENVIRONMENT, folder=kept) == Address("http://env:1", "env-key")
    assert find_address(environment={}, folder=kept) == Address("http://file:2", "file-key")


def test_the_file_of_a_folder_above_is_found(kept: Path) -> None:
    below = kept / "a" / "b"
    below.mkdir(parents=True)
    assert find_address(environment={}, folder=below).api_key == "file-key"


@pytest.mark.parametrize("environment", [{}, {"IMPASTO_URL": "http://elsewhere:9"}])
def test_a_key_from_the_file_is_never_sent_to_another_address(kept: Path, environment: dict[str, str]) -> None:
    url = None if environment else "http://elsewhere:9"
    with pytest.raises(AccessDenied):
        find_address(url, environment=environment, folder=kept)
    assert find_address("http://file:2/", environment={}, folder=kept).api_key == "file-key"


def test_without_an_address_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as raised:
        find_address(environment={}, folder=tmp_path)
    assert "impasto up" in (raised.value.hint or "")


@pytest.mark.parametrize("url", ["ftp://x", "127.0.0.1:8080", "http://", "nonsense"])
def test_what_is_no_http_address_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        find_address(url, "k", environment={}, folder=tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "3"])
def test_a_damaged_file_is_named(kept: Path, content: str) -> None:
    (kept / ".impasto" / "client.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"client\.json"):
        find_address(environment={}, folder=kept)


def test_an_address_does_not_print_its_key() -> None:
    assert "secret" not in repr(Address("http://x", "secret"))
