"""A month of accounts and local users as the usage of projects: what is posted of each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from nodehours.ledger.reckoned_days import ReckonedDays
from nodehours.sources.slurm.accounts import Accounts
from nodehours.sources.slurm.months import MonthUsage, Setting
from nodehours.terms.calendar import day_of
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.usage import Claim, Component, DailyUsage, Day, ProjectUsage

COMPONENTS = ("cpu", "gpu", "memory", "billing")


class Told(NamedTuple):
    """What is posted of a project, and whose its local users are that the mapping names (None: nobody's)."""

    usage: ProjectUsage
    people: dict[str, Claim | None]


@dataclass(slots=True)
class _Cell:
    """What a local user came to on a day; ``counted`` before the rule's factor."""

    counted: int = 0
    jobs: int = 0
    wait_seconds: int = 0
    components: dict[str, int] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add what another account of the same project has of the user."""
        self.counted += row["counted"]
        self.jobs += row["jobs"]
        self.wait_seconds += row["wait_seconds"]
        for name in COMPONENTS:
            if row[name]:
                self.components[name] = self.components.get(name, 0) + row[name]


def projects_of(
    usage: MonthUsage, setting: Setting, accounts: Accounts, known: Iterable[ReckonedDays]
) -> Iterator[Told]:
    """Give what is to be posted of each project with usage, and of those of which it was posted before.

    Every day of which anything is known is told: one without usage is empty.
    """
    places = _places(usage, accounts)
    stale = {name: one for one in known for name in one.names}
    told: set[str] = set()
    for project, of in sorted(places.items()):
        before = stale.get(str(project))
        told |= before.names if before else {str(project)}
        yield _project(project, of, usage, setting, accounts, before.days if before else ())
    for one in {id(one): one for one in stale.values()}.values():
        if not one.names & told:
            yield _project(one.project, [], usage, setting, accounts, one.days)


def _places(
    usage: MonthUsage, accounts: Accounts
) -> dict[ProjectIdentifier, list[tuple[str, int, int]]]:
    """Return which rows are of which project: (account, first row, number of rows); rows come by account."""
    found: dict[ProjectIdentifier, list[tuple[str, int, int]]] = defaultdict(list)
    table = usage.usage
    pairs = zip(table["cluster"].to_pylist(), table["account"].to_pylist(), strict=True)
    first, last = 0, None
    for at, pair in enumerate([*pairs, None]):
        if pair != last:
            if last is not None:
                found[accounts.project_of(last[1], last[0])].append((last[1], first, at - first))
            first, last = at, pair
    return found


def _project(
    project: ProjectIdentifier,
    places: Sequence[tuple[str, int, int]],
    usage: MonthUsage,
    setting: Setting,
    accounts: Accounts,
    before: Iterable[date],
) -> Told:
    cells: dict[date, dict[str, _Cell]] = defaultdict(lambda: defaultdict(_Cell))
    claims: dict[str, Claim | None] = {}
    people: dict[str, Claim | None] = {}
    for account, first, count in places:
        for row in usage.usage.slice(first, count).to_pylist():
            local_user = row["user"]
            cells[day_of(row["day"])][local_user].add(row)
            # Of several accounts, one for which the mapping names the user has the word, or one that knows him.
            is_named = accounts.names_person(account, local_user)
            if local_user in people or (claims.get(local_user) and not is_named):
                continue
            user = accounts.user_of(account, local_user, project)
            claims[local_user] = Claim(local_user, user) if user else None
            if is_named:
                people[local_user] = claims[local_user]
    days = {
        day: _day(cells.get(day, {}), setting, day, is_complete=day in usage.complete)
        for day in sorted({*usage.days, *before})
    }
    held = frozenset(claim for claim in claims.values() if claim)
    return Told(ProjectUsage(project, days, held), people)


def _day(cells: Mapping[str, _Cell], setting: Setting, day: date, *, is_complete: bool) -> Day:
    rule = setting.rule_of(day)
    return Day(
        is_complete,
        sum(cell.jobs for cell in cells.values()),
        sum(cell.wait_seconds for cell in cells.values()),
        {
            name: DailyUsage(node_seconds(cell.counted, rule.factor), cell.jobs, cell.wait_seconds)
            for name, cell in cells.items()
        },
        {
            Component(name, component): seconds
            for name, cell in cells.items()
            for component, seconds in cell.components.items()
        },
        rule=str(rule),
    )


def node_seconds(counted: int, factor: Fraction) -> int:
    """Return *counted* times *factor*, rounded half-even."""
    return round(counted * factor)
