"""What in the params of a job is a reference to something of the tenant's, and what is only words."""

from __future__ import annotations

import pytest

from impasto.identifiers import new_id
from impasto.submission import references
from impasto.testing.stacks import Stack
from tests.asking import ask

_DIGEST = "sha256:" + "0a" * 32


def test_identifiers_and_digests_are_references_wherever_they_stand() -> None:
    artwork, checkpoint = new_id("art"), new_id("ckp")
    params = {"picture": artwork, "mix": {checkpoint: 1.0}, "files": [{"a": _DIGEST}], "steps": 3, "none": None}
    assert list(references(params)) == [artwork, checkpoint, _DIGEST]


@pytest.mark.parametrize(
    "words", ["sha256: the poem", "sha256:", _DIGEST + "0", _DIGEST.upper(), f"a {_DIGEST}", "art_"]
)
def test_words_that_only_look_like_a_reference_are_words(words: str) -> None:
    assert list(references({"prompts": [words]})) == []


def test_a_text_that_begins_like_a_digest_is_accepted(platform: Stack) -> None:
    body = {"kind": "test.stamp", "params": {"text": "sha256: the poem"}}
    assert ask(platform, "POST", "/v1/jobs", json=body).status_code == 202
    missing = {"kind": "test.stamp", "params": {"text": _DIGEST}}
    assert ask(platform, "POST", "/v1/jobs", json=missing).status_code == 404
