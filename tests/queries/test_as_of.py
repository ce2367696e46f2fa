"""A month as it was reported, and as it is: what is told of it as of then, and of the clock itself.

climate.brics, February 2024    revision 1: user0 1, user1 101, nobody 5
                                revision 2: user0 0, user1 101, nobody 9, user2 201
                                revision 3: user1 is called Bob
maths.gw4, January 2024         revision 4: user1 101, nobody 0
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from nodehours.ledger.store import connected
from nodehours.queries.clock import NoSnapshotError, Snapshot, find_snapshot
from nodehours.queries.history import usage_histories
from nodehours.queries.pool import Connection
from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.terms.as_of import AsOf, AtDay, AtInstant, AtRevision
from nodehours.terms.row import Page, UsageFilter, UsageRow
from nodehours.terms.scope import Scope
from tests.queries.ledgers import Ledger, Naming, Posting, remembered

CLIMATE, MATHS = 0, 3
NOBODY = 10**9
EVERYBODY = Scope(NOBODY, everything=True)
ALL = UsageFilter()
STEPS: list[Posting | Naming] = [
    Posting(CLIMATE, (2024, 2), day=1, first=0, people=2, unattributed=5),
    Posting(CLIMATE, (2024, 2), day=1, first=1, people=2, unattributed=9, is_complete=True),
    Naming(1, "Bob"),
    Posting(MATHS, (2024, 1), day=1, first=1, people=1, unattributed=0),
]
RECORDED = [
    datetime(2024, 2, 10, 8, tzinfo=UTC),
    datetime(2024, 3, 5, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2024, 3, 6, tzinfo=UTC),
    datetime(2024, 3, 9, 12, tzinfo=UTC),
]


@pytest.fixture(scope="module")
def states(server_url: str, template: str) -> Iterator[dict[int, Ledger]]:
    """What the ledger was at each revision, recorded at the times above."""
    with remembered(server_url, template, STEPS) as states:
        with connected(states[0].url) as connection, connection.transaction():
            connection.execute("alter table revisions disable trigger user")
            for revision, recorded in enumerate(RECORDED, 1):
                values = [recorded, revision]
                connection.execute("update revisions set recorded = %s where revision = %s", values)
            connection.execute("alter table revisions enable trigger user")
        yield states


@pytest.fixture(scope="module")
def kept(states: dict[int, Ledger]) -> Ledger:
    return states[4]


def page(kept: Ledger, at: int | None, scope: Scope = EVERYBODY, asked: UsageFilter = ALL) -> Page:
    """All that is told; the count must say the same."""
    found = kept.answer(lambda c: list_usage(c, scope, asked, offset=0, limit=300, at=at))
    assert kept.answer(lambda c: count_usage(c, scope, asked, at=at)) == (
        found.total,
        found.revision,
    )
    return found


def short(rows: list[UsageRow]) -> list[str]:
    return [f"{row.year}-{row.month} {row.username} {row.node_seconds}" for row in rows]


FIRST = ["2024-2 user0.climate.brics 1", "2024-2 user1.climate.brics 101", "2024-2 unknown 5"]
SECOND = [
    "2024-2 user0.climate.brics 0",
    "2024-2 user1.climate.brics 101",
    "2024-2 unknown 9",
    "2024-2 user2.climate.brics 201",
]
MATHEMATICS = ["2024-1 user1.maths.gw4 101", "2024-1 unknown 0"]


def test_at_each_revision_it_is_what_was_told_then(kept: Ledger) -> None:
    told = [short(page(kept, at).rows) for at in (0, 1, 2, 3, 4, None)]

    assert told == [[], FIRST, SECOND, SECOND, MATHEMATICS + SECOND, MATHEMATICS + SECOND]


def test_the_order_and_the_ids_are_the_same_at_all_times(kept: Ledger) -> None:
    assert [[row.id for row in page(kept, at).rows] for at in (1, 2, 4)] == [
        [1, 2, 3],
        [1, 2, 3, 4],
        [5, 6, 1, 2, 3, 4],
    ]


def test_a_page_of_then_may_begin_and_end_anywhere(kept: Ledger) -> None:
    async def pages(reading: Connection) -> None:
        for offset in range(6):
            for limit in range(1, 6):
                found = await list_usage(reading, EVERYBODY, ALL, offset=offset, limit=limit, at=1)
                assert short(found.rows) == FIRST[offset : offset + limit]
                assert found.total == 3

    kept.answer(pages)


def test_a_row_carries_the_revision_since_which_it_says_so(kept: Ledger) -> None:
    assert [row.revision for row in page(kept, 1).rows] == [1, 1, 1]
    assert [row.revision for row in page(kept, 3).rows] == [2, 1, 2, 2]


def test_a_person_is_called_what_they_were_called_then(kept: Ledger) -> None:
    names = [[row.full_name for row in page(kept, at).rows][1] for at in (1, 2, 3)]

    assert names == ["", "", "Bob"]


def test_a_row_is_found_from_the_revision_on_that_made_it(kept: Ledger) -> None:
    def found(row_id: int, at: int | None) -> int | None:
        row = kept.answer(lambda c: find_usage(c, EVERYBODY, ALL, row_id, at=at)).row
        return None if row is None else row.node_seconds

    assert [found(1, at) for at in (0, 1, 2, 4, None)] == [None, 1, 0, 0, 0]
    assert [found(4, at) for at in (0, 1, 2, 4, None)] == [None, None, 201, 201, 201]


def test_filters_and_the_scope_hold_then_as_they_do_now(kept: Ledger) -> None:
    (climate, *_) = {row.allocation_id for row in kept.rows if row.row.month == 2}
    bob = kept.rows[3].user_id
    assert bob

    assert short(page(kept, 1, Scope(NOBODY, False, (climate,))).rows) == FIRST
    assert short(page(kept, 1, Scope(bob, False)).rows) == [FIRST[1]]
    assert page(kept, 4, Scope(NOBODY, False))[:2] == (0, [])
    assert short(page(kept, 2, asked=UsageFilter(user=kept.rows[3].row.user)).rows) == [SECOND[1]]
    assert short(page(kept, 1, asked=UsageFilter(year=2024, month=2)).rows) == FIRST
    assert page(kept, 3, asked=UsageFilter(month=1))[:2] == (0, [])
    assert page(kept, 4, asked=UsageFilter(allocation=UUID(int=0)))[:2] == (0, [])


def test_a_past_that_is_smaller_than_its_month_is_counted_as_it_was(kept: Ledger) -> None:
    """One allocation, and one user, are counted statement by statement."""
    climate = kept.rows[-1].row.allocation

    assert [page(kept, at, asked=UsageFilter(allocation=climate)).total for at in range(5)] == [
        0,
        3,
        4,
        4,
        4,
    ]


# ------------------------------------------------------------------------------- how it came to be


def history(
    kept: Ledger, row_id: int, scope: Scope = EVERYBODY, at: int | None = None
) -> list[str]:
    until = {row_id: 2**62 if at is None else at}
    versions = kept.answer(lambda c: usage_histories(c, scope, until)).get(row_id, [])
    assert [one.recorded for one in versions] == [RECORDED[one.revision - 1] for one in versions]
    return [f"{one.revision} {one.node_seconds} {one.kind}: {one.reason}" for one in versions]


def test_the_history_of_a_row_says_when_and_why(kept: Ledger) -> None:
    first, second = "1 1 posting: first report", "2 0 posting: more days"

    assert history(kept, 1) == [first, second]
    assert history(kept, 1, at=1) == [first]
    assert history(kept, 1, at=0) == []
    assert history(kept, 2) == ["1 101 posting: first report"]
    assert history(kept, 99) == []


def test_the_history_of_a_hidden_row_is_nothing(kept: Ledger) -> None:
    (climate, *_) = {row.allocation_id for row in kept.rows if row.row.month == 2}
    bob = kept.rows[3].user_id
    assert bob

    assert history(kept, 2, Scope(bob, False)) == ["1 101 posting: first report"]
    assert len(history(kept, 1, Scope(NOBODY, False, (climate,)))) == 2
    assert history(kept, 1, Scope(bob, False)) == []
    assert history(kept, 1, Scope(NOBODY, False)) == []


# --------------------------------------------------------------------------------------- the clock


def snapshot(kept: Ledger, as_of: AsOf, scope: Scope = Scope(NOBODY, False)) -> Snapshot:  # noqa: B008
    return kept.answer(lambda c: find_snapshot(c, scope, as_of))


def refusal(kept: Ledger, as_of: AsOf, scope: Scope = Scope(NOBODY, False)) -> str:  # noqa: B008
    with pytest.raises(NoSnapshotError) as refused:
        snapshot(kept, as_of, scope)
    return str(refused.value)


def test_a_revision_is_judged_when_it_was_recorded(kept: Ledger) -> None:
    assert [snapshot(kept, AtRevision(at)) for at in (1, 2, 3, 4)] == [
        Snapshot(at, recorded) for at, recorded in enumerate(RECORDED, 1)
    ]
    assert snapshot(kept, AtRevision(0)).revision == 0


@pytest.mark.parametrize(
    ("instant", "revision"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (RECORDED[0] - timedelta(microseconds=1), 0),
        (RECORDED[0], 1),
        (RECORDED[1] - timedelta(microseconds=1), 1),
        (RECORDED[1], 2),
        (RECORDED[2], 3),
        (RECORDED[3] - timedelta(microseconds=1), 3),
        (RECORDED[3] + timedelta(days=30), 4),
    ],
)
def test_at_an_instant_it_is_the_last_revision_recorded_by_then(
    kept: Ledger, instant: datetime, revision: int
) -> None:
    assert snapshot(kept, AtInstant(instant)) == Snapshot(revision, instant)


@pytest.mark.parametrize(
    ("day", "revision"),
    [
        (date(1, 1, 1), 0),
        (date(2024, 2, 9), 0),
        (date(2024, 2, 10), 1),
        (date(2024, 3, 4), 1),
        (date(2024, 3, 5), 2),
        (date(2024, 3, 6), 3),
        (date(2024, 3, 9), 4),
    ],
)
def test_a_day_is_its_last_microsecond(kept: Ledger, day: date, revision: int) -> None:
    assert snapshot(kept, AtDay(day)) == Snapshot(revision, AtDay(day).last_instant)


def test_today_is_now_and_tomorrow_is_not_yet(kept: Ledger) -> None:
    with connected(kept.url) as connection:
        ((before,),) = connection.execute("select now()")
        found = snapshot(kept, AtDay(before.astimezone(UTC).date()))
        ((after,),) = connection.execute("select now()")

    assert found.revision == 4
    assert before <= found.instant <= after
    overmorrow = before.astimezone(UTC) + timedelta(days=2)
    assert refusal(kept, AtDay(overmorrow.date())) == f"{overmorrow.date()} is in the future"
    assert refusal(kept, AtInstant(overmorrow)).endswith("is in the future")
    assert refusal(kept, AtDay(date.max)) == "9999-12-31 is in the future"


@pytest.mark.parametrize("revision", [5, 10**18 - 1])
def test_a_revision_that_is_not_there_yet_is_said_so(kept: Ledger, revision: int) -> None:
    """How far the ledger has come is for those who see all of it."""
    assert refusal(kept, AtRevision(revision)) == f"there is no revision {revision} yet"
    assert refusal(kept, AtRevision(revision), EVERYBODY) == (
        f"there is no revision {revision} yet: the ledger is at revision 4"
    )


def test_a_ledger_without_postings_is_empty_at_all_times(database_url: str) -> None:
    empty = Ledger(database_url, [], [])

    for as_of in (AtRevision(0), AtDay(date(2024, 1, 1)), AtInstant(RECORDED[0])):
        assert snapshot(empty, as_of).revision == 0
    assert page(empty, 0)[:2] == (0, [])
    assert refusal(empty, AtRevision(1)) == "there is no revision 1 yet"


def test_what_was_before_the_memory_is_not_invented(kept: Ledger) -> None:
    """A ledger that was there before it had a history knows of its last revision only."""
    sentence = "the ledger remembers what it said from revision 3 (2024-03-06) on"
    with connected(kept.url) as connection:
        connection.execute("update ledger set first_remembered = 3")
        try:
            for as_of in (AtRevision(1), AtRevision(2), AtDay(date(2024, 3, 5))):
                assert refusal(kept, as_of) == sentence
            assert [snapshot(kept, AtRevision(at)).revision for at in (0, 3, 4)] == [0, 3, 4]
            assert snapshot(kept, AtDay(date(2024, 1, 1))).revision == 0
        finally:
            connection.execute("update ledger set first_remembered = 0")
