"""The styles that the API lists are those that the network has."""

from __future__ import annotations

from impasto.builtin_styles import BUILT_IN
from impasto_ml.styles import builtin


def test_the_api_lists_the_networks_own_styles_in_its_order() -> None:
    assert tuple((style.slug, style.summary) for style in builtin.BUILTIN_STYLES) == BUILT_IN


def test_no_two_styles_share_a_slug() -> None:
    assert len({slug for slug, _ in BUILT_IN}) == len(BUILT_IN)
