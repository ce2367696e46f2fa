"""Reports as hypothesis invents them: few people, few days, all that can be odd about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from hypothesis import strategies as st

from nodehours.ledger.people import User, add_user
from nodehours.ledger.post import Origin
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import UNKNOWN, ProjectIdentifier, UserIdentifier
from nodehours.terms.usage import Claim, Component, DailyUsage, Day, ProjectUsage
from tests.ledger.written import Account

CLIMATE = ProjectIdentifier.parse("climate.brics")
ORIGIN = Origin()

RULES = ("", "", "allocated-nodes", "tres:billing*1/4")
LOCAL_USERS = ("al", "bo", "old", "shared", UNKNOWN)
# alice and alicia are one person, who signed up twice; see `know_alice`.
_PEOPLE = (("alice", "alicia"), ("bob",), ("carol",))
USERS = tuple(name for names in _PEOPLE for name in names)
DAYS = tuple(
    date.fromisoformat(day)
    for day in ("2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01", "2026-02-28")
)


class Atom(NamedTuple):
    """The least a report can say: one version of a day, or one claim."""

    day: date | None = None
    version: Day = Day()
    claim: Claim | None = None


def know_alice(connection: Connection) -> None:
    """Let one person be known by two identities before any report names her."""
    names = ["alice.brics", "alicia.brics"]
    add_user(connection, User("alice", "", "", False, False, True, names))


def claims() -> st.SearchStrategy[Claim]:
    """Somebody has some local user."""
    return st.builds(
        Claim,
        st.sampled_from(LOCAL_USERS),
        st.builds(lambda user: UserIdentifier(user, "climate", "brics"), st.sampled_from(USERS)),
    )


def days(*, is_complete: st.SearchStrategy[bool] | None = None) -> st.SearchStrategy[Day]:
    """Any day: empty, of a few local users, with components of others."""
    seconds = st.one_of(st.integers(0, 3), st.just(2**53 + 1), st.just(2**57))
    figures = st.builds(DailyUsage, seconds, st.integers(0, 2), st.integers(0, 2))
    local_users = st.sampled_from(LOCAL_USERS)
    components = st.builds(Component, local_users, st.sampled_from(("cpu", "gpu")))
    return st.builds(
        Day,
        is_complete=st.booleans() if is_complete is None else is_complete,
        jobs=st.integers(0, 3),
        wait_seconds=st.integers(0, 3),
        usage=st.dictionaries(local_users, figures, max_size=4),
        components=st.dictionaries(components, st.integers(0, 9), max_size=2),
        rule=st.sampled_from(RULES),
    )


def reports() -> st.SearchStrategy[ProjectUsage]:
    """Any report; one after the other they contradict each other."""
    return st.builds(
        ProjectUsage,
        st.just(CLIMATE),
        st.dictionaries(st.sampled_from(DAYS), days(), max_size=3),
        st.frozensets(claims(), max_size=3),
    )


@st.composite
def growing(draw: st.DrawFn) -> list[Day]:
    """The versions of one day as it is known better and better; the last may be complete.

    Each incomplete version has more node-seconds than the one before, of the same local users or more.
    """
    whole = draw(days())
    versions = [replace(whole, is_complete=draw(st.booleans()))]
    while versions[0].node_seconds and draw(st.booleans()):
        versions.insert(0, _less(draw, versions[0]))
    return versions


def _less(draw: st.DrawFn, day: Day) -> Day:
    first = min(local for local, used in day.usage.items() if used.node_seconds)
    usage = {
        local: used._replace(
            node_seconds=draw(st.integers(0, used.node_seconds - (local == first))),
            jobs=draw(st.integers(0, used.jobs)),
        )
        for local, used in day.usage.items()
        if local == first or draw(st.booleans())
    }
    return Day(False, draw(st.integers(0, day.jobs)), 0, usage, rule=day.rule)


@st.composite
def truths(draw: st.DrawFn) -> tuple[list[ProjectUsage], ProjectUsage]:
    """Reports that do not contradict each other, in any order and with repeats, and all they say in one."""
    known = draw(st.dictionaries(st.sampled_from(DAYS), growing(), min_size=1, max_size=4))
    claimed = draw(st.frozensets(claims(), max_size=5))
    atoms = [Atom(day, version) for day, versions in known.items() for version in versions]
    atoms += [Atom(claim=claim) for claim in sorted(claimed)]
    repeats = draw(st.lists(st.sampled_from(atoms), max_size=4))
    told = draw(st.permutations(atoms + repeats))
    union = ProjectUsage(CLIMATE, {day: versions[-1] for day, versions in known.items()}, claimed)
    return _bundled(told, draw(st.sets(st.integers(1, len(told))))), union


def _bundled(atoms: list[Atom], cuts: set[int]) -> list[ProjectUsage]:
    """Put *atoms* into reports, a new one at each of *cuts* and where a day would stand twice in one."""
    bundles: list[list[Atom]] = [[]]
    for place, atom in enumerate(atoms):
        if place in cuts or (atom.day and atom.day in {other.day for other in bundles[-1]}):
            bundles.append([])
        bundles[-1].append(atom)
    return [_report(bundle) for bundle in bundles]


def _report(atoms: list[Atom]) -> ProjectUsage:
    return ProjectUsage(
        CLIMATE,
        {atom.day: atom.version for atom in atoms if atom.day},
        frozenset(atom.claim for atom in atoms if atom.claim),
    )


def last_word(told: list[ProjectUsage]) -> dict[date, Day]:
    """The days that stand after *told*: the last complete version; before there is one, whatever does not lower it."""
    known: dict[date, Day] = {}
    for report in told:
        for day, new in report.days.items():
            if new.is_complete or day not in known or _yields(known[day], new):
                known[day] = new
    return known


def _yields(old: Day, incomplete: Day) -> bool:
    return not old.is_complete and _sum(incomplete) >= _sum(old)


def _sum(day: Day) -> int:
    return sum(figures[0] for figures in day.usage.values())


def attributed(
    days: Mapping[date, Day], claims: frozenset[Claim]
) -> list[tuple[int, int, str, int]]:
    """The usage rows that *days* and *claims* come to: (year, month, username, node-seconds), in order.

    Worked out person by person, where the ledger goes local user by local user.
    """
    return sorted(
        row
        for year, month in {(day.year, day.month) for day in days}
        for row in _month_rows(year, month, days, claims)
    )


def _month_rows(
    year: int, month: int, days: Mapping[date, Day], claims: frozenset[Claim]
) -> Iterator[tuple[int, int, str, int]]:
    used = [
        (local, figures[0])
        for day, whole in days.items()
        if (day.year, day.month) == (year, month)
        for local, figures in whole.usage.items()
    ]
    owned = 0
    for names in _PEOPLE:
        mine = {claim for claim in claims if claim.user_identifier.user in names}
        seen = {claim for claim in mine if claim.local_user in dict(used)}
        if seen:
            sole = {claim.local_user for claim in mine if _is_sole(claim, claims)}
            figure = sum(seconds for local, seconds in used if local in sole)
            yield year, month, min(str(claim.user_identifier) for claim in seen), figure
            owned += figure
    yield year, month, UNKNOWN, sum(seconds for _, seconds in used) - owned


def _is_sole(claim: Claim, claims: frozenset[Claim]) -> bool:
    """Nobody else claims it: the same person under another name is nobody else."""
    rivals = {_person(other) for other in claims if other.local_user == claim.local_user}
    return rivals == {_person(claim)} and claim.local_user != UNKNOWN


def _person(claim: Claim) -> tuple[str, ...]:
    return next(names for names in _PEOPLE if claim.user_identifier.user in names)


def days_of(ledger: Account) -> dict[date, Day]:
    """The days that stand in a ledger."""
    return {
        day: Day(
            is_complete,
            jobs,
            wait_seconds,
            {local: DailyUsage(*figures) for d, local, *figures in ledger.usage if d == day},
            {Component(*of): seconds for d, *of, seconds in ledger.components if d == day},
            rule,
        )
        for day, is_complete, jobs, wait_seconds, rule in ledger.days
    }
