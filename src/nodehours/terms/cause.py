"""Why two figures of the same usage differ: known causes, each with its seconds, and what none of them explains.

All are signed as the difference is: the ledger's less the other side's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Why(Enum):
    """The known causes, as people read them."""

    SUSPENDED = "jobs were suspended: for sreport only their processors rest meanwhile"
    REQUEUED = (
        "attempts of requeued jobs that came before the last one, which is all that the rule counts"
    )
    LATER = "sreport had not counted that hour yet"
    OTHER_DAYS = "other days: sreport ran in another time zone"
    RESERVED = "reserved, and no job used it"
    SPREAD = "suspended across the period's bounds: when, no record says"
    ROUNDED = "sreport's own rounding"


class Span(NamedTuple):
    """What a cause makes: of those that are exactly known, ``least`` and ``most`` are the same."""

    least: int
    most: int


class Cause(NamedTuple):
    """A cause and what it makes of the difference."""

    why: Why
    seconds: int


@dataclass(frozen=True, slots=True)
class Explained:
    """A difference taken apart: the causes together and ``unexplained`` are the whole of it."""

    causes: tuple[Cause, ...] = ()
    unexplained: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left."""
        return self.unexplained == 0


def explain(difference: int, known: Iterable[tuple[Why, Span]]) -> Explained:
    """Take *difference* apart: first what is known exactly, then of the others as much as there is need of.

    >>> known = [(Why.RESERVED, Span(-600, 0)), (Why.SUSPENDED, Span(-5, -5))]
    >>> [(cause.why.name, cause.seconds) for cause in explain(-509, known).causes]
    [('SUSPENDED', -5), ('RESERVED', -504)]
    >>> explain(-700, known).unexplained, explain(10, known).unexplained
    (-95, 15)
    """
    spans = sorted(known, key=lambda one: one[1].most - one[1].least)
    causes, rest = [], difference
    for why, span in spans:
        seconds = min(max(rest, span.least), span.most)
        rest -= seconds
        if seconds:
            causes.append(Cause(why, seconds))
    return Explained(tuple(causes), rest)
