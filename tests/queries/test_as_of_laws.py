"""What was answered once is answered as of then, whatever was posted since: for every ledger and every question."""

from __future__ import annotations

from hypothesis import event, given, settings
from hypothesis import strategies as st

from nodehours.queries.history import usage_histories
from nodehours.queries.pool import Connection
from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.terms.row import UsageFilter, UsageRow
from nodehours.terms.scope import Scope
from tests.queries.ledgers import Ledger, Naming, Posting, Question, questions, remembered, steps

laws = settings(max_examples=25)
several = st.lists(questions, min_size=3, max_size=8)
EVERYBODY = Scope(10**9, everything=True)
ALL = UsageFilter()


async def walk(
    reading: Connection, scope: Scope, asked: UsageFilter, size: int, at: int
) -> list[UsageRow]:
    """Return the rows of all pages; the count must say how many, on each of them and by itself."""
    total, _ = await count_usage(reading, scope, asked, at=at)
    walked: list[UsageRow] = []
    for offset in range(0, total + 1, size):
        page = await list_usage(reading, scope, asked, offset=offset, limit=size, at=at)
        assert page.total == total
        walked += page.rows
    assert len(walked) == total
    return walked


@laws
@given(taken=steps, asked=several, size=st.integers(7, 300))
def test_the_list_and_the_count_are_those_of_then(
    server_url: str,
    template: str,
    taken: list[Posting | Naming],
    asked: list[Question],
    size: int,
) -> None:
    with remembered(server_url, template, taken) as states:

        async def ask_again(reading: Connection) -> None:
            for at, then in states.items():
                for question in asked:
                    scope, wanted, expected = then.ask(question)
                    assert await walk(reading, scope, wanted, size, at) == expected
                    event("rows" if expected else "nothing")

        states[0].answer(ask_again)


@laws
@given(taken=steps, asked=several)
def test_a_row_is_found_as_it_was_then_if_it_was_there(
    server_url: str, template: str, taken: list[Posting | Naming], asked: list[Question]
) -> None:
    with remembered(server_url, template, taken) as states:
        row_ids = [kept.row.id for kept in states[max(states)].rows]

        async def find_again(reading: Connection) -> None:
            for at, then in states.items():
                for question in asked:
                    scope, wanted, expected = then.ask(question)
                    by_id = {row.id: row for row in expected}
                    for row_id in row_ids[::7]:
                        found, _ = await find_usage(reading, scope, wanted, row_id, at=at)
                        assert found == by_id.get(row_id)

        states[0].answer(find_again)


@laws
@given(taken=steps)
def test_at_every_revision_the_rows_are_in_order_and_none_is_younger(
    server_url: str, template: str, taken: list[Posting | Naming]
) -> None:
    """Those between the first and the last of one posting, too, which nobody has ever seen."""
    with remembered(server_url, template, taken) as states:

        async def walk_all(reading: Connection) -> None:
            former: set[int] = set()
            for at in range(max(states) + 1):
                rows = await walk(reading, EVERYBODY, ALL, 300, at)
                assert [row[1:3] for row in rows] == sorted(row[1:3] for row in rows)
                assert all(row.revision <= at for row in rows)
                assert former <= {row.id for row in rows}
                former = {row.id for row in rows}

        states[0].answer(walk_all)


@laws
@given(taken=steps)
def test_the_history_of_a_row_is_what_was_found_one_revision_after_the_other(
    server_url: str, template: str, taken: list[Posting | Naming]
) -> None:
    with remembered(server_url, template, taken) as states:
        last = max(states)

        async def compare(reading: Connection, row_id: int) -> None:
            history = (await usage_histories(reading, EVERYBODY, {row_id: last}))[row_id]
            found = [
                await find_usage(reading, EVERYBODY, ALL, row_id, at=at) for at in range(last + 1)
            ]
            told = {row.revision: (row.username, row.node_seconds) for row, _ in found if row}
            assert {one.revision: (one.username, one.node_seconds) for one in history} == told
            for at in range(last + 1):
                until = await usage_histories(reading, EVERYBODY, {row_id: at})
                assert until.get(row_id, []) == [one for one in history if one.revision <= at]
            event(f"{min(len(history), 3)} versions")

        async def compare_some(reading: Connection) -> None:
            for kept in states[last].rows[::9]:
                await compare(reading, kept.row.id)

        states[0].answer(compare_some)


def test_the_example_that_has_it_all(server_url: str, template: str) -> None:
    """A figure that rose, one that fell to nothing and came back, rows that came later, a person renamed twice."""
    month = (2024, 2)
    taken: list[Posting | Naming] = [
        Posting(0, month, day=1, first=0, people=2, unattributed=5),
        Posting(0, month, day=1, first=1, people=2, unattributed=9, is_complete=True),
        Naming(1, "Bob"),
        Posting(3, (2024, 1), day=1, first=1, people=1, unattributed=0),
        Posting(0, month, day=1, first=0, people=4, unattributed=7, is_complete=True),
        Naming(1, "Rob"),
        Posting(0, month, day=1, first=1, people=4, unattributed=8, is_complete=True),
    ]
    with remembered(server_url, template, taken) as states:

        def whole(then: Ledger, at: int) -> list[UsageRow]:
            return then.answer(lambda c: walk(c, EVERYBODY, ALL, 300, at))

        seen = {at: whole(then, at) for at, then in states.items()}
        assert {at: [kept.row for kept in then.rows] for at, then in states.items()} == seen
        february = [[row for row in rows if row.month == 2] for rows in seen.values()]
        assert [[row.node_seconds for row in rows] for rows in february] == [
            [],
            [1, 101, 5],
            [0, 101, 9, 201],
            [0, 101, 9, 201],
            [0, 101, 9, 201],
            [1, 101, 7, 201, 301],
            [1, 101, 7, 201, 301],
            [0, 101, 8, 201, 301, 401],
        ]
        names = [rows[1].full_name for rows in february[1:]]
        assert names == ["", "", "Bob", "Bob", "Bob", "Rob", "Rob"]


def test_one_allocation_of_the_example_is_counted_as_it_was(server_url: str, template: str) -> None:
    """By the counts of its statements, in a month that another allocation had begun."""
    month = (2024, 2)
    taken: list[Posting | Naming] = [Posting(3, month, day=1, first=0, people=1, unattributed=0)]
    taken += [
        Posting(0, month, day=1, first=0, people=people, unattributed=0, is_complete=True)
        for people in (1, 2, 4, 7)
    ]
    with remembered(server_url, template, taken) as states:
        last = states[max(states)]
        climate = last.rows[-1]
        asked = UsageFilter(allocation=climate.row.allocation)
        scope = Scope(10**9, everything=False, allocations=(climate.allocation_id,))

        async def counts(reading: Connection) -> list[list[int]]:
            return [
                [(await count_usage(reading, who, what, at=at)).total for at in sorted(states)]
                for who, what in ((EVERYBODY, asked), (scope, ALL), (EVERYBODY, ALL))
            ]

        of_climate = [0, 0, 2, 3, 5, 8]
        assert last.answer(counts) == [of_climate, of_climate, [0, 2, 4, 5, 7, 10]]
