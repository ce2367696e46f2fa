"""Projects: who sees which, and what of their allocations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from uuid import UUID

import pytest

from nodehours.queries.projects import ProjectFilter, ProjectRow, find_project, list_projects
from tests.queries.seen import (
    LAST_DAY,
    LONG_AGO,
    TODAY,
    World,
    readers,
    walked,
    world,
)

ALL = ProjectFilter()
NOTHING = UUID(int=0)
BRICS = ["climate.brics", "frost.brics", "idle.brics", "ocean.brics"]
GW4 = ["maths.gw4", "physics.gw4", "quiet.gw4", "stars.gw4"]
EVERY = sorted([*BRICS, *GW4, "empty.void"])


@pytest.fixture(scope="module")
def kept(server_url: str, template: str) -> Iterator[World]:
    with world(server_url, template) as kept:
        yield kept


def listed(kept: World, name: str, asked: ProjectFilter = ALL) -> list[ProjectRow]:
    return kept.ask(
        name,
        lambda c, scope: walked(
            lambda offset, limit: list_projects(c, scope, asked, offset=offset, limit=limit)
        ),
    )


def names(kept: World, name: str, asked: ProjectFilter = ALL) -> list[str]:
    return [row.identifier for row in listed(kept, name, asked)]


def find(kept: World, name: str, uuid: UUID) -> ProjectRow | None:
    return kept.ask(name, lambda c, scope: find_project(c, scope, uuid))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("staff", EVERY),
        ("owner", BRICS),
        ("manager", ["climate.brics"]),
        ("alice", ["climate.brics", "idle.brics", "ocean.brics"]),
        ("dave", ["maths.gw4", "ocean.brics"]),
        ("frank", ["maths.gw4"]),
        ("newcomer", ["empty.void"]),
        ("nobody", []),
    ],
)
def test_who_sees_which(kept: World, name: str, expected: list[str]) -> None:
    """The newcomer's has no allocation yet. Frank's association with quiet.gw4 holds no more."""
    assert names(kept, name) == expected


@readers
def test_everybody_sees_what_the_rule_says_and_finds_just_that(kept: World, name: str) -> None:
    eyes, projects = kept.eyes(name), kept.tables.projects
    allocations = {
        one.uuid: sum(map(eyes.sees_allocation, eyes.allocations_of(key)))
        for key, one in projects.items()
        if eyes.sees_project(key)
    }

    rows = {row.uuid: row for row in listed(kept, name)}

    assert {uuid: row.allocations for uuid, row in rows.items()} == allocations
    for one in projects.values():
        assert find(kept, name, one.uuid) == rows.get(one.uuid)
    assert find(kept, name, NOTHING) is None


def test_a_row_says_whose_it_is_and_from_when_to_when(kept: World) -> None:
    rows = {row.identifier: row for row in listed(kept, "staff")}
    climate, maths, quiet, empty = (
        rows[name] for name in ("climate.brics", "maths.gw4", "quiet.gw4", "empty.void")
    )

    assert climate.organisation == kept.organisation("brics")
    assert climate[3:5] == ("brics", "Bristol Centre")
    assert climate.created.tzinfo is UTC
    assert (maths.starts, maths.ends, maths.allocations) == (LONG_AGO, LAST_DAY, 1)
    assert (quiet.starts, quiet.ends) == (None, TODAY)
    assert (empty.starts, empty.ends, empty.allocations) == (None, None, 0)


def test_a_project_has_no_end_when_one_of_its_allocations_has_none(kept: World) -> None:
    (climate,) = listed(kept, "owner", ProjectFilter(name="climate"))

    assert (climate.starts, climate.ends, climate.allocations) == (LONG_AGO, None, 2)


def test_only_the_allocations_that_are_visible_are_counted(kept: World) -> None:
    """Alice has an association with idle.brics on isca, and none on tigris."""
    asked = ProjectFilter(name="idle")

    assert [row.allocations for row in listed(kept, "alice", asked)] == [1]
    assert [row.allocations for row in listed(kept, "associate", asked)] == [2]


def test_each_filter_alone(kept: World) -> None:
    some = {
        ProjectFilter(uuid=kept.project("maths.gw4")): ["maths.gw4"],
        ProjectFilter(uuid=NOTHING): [],
        ProjectFilter(name="ST"): ["frost.brics", "stars.gw4"],
        ProjectFilter(name="%"): [],
        ProjectFilter(name="o_ean"): [],
        ProjectFilter(name_exact="frost.brics"): ["frost.brics"],
        ProjectFilter(name_exact="frost"): [],
        ProjectFilter(organisation=kept.organisation("gw4")): GW4,
        ProjectFilter(organisation=NOTHING): [],
        ProjectFilter(organisation_name="centre"): BRICS,
        ProjectFilter(organisation_name="\\void"): ["empty.void"],
        ProjectFilter(query="CE"): ["frost.brics", "ocean.brics"],
        ProjectFilter(query="ice.brics"): ["frost.brics"],
        ProjectFilter(query="ice", name="ocean"): [],
    }
    ours = names(kept, "owner")

    for asked, expected in some.items():
        assert names(kept, "staff", asked) == expected, asked
        assert names(kept, "owner", asked) == [name for name in expected if name in ours], asked
        assert names(kept, "nobody", asked) == []
