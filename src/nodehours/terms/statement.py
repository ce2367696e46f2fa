"""The statement of an allocation's month, summed from its days: who used what, and in what state it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from nodehours.terms.identifiers import UNKNOWN, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import Claim, Day


class State(Enum):
    """How far a month's statement can be relied on."""

    OPEN = "open"
    PROVISIONAL = "provisional"
    COMPLETE = "complete"
    RESTATED = "restated"


def state_of(
    month: Month, complete_days: int, now: datetime, *, is_restated: bool = False
) -> State:
    """Tell the state of a month of which *complete_days* days are known completely.

    Open while the month runs; once it is over, complete when each of its days is, else provisional. A month whose
    figures changed after it was complete *is_restated* for good.
    """
    if not month.is_over(now):
        return State.OPEN
    if is_restated:
        return State.RESTATED
    return State.COMPLETE if complete_days == month.day_count else State.PROVISIONAL


@dataclass(frozen=True, slots=True)
class Statement:
    """All usage of one allocation in one month, in node-seconds.

    ``usage`` has a figure for each user who claims a local user with daily usage in the month, even of 0; what
    no known user owns is ``unattributed``.
    """

    usage: Mapping[UserIdentifier, int]
    unattributed: int
    complete_days: int

    @property
    def total(self) -> int:
        """Σ of every row, the unattributed one included."""
        return sum(self.usage.values()) + self.unattributed


def summed(days: Iterable[Day], claims: Iterable[Claim]) -> Statement:
    """Sum *days* of one month into its statement.

    A local user that one user claims is that user's. What nobody claims, what two claim and ``unknown`` are
    unattributed: that is never wrong, where giving it to one of them might be. Whoever claims a local user
    with usage has a figure, be it 0, so that the statement does not depend on which claim came first.
    """
    used: Counter[str] = Counter()
    complete_days = 0
    for day in days:
        complete_days += day.is_complete
        for local_user, usage in day.usage.items():
            used[local_user] += usage.node_seconds
    attributed: Counter[UserIdentifier] = Counter()
    for local_user, claimants in _claimants(claims).items():
        if local_user in used:
            sole = len(claimants) == 1 and local_user != UNKNOWN
            attributed.update(dict.fromkeys(claimants, used[local_user] if sole else 0))
    return Statement(attributed, used.total() - attributed.total(), complete_days)


def _claimants(claims: Iterable[Claim]) -> dict[str, set[UserIdentifier]]:
    claimants: dict[str, set[UserIdentifier]] = defaultdict(set)
    for local_user, user_identifier in claims:
        claimants[local_user].add(user_identifier)
    return claimants
