"""The images' locks: narrower than the platform's own, and never of other versions."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.contracts.kept import ROOT

_LOCKS = ROOT / "deploy" / "docker" / "locks"
_EXTRAS = {
    "server": ["server", "traces"],
    "studio": ["server", "studio"],
    "flower": ["server", "traces"],
    "worker": ["worker", "models", "traces"],
}
_PIN = re.compile(r"^([a-z0-9._-]+)==([^ ]+) \\$", re.MULTILINE)


def _pins(text: str) -> dict[str, str]:
    return dict(_PIN.findall(text))


def _lock(name: str) -> dict[str, str]:
    return _pins((_LOCKS / f"{name}.txt").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(_EXTRAS))
def test_an_image_has_the_versions_that_the_platform_is_tested_with(name: str) -> None:
    tested = _pins((ROOT / "requirements" / "run.txt").read_text("utf-8"))
    other = {package: (pin, tested[package]) for package, pin in _lock(name).items() if tested.get(package, pin) != pin}
    assert other == {}


@pytest.mark.parametrize("name", sorted(_EXTRAS))
def test_an_image_has_everything_that_its_extras_name(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in _EXTRAS[name]:
        wanted += project["optional-dependencies"][extra]
    names = {re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in wanted}  # type: ignore[index]
    assert names - set(_lock(name)) - {"torch"} == set()


@pytest.mark.parametrize("name", sorted(_EXTRAS))
def test_torch_is_pinned_by_version_alone(name: str) -> None:
    assert "torch" not in _lock(name)


def test_nothing_that_computes_is_in_an_image_of_a_server() -> None:
    for name in ("server", "studio", "flower"):
        assert not {"numpy", "onnxruntime", "ncnn", "tokenizers", "safetensors"} & set(_lock(name)), name


def test_flower_is_what_was_asked_for_and_in_no_other_image() -> None:
    [asked] = re.findall(r"^flower==(\S+)$", (_LOCKS / "flower.in").read_text("utf-8"), re.MULTILINE)
    assert {name: _lock(name).get("flower") for name in _EXTRAS} == {**dict.fromkeys(_EXTRAS), "flower": asked}
    # Older ones let another page stop workers (CVE-2022-51020).
    assert tuple(map(int, asked.split("."))) >= (2, 2, 0)
    assert set(_lock("server").items()) <= set(_lock("flower").items())


def test_a_build_is_given_only_what_is_named() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    given = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copied = re.findall(
        r"^COPY (?:--chmod=\d+ )?(?!--from)(.+) \S+$", (ROOT / "deploy/docker/Dockerfile").read_text(), re.MULTILINE
    )
    for path in " ".join(copied).split():
        assert (ROOT / path).exists()
        assert any(path == rule or path.startswith(f"{rule}/") for rule in given), path
