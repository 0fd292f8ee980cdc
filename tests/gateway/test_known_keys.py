"""Keys are remembered for a second, and no longer than they may be."""

from __future__ import annotations

from impasto.backends.postgres.keys import KnownKey
from impasto.backends.web.known_keys import KEPT_S, KnownKeys

_KEY = KnownKey("tnt_a", b"digest", ["read"], None, None, False)


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_key_is_known_for_a_second() -> None:
    clock = _Clock()
    known = KnownKeys(clock)
    known.keep("one", _KEY)
    clock.now += KEPT_S * 0.9
    assert known.get("one") == _KEY
    clock.now += KEPT_S * 0.2
    assert known.get("one") is None


def test_a_key_that_is_revoked_here_is_unknown_at_once() -> None:
    known = KnownKeys()
    known.keep("one", _KEY)
    known.forget("one")
    known.forget("never there")
    assert known.get("one") is None


def test_what_is_known_does_not_grow_without_end() -> None:
    known = KnownKeys()
    for number in range(25_000):
        known.keep(str(number), _KEY)
    assert len(known._found) <= 10_000
