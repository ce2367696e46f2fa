"""What becomes of a day that is reported again: the rule of the last word.

A complete day replaces what was there. An incomplete day replaces an incomplete one only if it does not
lower its node-seconds, and never a complete one: a failed query upstream looks like an empty, incomplete
day, and must not wipe out what is known.
"""

from __future__ import annotations

from enum import Enum

from nodehours.terms.usage import Day


class Settled(Enum):
    """What was done with a reported day."""

    POSTED = "posted"
    UNCHANGED = "unchanged"
    KEPT = "kept"


def settle(known: Day | None, reported: Day) -> Settled:
    """Decide whether *reported* is posted in place of *known*, changes nothing, or leaves the known day kept."""
    if reported == known:
        return Settled.UNCHANGED
    if known is None or reported.is_complete:
        return Settled.POSTED
    if known.is_complete or reported.node_seconds < known.node_seconds:
        return Settled.KEPT
    return Settled.POSTED
