"""What was saved comes back into empty volumes, and the old key opens it."""

from __future__ import annotations

from pathlib import Path

from impasto import Client
from impasto.artifacts import digest_of
from impasto_smoke.losses import a_picture
from impasto_smoke.running import ROOT, Failed, run, tell
from impasto_smoke.stack import Stack


def a_backup_comes_back(stack: Stack, key: str, models: Path, folder: Path) -> None:
    """Saves the stack, takes it down with its volumes, restores it, and fetches a picture with the key of before.

    Raises:
        Failed: it is another picture, or none.
    """
    scripts, saved = ROOT / "deploy" / "compose", folder / "saved"
    with Client(url=stack.url, api_key=key) as client:
        picture = a_picture(client)
    environment = {"COMPOSE": " ".join(stack.command)}
    run([scripts / "backup.sh", saved], environment=environment)
    stack.compose("down", "--volumes", "--timeout", "30")
    run([scripts / "restore.sh", saved], environment=environment)
    stack.up(models)
    with Client(url=stack.url, api_key=key) as client:
        found = client.artworks.get(picture)
        digest, size_bytes = digest_of(client.artifacts.download(found.sha256, folder / "back.png"))
    if digest != found.sha256:
        raise Failed(f"{picture} came back with other bytes")
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in sorted(saved.iterdir()))
    tell(f"saved ({sizes}), removed, restored: a picture of {size_bytes:,} bytes came back under the key of before")
