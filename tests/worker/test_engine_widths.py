"""How wide a batch may be after memory was too small for it."""

from __future__ import annotations

from impasto_worker.engine_widths import Widths


def _after_good(widths: Widths, batches: int) -> int:
    """The width after so many full batches that went well."""
    for _ in range(batches):
        widths.note_good("one", widths.of("one"))
    return widths.of("one")


def test_a_lack_of_memory_halves_the_width_of_that_checkpoint_only() -> None:
    widths = Widths(16)
    assert not widths.note_lack("one", 16)
    assert (widths.of("one"), widths.of("two")) == (8, 16)
    assert not widths.note_lack("one", 3)
    assert not widths.note_lack("one", 1)
    assert widths.of("one") == 1


def test_full_batches_that_go_well_widen_it_again_to_what_it_was_and_no_more() -> None:
    widths = Widths(3)
    widths.note_lack("one", 2)
    assert _after_good(widths, 64) == 2
    assert _after_good(widths, 1000) == 3


def test_batches_that_are_not_full_say_nothing() -> None:
    widths = Widths(16)
    widths.note_lack("one", 16)
    for _ in range(1000):
        widths.note_good("one", 7)
    assert widths.of("one") == 8


def test_a_width_that_was_tried_in_vain_goes_back_and_is_tried_half_as_often() -> None:
    widths = Widths(16)
    widths.note_lack("one", 8)
    assert _after_good(widths, 64) == 8
    assert widths.note_lack("one", 8), "it was only tried"
    assert widths.of("one") == 4
    assert _after_good(widths, 127) == 4
    assert _after_good(widths, 1) == 8


def test_a_lack_at_a_width_that_had_gone_well_is_no_trial() -> None:
    widths = Widths(16)
    widths.note_lack("one", 16)
    assert _after_good(widths, 1) == 8
    assert not widths.note_lack("one", 8)
    assert widths.of("one") == 4
