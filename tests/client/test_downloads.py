"""A downloaded file is whole and right, or not there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from impasto.client.downloads import downloading, reading
from impasto.client.flow import Broken
from impasto.client.retrying import Retries
from impasto.errors import NotFound, Unavailable
from tests.client.steps import answer, perform

_BYTES = b"a picture" * 1000
_DIGEST = hashlib.sha256(_BYTES).hexdigest()
_OPENED = answer({})


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "made" / "here.png"
    value, _, _ = perform(downloading(_DIGEST, path, Retries()), [_OPENED, _BYTES[:500], _BYTES[500:], b""])
    assert value == path
    assert path.read_bytes() == _BYTES
    assert [left.name for left in path.parent.iterdir()] == ["here.png"]


@pytest.mark.parametrize("bad", [[b"something else", b""], [_BYTES[:500], b""], [_BYTES[:500], Broken("cut", "u")]])
def test_wrong_or_cut_bytes_are_fetched_again(tmp_path: Path, bad: list[bytes | Broken]) -> None:
    path = tmp_path / "x.png"
    perform(downloading("sha256:" + _DIGEST, path, Retries()), [_OPENED, *bad, None, _OPENED, _BYTES, b""])
    assert path.read_bytes() == _BYTES


def test_a_file_that_never_comes_right_is_not_there_and_the_old_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_text("old")
    with pytest.raises(Unavailable, match="digest"):
        perform(downloading(_DIGEST, path, Retries(1)), [_OPENED, b"no", b"", None, _OPENED, b"no", b""])
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_unknown_artifact_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        perform(downloading(_DIGEST, tmp_path / "x", Retries()), [answer({"code": "not_found", "detail": "no"}, 404)])
    assert list(tmp_path.iterdir()) == []


def test_bytes_read_into_memory_are_checked_too() -> None:
    with pytest.raises(Unavailable):
        perform(reading(_DIGEST), [answer("other")])
