"""Downloads from a hub: only weights and configurations, never with a secret, and a hub out of reach has a name."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from impasto.testing.processes import free_port

_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_FILES = {
    "model_index.json": b"{}",
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": b"weights",
    "tokenizer/merges.txt": b"merges",
    "unet/diffusion_pytorch_model.bin": b"a pickle",
    "pipeline.py": b"import os",
    "everything.safetensors": b"weights again",
    "README.md": b"# A model",
}
_PROBE = """
import json, sys
from impasto.errors import JobFailed
from impasto_preprocess.checkpoint_import.hub import download
try:
    print(json.dumps(download(json.loads(sys.argv[1]), lambda *_, **__: None)))
except JobFailed as error:
    print(json.dumps(error.as_record()))
"""


class _Hub(BaseHTTPRequestHandler):
    """One repository, `owner/name`, as the hub's API shows it; notes what is asked and with which key."""

    asked: list[tuple[str, str | None]]

    def __init__(self, asked: list[tuple[str, str | None]], *rest: Any) -> None:
        self.asked = asked
        super().__init__(*rest)

    def do_GET(self) -> None:
        self._serve(with_body=True)

    def do_HEAD(self) -> None:
        self._serve(with_body=False)

    def log_message(self, *_: Any) -> None:
        """Not on stderr."""

    def _serve(self, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        self.asked.append((path, self.headers.get("Authorization")))
        if path.startswith("/api/models/owner/name/revision/"):
            siblings = [{"rfilename": name, "size": len(body)} for name, body in _FILES.items()]
            told = {"_id": "1", "id": "owner/name", "sha": _COMMIT, "siblings": siblings, "private": False, "tags": []}
            return self._answer(json.dumps(told).encode(), with_body, "application/json")
        if path.startswith("/api/models/owner/name/tree/"):
            tree = [{"type": "file", "path": p, "size": len(body), "oid": p} for p, body in _FILES.items()]
            return self._answer(json.dumps(tree).encode(), with_body, "application/json")
        if body := _FILES.get(path.removeprefix(f"/owner/name/resolve/{_COMMIT}/")):
            return self._answer(body, with_body, "application/octet-stream")
        self.send_response(404)
        self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def _answer(self, body: bytes, with_body: bool, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", _COMMIT)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@pytest.fixture
def asked() -> list[tuple[str, str | None]]:
    return []


@pytest.fixture
def hub(asked: list[tuple[str, str | None]]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Hub, asked))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def download(endpoint: str, out: Path, name: str = "owner/name", **payload: Any) -> dict[str, Any]:
    """In a process of its own, as a runner does: the library reads its settings when it is imported."""
    out.mkdir()
    given = {"name": name, "revision": "v1", "out": str(out), "adapter": False, **payload}
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, json.dumps(given)],
        capture_output=True, text=True, timeout=120, check=False,
        env={"HF_ENDPOINT": endpoint, "HF_HOME": str(out.parent / "home"), "HF_TOKEN": "hf_the_operators_own"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _files(folder: Path) -> set[str]:
    return {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file() and ".cache" not in f.parts}


def test_weights_and_configurations_come_and_nothing_else(
    hub: str, asked: list[tuple[str, str | None]], tmp_path: Path
) -> None:
    assert download(hub, tmp_path / "out") == {"revision": _COMMIT}
    assert _files(tmp_path / "out") == {
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "tokenizer/merges.txt",
    }
    assert not any(path.endswith((".bin", ".py")) for path, _ in asked)
    assert {key for _, key in asked} == {None}, "nobody's key is sent along"


def test_of_an_adapter_the_weight_file_comes(hub: str, tmp_path: Path) -> None:
    download(hub, tmp_path / "out", adapter=True)
    assert _files(tmp_path / "out") == {"everything.safetensors"}


def test_a_repository_that_is_not_there_is_told_from_a_hub_that_is_not(hub: str, tmp_path: Path) -> None:
    missing = download(hub, tmp_path / "out", name="owner/other")
    assert missing["code"] == "hub_unreachable"
    assert "owner/other" in missing["message"]
    silent = download(f"http://127.0.0.1:{free_port()}", tmp_path / "none")
    assert silent["code"] == "hub_unreachable"
    assert "upload the files" in silent["hint"]
