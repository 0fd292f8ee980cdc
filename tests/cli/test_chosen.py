"""What a person names becomes what the platform knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from impasto.cli import chosen
from impasto.cli.session import Session
from impasto.errors import InvalidInput, NotFound
from tests.client.scripted import Asked, Say, scripted

_STY, _ART, _DSV, _CKP = (f"{prefix}_{'0' * 26}" for prefix in ("sty", "art", "dsv", "ckp"))
_PICTURE = "sha256:" + "0" * 64
_STYLES = [
    {"id": "ember", "name": "ember", "version": 0, "builtin": True},
    {"id": "sea-mist", "name": "sea-mist", "version": 0, "builtin": True},
    {"id": _STY, "name": "mine", "version": 2, "builtin": False},
]
_CHECKPOINT = {
    "id": _CKP,
    "name": "hands",
    "family": "f",
    "flavor": "base",
    "weights_sha256": "0",
    "config": {},
    "dataset_version_id": None,
    "job_id": "j",
    "measured": True,
    "created_at": "2026-01-01T00:00:00Z",
}
_ARTWORK = {
    "id": _ART,
    "sha256": "0" * 64,
    "media_type": "image/png",
    "width": 1,
    "height": 1,
    "size_bytes": 1,
    "created_at": "2026-01-01T00:00:00Z",
}


def _answer(asked: Asked, _: int) -> Say:
    if asked.method == "POST":
        verdict = {"file_name": "x", "verdict": "duplicate", "artwork": _ARTWORK}
        if b"broken" in asked.body:
            verdict = {"file_name": "x", "verdict": "refused", "error": {"code": "image_empty", "message": "no bytes"}}
        return Say({"files": [verdict], "accepted": 0, "duplicate": 1, "refused": 0})
    path = asked.path.split("?")[0]
    bodies: dict[str, Any] = {
        "/v1": {"name": "impasto", "version": "1"},
        "/v1/styles": {"items": _STYLES},
        "/v1/checkpoints": {"items": [_CHECKPOINT]},
        "/v1/datasets/icons": _dataset(_DSV),
        "/v1/datasets/empty": _dataset(None),
    }
    return Say(bodies[path]) if path in bodies else Say({"code": "not_found", "detail": f"no {path}"}, 404)


def _dataset(latest: str | None) -> dict[str, Any]:
    return {
        "id": "d",
        "name": "icons",
        "created_at": "2026-01-01T00:00:00Z",
        "versions": 1,
        "latest_version": latest,
    }


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    monkeypatch.setenv("IMPASTO_API_KEY", "key")
    with scripted(_answer) as server:
        made = Session()
        made.url = server.url
        yield made
        made.close()


def test_an_id_is_taken_as_it_is_and_a_file_is_uploaded(session: Session, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"x")
    assert chosen.picture(session, _PICTURE) == _PICTURE
    assert chosen.picture(session, _ART) == _ART
    assert chosen.picture(session, str(tmp_path / "photo.png")) == _ART


def test_a_picture_that_is_refused_says_why(session: Session, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"broken")
    with pytest.raises(InvalidInput, match=r"broken\.png: no bytes") as raised:
        chosen.picture(session, str(tmp_path / "broken.png"))
    assert raised.value.code == "image_empty"


def test_a_picture_that_is_not_there_is_named(session: Session) -> None:
    with pytest.raises(InvalidInput, match=r"no file 'gone\.png'"):
        chosen.picture(session, "gone.png")


def test_styles_are_mixed_by_their_weights(session: Session, tmp_path: Path) -> None:
    painting = tmp_path / "a=b.png"
    painting.write_bytes(b"x")
    params = chosen.stylise_params(session, _PICTURE, ["ember=2", f"{painting}=1", str(painting)], strength=0.5)
    assert params.mix
    assert params.mix.builtin == {"ember": 1.0}
    assert params.mix.artworks == {_ART: 1.0}, "named twice: one and one"
    assert params.strength == 0.5


def test_a_kept_style_is_found_by_name_and_stands_alone(session: Session) -> None:
    assert chosen.stylise_params(session, _PICTURE, ["mine"]).style == _STY
    assert chosen.stylise_params(session, _PICTURE, [_STY]).style == _STY
    with pytest.raises(InvalidInput, match="cannot be mixed"):
        chosen.stylise_params(session, _PICTURE, ["mine", "ember"])


def test_an_unknown_style_names_the_nearest(session: Session) -> None:
    with pytest.raises(InvalidInput, match="did you mean 'sea-mist'"):
        chosen.stylise_params(session, _PICTURE, ["seamist"])


@pytest.mark.parametrize("weight", ["0", "-1", "inf", "nan"])
def test_a_weight_that_weighs_nothing_is_refused(session: Session, weight: str) -> None:
    with pytest.raises(InvalidInput, match="above 0"):
        chosen.stylise_params(session, _PICTURE, [f"ember={weight}"])


def test_a_dataset_means_its_latest_version(session: Session) -> None:
    assert chosen.dataset_version(session, "icons") == _DSV
    assert chosen.dataset_version(session, _DSV) == _DSV
    for name in ("empty", "gone"):
        with pytest.raises(NotFound):
            chosen.dataset_version(session, name)


def test_a_checkpoint_means_the_newest_of_its_name(session: Session) -> None:
    assert chosen.checkpoint(session, "hands") == _CKP
    with pytest.raises(NotFound):
        chosen.checkpoint(session, "feet")
