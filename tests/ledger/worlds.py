"""Histories as hypothesis invents them: postings, closings, decisions, and all that moves in the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from hypothesis import strategies as st

from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month, reopen_month
from nodehours.ledger.decisions import accept, decline, reconsider
from nodehours.ledger.errors import LedgerError
from nodehours.ledger.inventory import add_organisation
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import move_project, rename_project
from nodehours.ledger.post import post
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import ProjectUsage
from tests.ledger.reports import LOCAL_USERS, USERS, know_alice, reports

Step: TypeAlias = Callable[[Connection], object]

PROJECTS = ("climate.brics", "weather.brics")
ORGANISATIONS = ("brics", "met")
MONTHS = (Month(2025, 12), Month(2026, 1), Month(2026, 2))
ORIGIN = Origin(by_whom="operator")


def _posting(usage: ProjectUsage, last_word: bool) -> Step:
    return lambda connection: post(connection, usage, "isca", ORIGIN, last_word=last_word)


def _closing(of: str, month: Month) -> Step:
    return lambda connection: close_month(connection, of, month, ORIGIN)


def _reopening(of: str, month: Month) -> Step:
    return lambda connection: reopen_month(connection, of, month, ORIGIN)


def _acceptance(pending: int) -> Step:
    return lambda connection: accept(connection, pending, ORIGIN)


def _refusal(pending: int) -> Step:
    return lambda connection: decline(connection, pending, "operator", "")


def _second_thoughts(pending: int) -> Step:
    return lambda connection: reconsider(connection, pending)


def _renaming(names: list[str]) -> Step:
    old, new = map(ProjectIdentifier.parse, names)
    return lambda connection: rename_project(connection, old, new, ORIGIN)


def _moving(organisation: str) -> Step:
    project = ProjectIdentifier.parse(PROJECTS[0])
    return lambda connection: move_project(connection, project, organisation, ORIGIN)


def _merging(source: str, target: str) -> Step:
    names = (f"{source}.brics", f"{target}.brics")
    return lambda connection: merge_users(connection, *names, ORIGIN)


def _mapping(local_user: str, user: str | None) -> Step:
    project = ProjectIdentifier.parse(PROJECTS[0])
    whose = UserIdentifier(user, "climate", "brics") if user else None
    return lambda connection: map_local_user(connection, project, "isca", local_user, whose, ORIGIN)


_ofs = st.sampled_from((*PROJECTS, "brics"))
_months = st.sampled_from(MONTHS)
_postings = st.builds(_posting, reports(), st.booleans())

steps: st.SearchStrategy[Step] = st.one_of(
    _postings,
    _postings,
    _postings,
    st.builds(_closing, _ofs, _months),
    st.builds(_reopening, _ofs, _months),
    st.builds(_acceptance, st.integers(1, 4)),
    st.builds(_refusal, st.integers(1, 4)),
    st.builds(_second_thoughts, st.integers(1, 4)),
    st.permutations(PROJECTS).map(_renaming),
    st.builds(_moving, st.sampled_from(ORGANISATIONS)),
    st.builds(_merging, st.sampled_from(USERS), st.sampled_from(USERS)),
    st.builds(_mapping, st.sampled_from(LOCAL_USERS), st.none() | st.sampled_from(USERS)),
)


def begin(connection: Connection) -> None:
    """What is there before any history: one person of two identities, and a second organisation."""
    know_alice(connection)
    add_organisation(connection, "met", "Met")


def take(connection: Connection, step: Step) -> None:
    """Take *step*; what the ledger refuses leaves it as it was."""
    try:
        step(connection)
    except LedgerError:
        return
