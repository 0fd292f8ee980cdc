"""`impasto backup` and `restore` of what `impasto up` runs: while it is up, while it is down, and in another folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from impasto import Client
from impasto.embedded.layout import Layout
from impasto.embedded.state import is_held
from impasto.testing.processes import free_port
from tests.embedded.test_up_and_down import Platform
from tests.hands import draw


@pytest.fixture
def homes(
    tmp_path_factory: pytest.TempPathFactory, models_folder: Path, ports_of_people: None
) -> Iterator[tuple[Platform, Platform]]:
    """Two data folders in which nothing was started yet."""
    made = []
    for name in ("old", "new"):
        home = tmp_path_factory.mktemp(name)
        home.chmod(0o700)
        made.append(Platform(Layout(home / ".impasto"), free_port(), models_folder))
    try:
        yield made[0], made[1]
    finally:
        for platform in made:
            platform.impasto("reset", "--yes")


def test_an_embedded_platform_is_saved_up_or_down_and_comes_up_in_another_folder(
    homes: tuple[Platform, Platform], tmp_path: Path
) -> None:
    old, new = homes
    old.impasto("up", "--port", str(old.port))
    known = json.loads(old.layout.client.read_text())
    picture = tmp_path / "dots.png"
    draw(1, "dots").save(picture)
    with Client(url=known["url"], api_key=known["api_key"]) as client:
        artwork = client.upload(picture).files[0].artwork
    assert artwork
    folder = tmp_path / "saved"
    old.impasto("backup", str(folder))
    # The bytes may be those of another home: nothing that runs is put aside for them.
    assert "impasto down" in old.impasto("restore", str(folder), "--replace", code=1)
    old.impasto("down")
    assert "(0 copied now" in old.impasto("backup", str(folder))
    assert not is_held(old.layout.lock)

    new.impasto("restore", str(folder))
    assert not is_held(new.layout.lock)
    new.impasto("up", "--port", str(new.port))
    for key in (known["api_key"], new.layout.api_key.read_text().strip()):
        answer = httpx.get(
            f"http://127.0.0.1:{new.port}/v1/artifacts/{artwork.sha256}",
            headers={"Authorization": f"Bearer {key}"}, trust_env=False, follow_redirects=True,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
    new.impasto("down")
    # Back into the folder it came from, over what is there: its own key goes on.
    assert "--replace" in old.impasto("restore", str(folder), code=1)
    old.impasto("restore", str(folder), "--replace")
    assert old.layout.api_key.read_text().strip() == known["api_key"]
