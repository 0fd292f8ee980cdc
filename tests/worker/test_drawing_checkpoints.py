"""Checkpoints that draw, as folders of links that lead where things are now."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from impasto_worker.drawing_checkpoints import _link


def test_a_link_leads_to_its_target_and_stays(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"now")
    _link(tmp_path / "link", tmp_path / "weights")
    inode = os.lstat(tmp_path / "link").st_ino
    _link(tmp_path / "link", tmp_path / "weights")
    assert (tmp_path / "link").read_bytes() == b"now"
    assert os.lstat(tmp_path / "link").st_ino == inode


def test_a_link_from_an_installation_that_is_gone_is_mended(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone" / "weights")
    (tmp_path / "weights").write_bytes(b"now")
    _link(tmp_path / "link", tmp_path / "weights")
    assert (tmp_path / "link").read_bytes() == b"now"


def test_many_slots_make_the_same_link_at_once(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"now")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: _link(tmp_path / "link", tmp_path / "weights"), range(64)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "weights"]
    assert (tmp_path / "link").read_bytes() == b"now"
