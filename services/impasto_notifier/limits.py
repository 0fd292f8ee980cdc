"""The notifier's numbers."""

from __future__ import annotations

from typing import Final

# Of one endpoint, and of the callbacks that one tenant's jobs have at one place: a slow receiver hurts only itself.
MOST_OF_A_LANE: Final = 4
# Of everything of one tenant, however many places it names: one of the worst leaves the others four fifths.
MOST_OF_A_TENANT: Final = 40
MOST_AT_ONCE: Final = 200
# After so many timeouts in a row a lane is left alone, for longer and longer, and then tried with one attempt.
TIMEOUTS_TO_HOLD: Final = 3
SHORTEST_HOLD_S: Final = 30.0
LONGEST_HOLD_S: Final = 300.0
POLL_S: Final = 1.0
SWARM_S: Final = 0.02
# Longer than any attempt can take, connection, answer and record together.
LEASE_S: Final = 60.0
# An end that the database does not take is offered again for so long; then the lease ends and the event goes out anew.
RECORD_PATIENCE_S: Final = 30.0
TIDY_S: Final = 30.0
KEPT_DAYS: Final = 30
# What is under way when the notifier is told to stop may end; the rest is given back.
GRACE_S: Final = 5.0
