"""Associations: those of allocations that are seen whole, and one's own; none that holds no more."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from nodehours.queries.associations import (
    AssociationFilter,
    AssociationRow,
    find_association,
    list_associations,
)
from tests.queries.seen import World, readers, walked, world

ALL = AssociationFilter()
NOTHING = UUID(int=0)


@pytest.fixture(scope="module")
def kept(server_url: str, template: str) -> Iterator[World]:
    with world(server_url, template) as kept:
        yield kept


def listed(kept: World, name: str, asked: AssociationFilter = ALL) -> list[AssociationRow]:
    return kept.ask(
        name,
        lambda c, scope: walked(
            lambda offset, limit: list_associations(c, scope, asked, offset=offset, limit=limit)
        ),
    )


def told(rows: list[AssociationRow]) -> list[str]:
    return [f"{row.local_user} is {row.user_identifier}" for row in rows]


def find(kept: World, name: str, uuid: UUID) -> AssociationRow | None:
    return kept.ask(name, lambda c, scope: find_association(c, scope, uuid))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("member", ["alice_oc is alice.ocean.brics", "dave_oc is dave.ocean.brics"]),
        ("associate", ["judy_id is judy.idle.brics"] * 2),
        (
            "dave",
            [
                "dave_oc is dave.ocean.brics",
                "frank_ma is frank.maths.gw4",
                "grace_ma is grace.maths.gw4",
            ],
        ),
        (
            "alice",
            [
                "alice_cl is alice.climate.brics",
                "alice_cl is alice.climate.brics",
                "alice_id is alice.idle.brics",
                "alice_oc is alice.ocean.brics",
            ],
        ),
        ("nobody", []),
        ("newcomer", []),
    ],
)
def test_who_sees_whose(kept: World, name: str, expected: list[str]) -> None:
    """Dave manages maths and belongs to ocean: he does not see Alice's there. She has roles nowhere."""
    assert told(listed(kept, name)) == expected


@readers
def test_everybody_sees_what_the_rule_says_and_finds_just_that(kept: World, name: str) -> None:
    eyes = kept.eyes(name)

    rows = {row.uuid: row for row in listed(kept, name)}

    assert set(rows) == {held.uuid for held in kept.tables.held if eyes.sees_association(held)}
    for held in kept.tables.held:
        assert find(kept, name, held.uuid) == rows.get(held.uuid)
    assert find(kept, name, NOTHING) is None


def test_what_holds_no_more_is_not_there_even_for_staff(kept: World) -> None:
    """Staff said that frank_qu is nobody's; ivan's became erin's, and those of ice are of frost."""
    retired = kept.read("select uuid from associations where retired_revision is not null")

    assert len(retired) > 2
    assert not {uuid for (uuid,) in retired} & {row.uuid for row in listed(kept, "staff")}
    for (uuid,) in retired:
        assert find(kept, "staff", uuid) is None


def test_those_of_an_allocation_are_asked_for(kept: World) -> None:
    allocations = {one.uuid for one in kept.tables.allocations.values() if one.resource == "tigris"}

    for allocation in [*allocations, NOTHING]:
        for name in ("staff", "alice", "dave", "nobody"):
            asked = AssociationFilter(allocation=allocation)
            expected = [row for row in listed(kept, name) if row.allocation == allocation]
            assert listed(kept, name, asked) == expected


def test_a_hidden_one_is_like_a_missing_one(kept: World) -> None:
    judys = listed(kept, "associate")[0].uuid

    for uuid in (judys, NOTHING):
        assert find(kept, "alice", uuid) is None
        assert listed(kept, "alice", AssociationFilter(uuid=uuid)) == []
