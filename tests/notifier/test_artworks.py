"""Uploads tell of themselves: what became an artwork, and what was refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.notifier.hooks import Hooks
from tests.notifier.receiver import Receiver


def test_accepted_and_refused_files_are_told_and_duplicates_are_not(
    own_hooks: Hooks, receiving: Callable[..., Receiver], tmp_path: Path
) -> None:
    own_hooks.stack.start_ingestion()
    receiver = receiving()
    own_hooks.active(receiver, events=["artwork.*"])
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.new("RGB", (64, 64), "red").save(good)
    bad.write_bytes(b"no picture at all")
    client = own_hooks.stack.client(own_hooks.tenant)
    verdicts = client.upload([good, bad]).files
    artwork = next(v.artwork for v in verdicts if v.artwork)
    accepted = receiver.waits_for("artwork.accepted")[0].event["data"]
    assert (accepted["artwork_id"], accepted["url"]) == (artwork.id, f"/v1/artworks/{artwork.id}")
    refused = receiver.waits_for("artwork.refused")[0].event["data"]
    assert (refused["error"]["code"], refused["size_bytes"]) == ("image_unrecognised", 17)
    client.upload([good])
    own_hooks.ended(3)
    assert len(receiver.got) == 3
    assert all(b"good.png" not in sent.body for sent in receiver.got)
