"""A ticket leads one browser into one session, once."""

from __future__ import annotations

from impasto_studio.tickets import Tickets


def test_a_ticket_is_good_for_one_use_by_the_browser_that_it_was_given_to() -> None:
    tickets = Tickets()
    ticket = tickets.give("a key", "at the door")
    assert tickets.take(ticket, "at the door") == "a key"
    assert tickets.take(ticket, "at the door") is None
    assert tickets.take("another word", "at the door") is None


def test_a_ticket_in_other_hands_is_good_for_nobody_any_more() -> None:
    tickets = Tickets()
    ticket = tickets.give("a key", "at the door")
    assert tickets.take(ticket, "somebody else") is None
    assert tickets.take(ticket, "at the door") is None


def test_a_ticket_that_is_too_old_is_forgotten() -> None:
    tickets = Tickets(valid_s=0.0)
    assert tickets.take(tickets.give("a key", "at the door"), "at the door") is None
