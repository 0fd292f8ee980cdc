"""The command: from an empty machine with Debian's packages to a stack that was demonstrated and checked."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from impasto_smoke import checks, given, images, losses, restoring, standins
from impasto_smoke.daemon import Daemon, enter_own_network
from impasto_smoke.running import ROOT, Failed, run, say
from impasto_smoke.stack import Stack

_CACHE = Path("/var/cache/impasto-smoke")


def main() -> int:
    """0: everything was as it should be; 1: something was not; 2: this machine lacks something."""
    parser = argparse.ArgumentParser(prog="smoke", description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(os.environ.get("IMPASTO_SMOKE_CACHE") or _CACHE))
    parser.add_argument("--no-demo", action="store_true", help="checks alone")
    parser.add_argument("--monitoring", action="store_true", help="with Prometheus, of the profile `monitoring`")
    chosen = parser.parse_args()
    if missing := given.missing():
        print(missing, file=sys.stderr)
        return 2
    # Told to stop, it takes down what it started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    try:
        _smoke(chosen.cache, demo=not chosen.no_demo, monitoring=chosen.monitoring)
    except Failed as error:
        print(f"\nFAILED  {error}", file=sys.stderr)
        return 1
    print(f"\nthe stack was built, run, checked and taken down in {time.monotonic() - started:.0f} s")
    return 0


def _smoke(cache: Path, *, demo: bool, monitoring: bool) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    say("what comes from outside, kept between runs")
    standins.roots(cache)
    given.wheels(cache)
    given.minio_code(cache)
    models = given.models()
    art = given.art(cache)
    # From here on nothing can be pulled or fetched: there is no way out.
    enter_own_network()
    with tempfile.TemporaryDirectory(prefix="impasto-smoke-") as folder, Daemon(cache / "docker", Path(folder)):
        say("images")
        standins.bases(cache)
        images.build(cache)
        standins.build(cache)
        with Stack(Path(folder), monitoring=monitoring) as stack:
            say("the stack")
            stack.up(models)
            key = stack.key()
            if demo:
                say("the demonstration, its short form")
                environment = {"IMPASTO_URL": stack.url, "IMPASTO_API_KEY": key, "IMPASTO_DATA": folder}
                run(
                    [sys.executable, str(ROOT / "deploy/demo/demo.py"), "--fast", "--art", str(art)],
                    environment=environment, quiet=False, most_s=3600,  # one slow core is enough
                )  # fmt: skip
            say("checks")
            checks.containers(stack)
            checks.images()
            checks.origin(stack)
            losses.a_restart_loses_nothing(stack, key)
            if monitoring:
                checks.prometheus(stack)
            restoring.a_backup_comes_back(stack, key, models, Path(folder))
