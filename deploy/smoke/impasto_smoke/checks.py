"""What must be true of containers, images and the one origin while the stack runs."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import Any, Final

from impasto_smoke.daemon import docker
from impasto_smoke.given import LOCKS
from impasto_smoke.running import Failed, eventually, run, tell
from impasto_smoke.stack import Stack, name_of

_MAY_PUBLISH: Final = {"ingress": {"8080/tcp", "8090/tcp"}}
_OF_PIP: Final = re.compile(r"\bPIP_(?:INDEX|EXTRA|FIND|NO_INDEX)|index-url|pip\.conf")
_PATIENCE_S: Final = 10.0


def _hold(fact: bool, what: str) -> None:
    if not fact:
        raise Failed(what)


def containers(stack: Stack) -> None:
    """Nobody is root, nothing can be written but what is meant to be, nothing is published but the ingress."""
    running = stack.containers()
    for found in running:
        name, host = name_of(found), found["HostConfig"]
        _hold(found["State"]["Health"]["Status"] == "healthy", f"{name} is not healthy")
        status = stack.inside(found, "cat", "/proc/1/status")
        users = [line.split()[1:] for line in status.splitlines() if line.startswith("Uid:")]
        _hold(bool(users) and "0" not in users[0], f"{name} runs as root")
        _hold("CapEff:\t0000000000000000" in status, f"{name} has capabilities")
        _hold("NoNewPrivs:\t1" in status, f"{name} could gain privileges")
        refused = stack.inside(found, "sh", "-c", "touch /smoke /usr/smoke 2>&1 || true")
        _hold(refused.count("Read-only file system") == 2, f"{name} can write to its root: {refused}")
        _hold(host["Memory"] > 0 and host["NanoCpus"] > 0, f"{name} has no limits")
        published = {port for port, bound in (found["NetworkSettings"]["Ports"] or {}).items() if bound}
        _hold(published == _MAY_PUBLISH.get(name, set()), f"{name} publishes {published}")
        addresses = {bound[0]["HostIp"] for bound in found["NetworkSettings"]["Ports"].values() if bound}
        _hold(addresses <= {"127.0.0.1"}, f"{name} is published to everybody")
    tell(f"{len(running)} containers: no root, no capability, read-only roots, limits; one of them has ports")


def images() -> None:
    """Torch is in the worker's image alone, and nothing of this machine's settings of pip is in any."""
    for target in LOCKS:
        image = f"impasto-{target}:0.1.0"
        look = (
            "import importlib.util as u, os; print(u.find_spec('torch') is not None, os.path.exists('/etc/pip.conf'))"
        )
        said = run([docker(), "run", "--rm", "--network", "none", image, "python", "-c", look]).split()
        _hold(said == [str(target == "worker"), "False"], f"{image}: torch, pip.conf are there: {said}")
        told = run([docker(), "history", "--no-trunc", "--format", "{{.CreatedBy}}", image])
        told += run([docker(), "image", "inspect", image])
        _hold(not _OF_PIP.search(told), f"{image} tells of this machine's settings of pip")
    tell("torch in the worker's image alone; no image tells where its packages came from")


def origin(stack: Stack) -> None:
    """One address for everything, also for uploads; figures are not shown outside; the studio answers."""
    about = json.loads(_get(f"{stack.url}/v1")[1])
    _hold(about["ingestion_url"] is None, f"clients are sent to {about['ingestion_url']} with uploads")
    for url in (stack.url, stack.studio_url):
        _hold(_get(f"{url}/metrics")[0] == 404, f"{url}/metrics is there for everybody")
        _hold(_get(f"{url}/healthz")[0] == 200, f"{url} does not answer")
    # Ingestion's own refusal and the gateway's list, under one path.
    _hold(_get(f"{stack.url}/v1/artworks")[0] == 401, "the list of works is there for everybody")
    _hold(_get(f"{stack.url}/v1/artworks", b"")[0] == 401, "works are taken from everybody")
    tell("one origin: uploads, API and events; the studio beside it; no figures outside")


def prometheus(stack: Stack) -> None:
    """Every part of ours is scraped."""
    container = stack.container("prometheus")
    query = "count(up{job='impasto'} == 1) == count(up{job='impasto'})"
    ask = ("promtool", "query", "instant", "http://127.0.0.1:9090", query)
    eventually(lambda: "=>" in stack.inside(container, *ask), "every part is scraped", 90)
    tell("prometheus scrapes every part")


def _get(url: str, body: bytes | None = None) -> tuple[int, Any]:
    try:
        request = urllib.request.Request(url, data=body)  # noqa: S310 (an address of this file)
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
