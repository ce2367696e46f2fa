"""The accounting summary: whole projects only, to the second."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from nodehours.queries.accounting import (
    AccountingFilter,
    AccountingRow,
    find_accounting,
    list_accounting,
)
from nodehours.terms.scope import Scope
from tests.queries.seen import (
    LAST_DAY,
    LIMIT,
    LONG_AGO,
    TODAY,
    World,
    answered,
    readers,
    walked,
    world,
)

ALL = AccountingFilter()
NOTHING = UUID(int=0)
BRICS = ["climate.brics", "frost.brics", "idle.brics", "ocean.brics"]
GW4 = ["maths.gw4", "physics.gw4", "quiet.gw4", "stars.gw4"]
EVERY = sorted([*BRICS, *GW4, "empty.void"])


@pytest.fixture(scope="module")
def kept(server_url: str, template: str) -> Iterator[World]:
    with world(server_url, template) as kept:
        yield kept


def listed(kept: World, name: str, asked: AccountingFilter = ALL) -> list[AccountingRow]:
    return kept.ask(
        name,
        lambda c, scope: walked(
            lambda offset, limit: list_accounting(c, scope, asked, offset=offset, limit=limit)
        ),
    )


def names(kept: World, name: str, asked: AccountingFilter = ALL) -> list[str]:
    return [row.project_identifier for row in listed(kept, name, asked)]


def find(kept: World, name: str, project: UUID) -> AccountingRow | None:
    return kept.ask(name, lambda c, scope: find_accounting(c, scope, project))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("staff", EVERY),
        ("support", EVERY),
        ("owner", BRICS),
        ("reader", GW4),
        ("member", ["ocean.brics"]),
        ("dave", ["maths.gw4"]),
        ("newcomer", ["empty.void"]),
        ("alice", []),
        ("nobody", []),
    ],
)
def test_who_is_told_of_which(kept: World, name: str, expected: list[str]) -> None:
    """Dave has usage in ocean.brics, and Alice in most: what others used there is not theirs to know."""
    assert names(kept, name) == expected


@readers
def test_everybody_is_told_of_projects_seen_whole_and_finds_just_those(
    kept: World, name: str
) -> None:
    eyes, projects = kept.eyes(name), kept.tables.projects
    whole = {
        one.uuid
        for key, one in projects.items()
        if eyes.sees_project(key) and all(map(eyes.sees_whole, eyes.allocations_of(key)))
    }

    rows = {row.project: row for row in listed(kept, name)}

    assert set(rows) == whole
    for one in projects.values():
        assert find(kept, name, one.uuid) == rows.get(one.uuid)
    assert find(kept, name, NOTHING) is None


def test_a_project_with_an_allocation_that_is_not_seen_whole_is_not_told(kept: World) -> None:
    """No role of today opens one of two allocations; the rule holds for such a scope too."""
    climate = [
        key
        for key, one in kept.tables.allocations.items()
        if kept.tables.projects[one.project].identifier == "climate.brics"
    ]
    for allocations in (climate[:1], climate[1:], climate):
        scope = Scope(0, everything=False, allocations=tuple(allocations))
        found = answered(
            kept.url, scope, lambda c, scope: list_accounting(c, scope, ALL, offset=0, limit=9)
        )
        assert found.total == (allocations == climate)


def test_totals_are_the_sums_of_the_statements(kept: World) -> None:
    sums = {
        identifier: (int(total), int(running))
        for identifier, total, running in kept.read(_SUMS, TODAY.year, TODAY.month)
    }

    for row in listed(kept, "staff"):
        assert (row.total, row.current_month) == sums.get(row.project_identifier, (0, 0))
    assert sums["climate.brics"][1] == 3605
    assert sums["maths.gw4"][1] == 0 < sums["maths.gw4"][0]


_SUMS = """
select identifier, sum(node_seconds),
       sum(case when (year, month) = (%s, %s) then node_seconds else 0 end)
from statements join allocations a on a.id = allocation_id join projects p on p.id = project_id
group by identifier
"""


def test_a_row_says_whose_it_is_its_limit_and_from_when_to_when(kept: World) -> None:
    rows = {row.project_identifier: row for row in listed(kept, "staff")}
    climate, maths, quiet, empty = (
        rows[name] for name in ("climate.brics", "maths.gw4", "quiet.gw4", "empty.void")
    )

    assert climate.organisation == kept.organisation("brics")
    assert climate[3:5] == ("brics", "Bristol Centre")
    assert (climate.starts, climate.ends, climate.limit) == (LONG_AGO, None, LIMIT)
    assert (maths.starts, maths.ends, maths.limit) == (LONG_AGO, LAST_DAY, None)
    assert (quiet.starts, quiet.ends, quiet.limit, quiet.total) == (None, TODAY, 0, 9)
    assert empty[5:] == (None, None, None, 0, 0)
    assert all(type(figure) is int for row in rows.values() for figure in row[8:])


def test_each_filter_alone(kept: World) -> None:
    some = {
        AccountingFilter(project=kept.project("ocean.brics")): ["ocean.brics"],
        AccountingFilter(project=NOTHING): [],
        AccountingFilter(organisation=kept.organisation("brics")): BRICS,
        AccountingFilter(organisation=NOTHING): [],
        AccountingFilter(is_active=True): [
            name for name in EVERY if name not in {"maths.gw4", "empty.void"}
        ],
        AccountingFilter(is_active=False): ["empty.void", "maths.gw4"],
        AccountingFilter(organisation=kept.organisation("gw4"), is_active=False): ["maths.gw4"],
    }

    for asked, expected in some.items():
        assert names(kept, "staff", asked) == expected, asked
        ours = [name for name in expected if name == "ocean.brics"]
        assert names(kept, "member", asked) == ours, asked
