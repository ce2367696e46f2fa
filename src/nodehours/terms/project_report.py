"""OpenPortal's report of a project's usage in one month, rebuilt from the days that the ledger has.

Its shape is that of the ``openportal`` package, which reads from it the sums that the ledger has: the total, each
user's, and what is nobody's. In that shape a user identifier stands for *one* local user, all of whose usage is
that user's. So of several local users that one user owns, the whole usage, components and counts stand under one
name: the first, in the order of code points, of those that the month has. As each local user is owned by one user
at most, nobody else's usage stands under it. What nobody owns keeps its own name, and is in no user's.

Keys are sorted, so that the same days and owners are the same report, to the byte.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from nodehours.terms.identifiers import UNKNOWN
from nodehours.terms.month import END_DAY, FIRST_DAY, Month
from nodehours.terms.usage import Day

_MAX_COUNT = 2**64 - 1
"""The largest number that OpenPortal can read; its own sums end there too."""

_MONTHS_OF_AN_ALLOCATION = 4096
_MONTH_COUNT = (END_DAY.year - FIRST_DAY.year) * 12
_MAX_ALLOCATION = 2**63 - 1


class Usage(msgspec.Struct, frozen=True):
    """What was used: node-seconds, or a component's own seconds where it stands for one."""

    seconds: int


class DailyProjectUsageReport(msgspec.Struct, frozen=True):
    """One day (UTC); the keys are local users, those of ``components`` are components first.

    ``num_jobs`` and ``total_wait_seconds`` are the day's own, which need not be the sums over local users. Counts
    of 0 are left out.
    """

    reports: dict[str, Usage]
    components: dict[str, dict[str, Usage]]
    is_complete: bool
    num_jobs: int
    total_wait_seconds: int
    user_job_counts: dict[str, int]
    user_wait_seconds: dict[str, int]


class ProjectUsageReport(msgspec.Struct, frozen=True):
    """A project's days by their dates, and the local user that each user identifier stands for."""

    project: str
    reports: dict[str, DailyProjectUsageReport]
    users: dict[str, str]


def project_report(
    project: str, days: Mapping[date, Day], owners: Mapping[str, str | None]
) -> ProjectUsageReport:
    """Report *days* of one month; *owners* says which user identifier owns a local user (None, or no word: nobody).

    ``unknown`` is nobody's, whatever *owners* says. Who owns only local users that the days do not name stands for
    the first of them: they used nothing.
    """
    owned = {
        local_user: owner
        for local_user, owner in owners.items()
        if owner is not None and local_user != UNKNOWN
    }
    users = _users(owned, _local_users(days.values()))
    names = {local_user: users[owner] for local_user, owner in owned.items()}
    reports = {day.isoformat(): _daily(days[day], names) for day in sorted(days)}
    return ProjectUsageReport(project, reports, users)


def _local_users(days: Iterable[Day]) -> frozenset[str]:
    used = {local_user for day in days for local_user in day.usage}
    return frozenset(used.union(one.local_user for day in days for one in day.components))


def _users(owned: Mapping[str, str], present: frozenset[str]) -> dict[str, str]:
    """Choose the local user that each owner stands for: one that is *present*, if they own any."""
    chosen: dict[str, str] = {}
    for local_user in sorted(owned, key=lambda name: (name not in present, name)):
        chosen.setdefault(owned[local_user], local_user)
    return dict(sorted(chosen.items()))


def _daily(day: Day, names: Mapping[str, str]) -> DailyProjectUsageReport:
    used = day.usage.items()
    return DailyProjectUsageReport(
        reports=_usage(((name, one.node_seconds) for name, one in used), names),
        components=_components(day, names),
        is_complete=day.is_complete,
        num_jobs=day.jobs,
        total_wait_seconds=day.wait_seconds,
        user_job_counts=_folded(((name, one.jobs) for name, one in used if one.jobs), names),
        user_wait_seconds=_folded(
            ((name, one.wait_seconds) for name, one in used if one.wait_seconds), names
        ),
    )


def _components(day: Day, names: Mapping[str, str]) -> dict[str, dict[str, Usage]]:
    figures: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for (local_user, component), seconds in day.components.items():
        figures[component].append((local_user, seconds))
    return {component: _usage(figures[component], names) for component in sorted(figures)}


def _usage(figures: Iterable[tuple[str, int]], names: Mapping[str, str]) -> dict[str, Usage]:
    return {name: Usage(seconds) for name, seconds in _folded(figures, names).items()}


def _folded(figures: Iterable[tuple[str, int]], names: Mapping[str, str]) -> dict[str, int]:
    """Add up the *figures* of local users by the names under which they are told."""
    sums: dict[str, int] = {}
    for local_user, figure in figures:
        name = names.get(local_user, local_user)
        sums[name] = sums.get(name, 0) + figure
    return {name: min(sums[name], _MAX_COUNT) for name in sorted(sums)}


def report_id(allocation: int, month: Month) -> int:
    """Return the number by which the report of an allocation (its internal id) in *month* is known, for good.

    >>> report_id(1, Month(1970, 1)), report_id(7, Month(2026, 3))
    (4096, 29346)
    """
    return allocation * _MONTHS_OF_AN_ALLOCATION + _months_since_first(month)


def read_report_id(number: int) -> tuple[int, Month]:
    """Return of which allocation and month the report with that *number* is. Raises ``ValueError`` with a sentence."""
    allocation, months = divmod(number, _MONTHS_OF_AN_ALLOCATION)
    if not 1 <= allocation <= _MAX_ALLOCATION or months >= _MONTH_COUNT:
        raise ValueError("that is not the number of a report")
    years, month = divmod(months, 12)
    return allocation, Month(FIRST_DAY.year + years, month + 1)


def _months_since_first(month: Month) -> int:
    return (month.year - FIRST_DAY.year) * 12 + month.month - 1
