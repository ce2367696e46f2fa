"""Organisations: who sees which, and what is counted for whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from uuid import UUID

import pytest

from nodehours.queries.organisations import (
    OrganisationFilter,
    OrganisationRow,
    find_organisation,
    list_organisations,
)
from tests.queries.seen import World, readers, walked, world

ALL = OrganisationFilter()
NOTHING = UUID(int=0)


@pytest.fixture(scope="module")
def kept(server_url: str, template: str) -> Iterator[World]:
    with world(server_url, template) as kept:
        yield kept


def listed(kept: World, name: str, asked: OrganisationFilter = ALL) -> list[OrganisationRow]:
    return kept.ask(
        name,
        lambda c, scope: walked(
            lambda offset, limit: list_organisations(c, scope, asked, offset=offset, limit=limit)
        ),
    )


def find(kept: World, name: str, uuid: UUID) -> OrganisationRow | None:
    return kept.ask(name, lambda c, scope: find_organisation(c, scope, uuid))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("staff", [("void", 1, 1), ("brics", 4, 5), ("gw4", 4, 3)]),
        ("owner", [("brics", 4, 5)]),
        ("busy", [("brics", 4, 5), ("gw4", 1, None)]),
        ("manager", [("brics", 1, None)]),
        ("alice", [("brics", 3, None)]),
        ("dave", [("brics", 1, None), ("gw4", 1, None)]),
        ("newcomer", [("void", 1, None)]),
        ("nobody", []),
    ],
)
def test_who_sees_which_and_how_many_projects_and_people_of_it(
    kept: World, name: str, expected: list[tuple[str, int, int | None]]
) -> None:
    """They come by name: 100%_…, Bristol Centre, ÉCOLE GW4. People with several roles are counted once."""
    rows = listed(kept, name)

    assert [(row.identifier, row.projects, row.users) for row in rows] == expected


@readers
def test_everybody_sees_what_the_rule_says_and_finds_just_that(kept: World, name: str) -> None:
    eyes, organisations = kept.eyes(name), kept.tables.organisations
    projects = {
        uuid: sum(map(eyes.sees_project, eyes.projects_of(key)))
        for key, uuid in organisations.items()
        if eyes.sees_organisation(key)
    }

    rows = {row.uuid: row for row in listed(kept, name)}

    assert {uuid: row.projects for uuid, row in rows.items()} == projects
    for uuid in organisations.values():
        assert find(kept, name, uuid) == rows.get(uuid)
    assert find(kept, name, NOTHING) is None


def test_people_are_counted_for_those_with_a_role_on_the_organisation_itself(kept: World) -> None:
    roles = kept.tables.roles
    projects = kept.tables.projects
    keys = {uuid: key for key, uuid in kept.tables.organisations.items()}

    for row in listed(kept, "support"):
        of = keys[row.uuid]
        assert row.users == len(
            {
                role.user
                for role in roles
                if of
                == (projects[role.project].organisation if role.project else role.organisation)
            }
        )


def test_a_row_says_its_name_and_since_when(kept: World) -> None:
    (row,) = listed(kept, "owner")

    assert row.name == "Bristol Centre"
    assert row.uuid == kept.organisation("brics")
    assert row.created.tzinfo is UTC


def test_each_filter_alone(kept: World) -> None:
    some = {
        OrganisationFilter(uuid=kept.organisation("gw4")): ["gw4"],
        OrganisationFilter(uuid=NOTHING): [],
        OrganisationFilter(name="TOL"): ["brics"],
        OrganisationFilter(name="brics"): [],
        OrganisationFilter(name="école"): ["gw4"],
        OrganisationFilter(name="%"): ["void"],
        OrganisationFilter(name="_"): ["void"],
        OrganisationFilter(name="\\V"): ["void"],
        OrganisationFilter(name="c_n"): [],
        OrganisationFilter(name=""): ["void", "brics", "gw4"],
        OrganisationFilter(name_exact="Bristol Centre"): ["brics"],
        OrganisationFilter(name_exact="bristol centre"): [],
        OrganisationFilter(query="BRICS"): ["brics"],
        OrganisationFilter(query="centre"): ["brics"],
        OrganisationFilter(query="w4", name="100"): [],
    }

    for asked, expected in some.items():
        assert [row.identifier for row in listed(kept, "staff", asked)] == expected, asked
        seen = [identifier for identifier in expected if identifier == "brics"]
        assert [row.identifier for row in listed(kept, "alice", asked)] == seen, asked
