"""What a platform is built of may be given on: every locked package is under a licence that Apache-2.0 goes with."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata

import pytest

from tests.contracts.kept import ROOT

# Matched word by word. LGPL and MPL are taken because the packages are used as they are, never changed or linked in.
_TAKEN = re.compile(
    r"\b(Apache|MIT|MIT-CMU|HPND|BSD|BSD-\d-Clause|0BSD|ISC|PSF|Python|Zlib|BSL|CC0|Unlicense|LGPL|MPL|Dual License)\b",
    re.IGNORECASE,
)
_NOT_TAKEN = re.compile(r"\b(AGPL|Affero|SSPL|BUSL|GPL(?!v?3? ?with)|proprietary)", re.IGNORECASE)
# Said in the package's own files but not in its metadata.
# Several files under several licences: what the GPL covers is an editor's mode that the wheel does not hold.
_OF_PARTS = {"docutils": "Public Domain, BSD-2-Clause"}
_ELSEWHERE = {"resvg-py": "MIT", "fasteners": "Apache-2.0"}


def _locked(lock: str) -> list[str]:
    lines = (ROOT / "requirements" / lock).read_text("utf-8").splitlines()
    return [line.partition("==")[0].strip() for line in lines if re.match(r"[A-Za-z0-9]", line)]


def _licence(package: str) -> str:
    if package in _OF_PARTS:
        return _OF_PARTS[package]
    found = metadata(package)
    said = [line for name in ("License-Expression", "License") for line in found.get_all(name) or []]
    said = [text.strip().split("\n")[0] for text in said]
    said += [line for line in found.get_all("Classifier") or [] if line.startswith("License")]
    return " | ".join(filter(None, said)) or _ELSEWHERE.get(package, "")


@pytest.mark.parametrize("lock", ["run.txt", "torch.txt", "demo.txt", "dev.txt"])
def test_every_locked_package_is_under_a_licence_that_is_taken(lock: str) -> None:
    refused = {}
    for package in _locked(lock):
        try:
            licence = _licence(package)
        except PackageNotFoundError:
            continue  # locked for another system, or for a tool that is not installed here
        if not _TAKEN.search(licence) or _NOT_TAKEN.search(licence.replace("LGPL", "")):
            refused[package] = licence
    assert refused == {}
