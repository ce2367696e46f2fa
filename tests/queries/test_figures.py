"""The ledger's figures for a comparison: by user, by local user and by day, all with the same sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given, settings

from nodehours.ledger.store import connected
from nodehours.queries.access import operator_scope
from nodehours.queries.figures import (
    FigureFilter,
    LedgerFigures,
    ledger_figures,
    projects_of_allocations,
)
from nodehours.terms.figure import Figure
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope
from tests.queries.ledgers import Ledger, Posting, ledger, postings

CLIMATE, CLIMATE_ON_TIGRIS, OCEAN = 0, 1, 2
DECEMBER, FEBRUARY = Month(2023, 12), Month(2024, 2)
EVERYTHING = FigureFilter()
_POSTED = """
select projects.identifier, year, month, node_seconds from statements
join allocations on allocations.id = allocation_id join projects on projects.id = project_id
"""


@pytest.fixture(scope="module")
def kept(server_url: str, template: str) -> Iterator[Ledger]:
    posted = [
        Posting(CLIMATE, (2023, 12), day=1, first=1, people=2, unattributed=5),
        Posting(CLIMATE, (2024, 2), day=1, first=1, people=1, unattributed=0),
        Posting(CLIMATE, (2024, 2), day=2, first=1, people=1, unattributed=7),
        Posting(CLIMATE_ON_TIGRIS, (2024, 2), day=2, first=1, people=1, unattributed=1000),
        Posting(OCEAN, (2024, 2), day=1, first=0, people=0, unattributed=0),
    ]
    with ledger(server_url, template, posted) as kept:
        yield kept


def asked(
    kept: Ledger,
    wanted: FigureFilter = EVERYTHING,
    scope: Scope | None = None,
    *,
    by_local_user: bool = False,
    by_day: bool = True,
) -> LedgerFigures:
    reader = scope or operator_scope()
    return kept.answer(
        lambda c: ledger_figures(c, reader, wanted, by_local_user=by_local_user, by_day=by_day)
    )


def test_figures_of_all_allocations_of_a_project_are_added_up_by_user(kept: Ledger) -> None:
    found = asked(kept)

    assert sorted(found.by_user) == sorted([
        Figure("climate.brics", DECEMBER, 101, "user1.climate.brics"),
        Figure("climate.brics", DECEMBER, 201, "user2.climate.brics"),
        Figure("climate.brics", DECEMBER, 5, "unknown"),
        Figure("climate.brics", FEBRUARY, 101 + 102 + 102, "user1.climate.brics"),
        Figure("climate.brics", FEBRUARY, 7 + 1000, "unknown"),
        Figure("ocean.brics", FEBRUARY, 0, "unknown"),
    ])  # fmt: skip
    assert found.revision == 5


def test_figures_by_local_user_have_nobodys_too_be_it_0(kept: Ledger) -> None:
    found = asked(kept, FigureFilter(months=frozenset({FEBRUARY})), by_local_user=True)

    assert sorted(found.by_user) == [
        Figure("climate.brics", FEBRUARY, 305, "l1"),
        Figure("climate.brics", FEBRUARY, 1007, "unknown"),
        Figure("ocean.brics", FEBRUARY, 0, "unknown"),
    ]


def test_days_are_told_when_they_are_asked_for(kept: Ledger) -> None:
    wanted = FigureFilter(projects=frozenset({"climate.brics"}), months=frozenset({FEBRUARY}))

    assert asked(kept, wanted).by_day == [
        Figure("climate.brics", FEBRUARY, 101, None, date(2024, 2, 1)),
        Figure("climate.brics", FEBRUARY, 102 + 7 + 102 + 1000, None, date(2024, 2, 2)),
    ]
    assert asked(kept, wanted, by_day=False).by_day == []


def test_figures_may_be_of_one_resource_one_project_and_some_months(kept: Ledger) -> None:
    tigris = asked(kept, FigureFilter(resource="tigris"))
    ocean = asked(kept, FigureFilter(projects=frozenset({"ocean.brics", "no.such"})))
    december = asked(kept, FigureFilter(months=frozenset({DECEMBER, Month(1999, 1)})))

    assert {one.node_seconds for one in tigris.by_user} == {102, 1000}
    assert [one.project for one in ocean.by_user] == ["ocean.brics"]
    assert {one.month for one in december.by_user} == {DECEMBER}
    assert asked(kept, FigureFilter(resource="nowhere"))[1:] == ([], [])


def test_whoever_sees_an_allocation_whole_sees_its_figures_and_nobody_else_any(
    kept: Ledger,
) -> None:
    """User 1 has rows of their own in climate; figures are of whole allocations, which they do not see."""
    climate = kept.rows[0].allocation_id
    own = next(user for _, user, row in kept.rows if row.username == "user1.climate.brics")
    assert own is not None

    owner = asked(kept, scope=Scope(10**9, everything=False, allocations=(climate,)))

    assert {one.project for one in owner.by_user} == {"climate.brics"}
    assert sum(one.node_seconds for one in owner.by_user) == 307 + 101 + 102 + 7
    assert asked(kept, scope=Scope(own, everything=False))[1:] == ([], [])


def test_an_allocation_is_known_by_its_uuid_to_whoever_sees_it_whole(kept: Ledger) -> None:
    ids = {row.allocation_id: row.row.allocation.hex for row in kept.rows}
    first = min(ids)

    everything = kept.answer(lambda c: projects_of_allocations(c, operator_scope()))
    one = kept.answer(lambda c: projects_of_allocations(c, Scope(0, False, (first,))))

    assert set(everything) == set(ids.values())
    assert Counter(everything.values()) == {"climate.brics": 2, "ocean.brics": 1}
    assert one == {ids[first]: "climate.brics"}


@settings(max_examples=25)
@given(posted=postings)
def test_by_user_by_local_user_and_by_day_the_sums_are_those_of_the_statements(
    server_url: str, template: str, posted: list[Posting]
) -> None:
    with ledger(server_url, template, posted) as kept:
        by_user = asked(kept)
        by_local_user = asked(kept, by_local_user=True)
        with connected(kept.url) as connection:
            statements: Counter[tuple[str, Month]] = Counter()
            for project, year, month, node_seconds in connection.execute(_POSTED):
                statements[project, Month(year, month)] += node_seconds

    for figures in (by_user.by_user, by_local_user.by_user, by_user.by_day):
        sums: Counter[tuple[str, Month]] = Counter()
        for one in figures:
            sums[one.project, one.month] += one.node_seconds
        assert +sums == +statements
    assert {(one.project, one.month) for one in by_local_user.by_user} == set(statements)
