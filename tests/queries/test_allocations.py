"""Allocations: who is told of which, and how much of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import pytest

from nodehours.queries.allocations import (
    AllocationFilter,
    AllocationRow,
    find_allocation,
    list_allocations,
)
from nodehours.queries.usage import list_usage
from nodehours.terms.row import UsageFilter
from tests.queries.seen import (
    FAR_DAY,
    LIMIT,
    LONG_AGO,
    READERS,
    World,
    readers,
    walked,
    world,
)

ALL = AllocationFilter()
BRICS = [
    "climate.brics on isca",
    "climate.brics on tigris",
    "frost.brics on isca",
    "idle.brics on isca",
    "idle.brics on tigris",
    "ocean.brics on isca",
]
GW4 = [
    "maths.gw4 on isca",
    "physics.gw4 on tigris",
    "quiet.gw4 on tigris",
    "stars.gw4 on tigris",
]
EVERY = sorted(BRICS + GW4)


@pytest.fixture(scope="module")
def kept(server_url: str, template: str) -> Iterator[World]:
    with world(server_url, template) as kept:
        yield kept


def listed(kept: World, name: str, asked: AllocationFilter = ALL) -> list[AllocationRow]:
    return kept.ask(
        name,
        lambda c, scope: walked(
            lambda offset, limit: list_allocations(c, scope, asked, offset=offset, limit=limit)
        ),
    )


def names(rows: list[AllocationRow]) -> list[str]:
    return [row.name for row in rows]


def find(kept: World, name: str, uuid: UUID) -> AllocationRow | None:
    return kept.ask(name, lambda c, scope: find_allocation(c, scope, uuid))


@pytest.mark.parametrize(
    ("name", "whole", "partly"),
    [
        ("staff", EVERY, []),
        ("support", EVERY, []),
        ("owner", BRICS, []),
        ("reader", GW4, []),
        ("member", ["ocean.brics on isca"], []),
        ("bob", BRICS[:2], []),
        ("dave", ["maths.gw4 on isca"], ["ocean.brics on isca"]),
        ("alice", [], [*BRICS[:2], "idle.brics on isca", "ocean.brics on isca"]),
        ("associate", [], ["idle.brics on isca", "idle.brics on tigris"]),
        ("frank", [], ["maths.gw4 on isca"]),
        ("newcomer", [], []),
        ("nobody", [], []),
    ],
)
def test_roles_show_allocations_whole_and_own_usage_or_an_association_in_part(
    kept: World, name: str, whole: list[str], partly: list[str]
) -> None:
    rows = listed(kept, name)

    assert names([row for row in rows if row.is_whole]) == whole
    assert names([row for row in rows if not row.is_whole]) == partly


@readers
def test_everybody_sees_what_the_rule_says_and_finds_just_that(kept: World, name: str) -> None:
    eyes = kept.eyes(name)
    seen = {
        one.uuid: eyes.sees_whole(key)
        for key, one in kept.tables.allocations.items()
        if eyes.sees_allocation(key)
    }

    rows = {row.uuid: row for row in listed(kept, name)}

    assert {uuid: row.is_whole for uuid, row in rows.items()} == seen
    for one in kept.tables.allocations.values():
        assert find(kept, name, one.uuid) == rows.get(one.uuid)
    assert find(kept, name, UUID(int=0)) is None


@readers
def test_whoever_reads_a_usage_row_can_follow_it_to_its_allocation(kept: World, name: str) -> None:
    rows = kept.ask(
        name, lambda c, scope: list_usage(c, scope, UsageFilter(), offset=0, limit=300)
    ).rows

    assert {row.allocation for row in rows} <= {row.uuid for row in listed(kept, name)}


def test_totals_are_for_those_who_see_the_whole(kept: World) -> None:
    (owners,) = listed(kept, "bob", AllocationFilter(name_exact="climate.brics on isca"))
    (alices,) = listed(kept, "alice", AllocationFilter(name_exact="climate.brics on isca"))

    assert (owners.node_limit, owners.node_usage) == (LIMIT, 3605)
    assert (alices.node_limit, alices.node_usage) == (None, None)
    for name in READERS:
        for row in listed(kept, name):
            assert row.is_whole or row.node_limit is None
            assert (row.node_usage is None) == (not row.is_whole)


def test_a_row_says_what_it_is_of(kept: World) -> None:
    (row,) = listed(kept, "owner", AllocationFilter(name_exact="climate.brics on isca"))

    assert row.project == kept.project("climate.brics")
    assert row.project_identifier == "climate.brics"
    assert row.organisation == kept.organisation("brics")
    assert (row.organisation_identifier, row.organisation_name) == ("brics", "Bristol Centre")
    assert row.resource_name == "isca"
    assert (row.starts, row.ends, row.is_active, row.local_group) == (LONG_AGO, FAR_DAY, True, None)
    assert row.created.tzinfo is row.modified.tzinfo is UTC


def test_a_month_without_a_statement_has_no_usage(kept: World) -> None:
    (maths,) = listed(kept, "staff", AllocationFilter(name_exact="maths.gw4 on isca"))
    (quiet,) = listed(kept, "staff", AllocationFilter(name_exact="quiet.gw4 on tigris"))

    assert (maths.node_usage, maths.node_limit, maths.is_active) == (0, None, False)
    assert (quiet.node_usage, quiet.node_limit, quiet.is_active) == (0, 0, True)


def test_it_is_modified_when_the_reader_sees_it_change(kept: World) -> None:
    """Of an allocation that is seen in part, the usage of others and its changes are not seen."""
    keys = {one.uuid: key for key, one in kept.tables.allocations.items()}
    alice = kept.tables.usernames["alice"]

    for row in listed(kept, "staff"):
        told = at(kept, _TOLD_LAST, keys[row.uuid])
        assert row.modified == max(row.created, told or row.created)
    for row in listed(kept, "alice"):
        own = at(kept, _OWN_TOLD_LAST, keys[row.uuid], alice)
        assert row.modified == max(row.created, own or row.created)


_TOLD_LAST = (
    "select max(recorded) from revisions join statements using (revision) where allocation_id = %s"
)
_OWN_TOLD_LAST = """
select max(recorded) from revisions join usage_rows using (revision) where (allocation_id, user_id) = (%s, %s)
"""


def at(kept: World, query: str, *values: int) -> datetime | None:
    found = kept.read(query, *values)[0][0]
    return cast("datetime", found).astimezone(UTC) if found else None


def test_each_filter_alone(kept: World) -> None:
    resource = listed(kept, "staff", AllocationFilter(name="stars"))[0].resource
    some = {
        AllocationFilter(name="E.BRICS ON I"): ["climate.brics on isca", "idle.brics on isca"],
        AllocationFilter(name_exact="stars.gw4 on tigris"): ["stars.gw4 on tigris"],
        AllocationFilter(name_exact="Stars.gw4 on tigris"): [],
        AllocationFilter(project=kept.project("climate.brics")): BRICS[:2],
        AllocationFilter(project_name="CLIM"): BRICS[:2],
        AllocationFilter(project_name="on isca"): [],
        AllocationFilter(project_identifier="climate.brics"): BRICS[:2],
        AllocationFilter(project_identifier="climate"): [],
        AllocationFilter(organisation=kept.organisation("gw4")): GW4,
        AllocationFilter(organisation_name="école"): GW4,
        AllocationFilter(organisation_name="%"): [],
        AllocationFilter(resource=resource): [name for name in EVERY if name.endswith("tigris")],
        AllocationFilter(resource_name="ISC"): [name for name in EVERY if name.endswith("isca")],
        AllocationFilter(is_active=True): [name for name in EVERY if not name.startswith("maths")],
        AllocationFilter(is_active=False): ["maths.gw4 on isca"],
        AllocationFilter(uuid=UUID(int=0)): [],
        AllocationFilter(name="isca", organisation_name="gw4"): ["maths.gw4 on isca"],
    }

    for asked, expected in some.items():
        assert names(listed(kept, "staff", asked)) == expected, asked


@readers
def test_filters_never_show_more_than_there_is_to_see(kept: World, name: str) -> None:
    seen = listed(kept, name)

    for asked, expected in {
        AllocationFilter(organisation_name="Bristol"): [r for r in seen if "brics" in r.name],
        AllocationFilter(resource_name="tigris"): [r for r in seen if "tigris" in r.name],
        AllocationFilter(name=" on "): seen,
    }.items():
        assert listed(kept, name, asked) == expected
