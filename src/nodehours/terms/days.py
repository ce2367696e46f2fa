"""What becomes of a day that is reported again: the rule of the last word.

A complete day replaces what was there. An incomplete day replaces an incomplete one only if it does not
lower its node-seconds, and never a complete one: a failed query upstream looks like an empty, incomplete
day, and must not wipe out what is known. Who reckons a day anew from all its jobs has the last word in any case:
that replaces whatever is known, be it that an incomplete day falls.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Settled(Enum):
    """What was done with a reported day."""

    POSTED = "posted"
    UNCHANGED = "unchanged"
    KEPT = "kept"


class DayDigest(NamedTuple):
    """What a day is told by, without its figures: two days are the same if their digests are."""

    is_complete: bool
    node_seconds: int
    sha256: bytes


def settle(known: DayDigest | None, reported: DayDigest, *, last_word: bool = False) -> Settled:
    """Decide whether *reported* is posted in place of *known*, changes nothing, or leaves the known day kept.

    As the *last_word* it is never kept out.
    """
    if reported == known:
        return Settled.UNCHANGED
    if known is None or reported.is_complete or last_word:
        return Settled.POSTED
    if known.is_complete or reported.node_seconds < known.node_seconds:
        return Settled.KEPT
    return Settled.POSTED
