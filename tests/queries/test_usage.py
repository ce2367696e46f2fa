"""The usage of two people in two allocations, and who is shown what of it.

climate.brics on isca    December 2023: user0, user1 · February 2024: user0, user1
maths.gw4 on isca        February 2024: user1, who is another person there than at brics
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.terms.row import Page, UsageFilter, UsageRow
from nodehours.terms.scope import Scope
from tests.queries.ledgers import Ledger, Posting, ledger

CLIMATE, MATHS = 0, 3
NOBODY = 10**9
EVERYBODY = Scope(NOBODY, everything=True)
ALL = UsageFilter()


@pytest.fixture(scope="module")
def kept(server_url: str, template: str) -> Iterator[Ledger]:
    posted = [
        Posting(CLIMATE, (2024, 2), day=1, first=0, people=2, unattributed=7),
        Posting(MATHS, (2024, 2), day=1, first=1, people=1, unattributed=0),
        Posting(CLIMATE, (2023, 12), day=1, first=0, people=2, unattributed=5),
    ]
    with ledger(server_url, template, posted) as kept:
        yield kept


def page(
    kept: Ledger, scope: Scope, asked: UsageFilter = ALL, offset: int = 0, limit: int = 300
) -> Page:
    """The page that is asked for; the count must say the same of the whole."""
    found = kept.answer(lambda c: list_usage(c, scope, asked, offset=offset, limit=limit))
    assert kept.answer(lambda c: count_usage(c, scope, asked)) == (found.total, found.revision)
    return found


def short(rows: list[UsageRow]) -> list[str]:
    return [f"{row.year}-{row.month} {row.username} {row.node_seconds}" for row in rows]


def of(kept: Ledger, username: str) -> tuple[int, UUID]:
    """The person behind a user identifier: internal id, and UUID."""
    (found, *_) = [row for row in kept.rows if row.row.username == username]
    assert found.user_id
    assert found.row.user
    return found.user_id, found.row.user


DECEMBER = ["2023-12 user0.climate.brics 1", "2023-12 user1.climate.brics 101", "2023-12 unknown 5"]
FEBRUARY = ["2024-2 user0.climate.brics 1", "2024-2 user1.climate.brics 101", "2024-2 unknown 7"]
MATHEMATICS = ["2024-2 user1.maths.gw4 101", "2024-2 unknown 0"]


def test_rows_come_by_month_then_allocation_then_as_they_were_made(kept: Ledger) -> None:
    found = page(kept, EVERYBODY)

    assert short(found.rows) == DECEMBER + FEBRUARY + MATHEMATICS
    assert found.total == 8
    assert [row.id for row in found.rows] == [6, 7, 8, 1, 2, 3, 4, 5]


def test_a_page_may_begin_and_end_within_a_statement(kept: Ledger) -> None:
    whole = DECEMBER + FEBRUARY + MATHEMATICS

    for offset in range(10):
        for limit in range(1, 10):
            found = page(kept, EVERYBODY, offset=offset, limit=limit)
            assert short(found.rows) == whole[offset : offset + limit]
            assert found.total == 8


def test_nobodys_row_has_no_user(kept: Ledger) -> None:
    row = page(kept, EVERYBODY).rows[2]

    assert (row.user, row.username, row.full_name) == (None, "unknown", "")


def test_an_allocation_of_the_scope_is_seen_whole(kept: Ledger) -> None:
    climate = kept.rows[0].allocation_id

    assert short(page(kept, Scope(NOBODY, False, (climate,))).rows) == DECEMBER + FEBRUARY
    assert page(kept, Scope(NOBODY, False))[:2] == (0, [])


def test_own_rows_are_seen_wherever_they_are(kept: Ledger) -> None:
    alice, _ = of(kept, "user0.climate.brics")
    maths = kept.rows[-1].allocation_id

    assert short(page(kept, Scope(alice, False)).rows) == [DECEMBER[0], FEBRUARY[0]]
    both = page(kept, Scope(alice, False, (maths,)))
    assert short(both.rows) == [DECEMBER[0], FEBRUARY[0], *MATHEMATICS]


def test_an_own_row_that_is_seen_anyway_comes_once(kept: Ledger) -> None:
    alice, _ = of(kept, "user0.climate.brics")
    climate = kept.rows[0].allocation_id

    assert short(page(kept, Scope(alice, False, (climate,))).rows) == DECEMBER + FEBRUARY


def test_a_user_asked_for_is_seen_as_far_as_they_are_visible(kept: Ledger) -> None:
    alice, alices = of(kept, "user0.climate.brics")
    bob, bobs = of(kept, "user1.climate.brics")
    climate, maths = kept.rows[0].allocation_id, kept.rows[-1].allocation_id
    asked = UsageFilter(user=bobs)
    of_bob = [DECEMBER[1], FEBRUARY[1]]

    assert short(page(kept, EVERYBODY, asked).rows) == of_bob
    assert short(page(kept, Scope(alice, False, (climate,)), asked).rows) == of_bob
    assert short(page(kept, Scope(bob, False), asked).rows) == of_bob
    assert page(kept, Scope(alice, False, (maths,)), asked)[:2] == (0, [])
    assert page(kept, Scope(bob, False), UsageFilter(user=alices))[:2] == (0, [])


def test_filters_hold_all_at_once(kept: Ledger) -> None:
    _, bob = of(kept, "user1.climate.brics")
    climate, maths = kept.rows[0].row.allocation, kept.rows[-1].row.allocation

    assert short(page(kept, EVERYBODY, UsageFilter(allocation=climate)).rows) == DECEMBER + FEBRUARY
    assert short(page(kept, EVERYBODY, UsageFilter(year=2024)).rows) == FEBRUARY + MATHEMATICS
    assert short(page(kept, EVERYBODY, UsageFilter(month=12)).rows) == DECEMBER
    assert short(page(kept, EVERYBODY, UsageFilter(climate, bob, 2024, 2)).rows) == [FEBRUARY[1]]
    assert page(kept, EVERYBODY, UsageFilter(maths, bob))[:2] == (0, [])
    assert page(kept, EVERYBODY, UsageFilter(year=2024, month=12))[:2] == (0, [])
    assert page(kept, EVERYBODY, UsageFilter(UUID(int=0)))[:2] == (0, [])


def test_a_row_is_found_by_those_who_see_it_when_it_is_asked_for(kept: Ledger) -> None:
    alice, _ = of(kept, "user0.climate.brics")
    row = kept.rows[0].row
    climate, maths = kept.rows[0].allocation_id, kept.rows[-1].allocation_id

    def found(scope: Scope, asked: UsageFilter = ALL, row_id: int = row.id) -> UsageRow | None:
        return kept.answer(lambda c: find_usage(c, scope, asked, row_id)).row

    for scope in (EVERYBODY, Scope(alice, False), Scope(NOBODY, False, (climate,))):
        assert found(scope) == row
        assert found(scope, UsageFilter(row.allocation, row.user, 2023, 12)) == row
        assert found(scope, UsageFilter(year=2024)) is None
        assert found(scope, UsageFilter(allocation=kept.rows[-1].row.allocation)) is None
    assert found(Scope(NOBODY, False)) is None
    assert found(Scope(NOBODY, False, (maths,))) is None
    assert found(EVERYBODY, row_id=2**63 - 1) is None


@pytest.mark.parametrize("offset", [0, 2**15 - 5, 2**31 - 5, 2**62])
@pytest.mark.parametrize("everything", [True, False])
def test_no_offset_is_too_large(kept: Ledger, offset: int, everything: bool) -> None:
    """Sums of numbers around the ends of smallint and integer are not cut off there."""
    scope = Scope(NOBODY, everything, (1,))

    found = page(kept, scope, offset=offset, limit=300)

    assert bool(found.rows) == (offset == 0)
    assert found.total > 0
