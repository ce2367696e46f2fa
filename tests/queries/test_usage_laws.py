"""What holds for every ledger, every reader and every question."""

from __future__ import annotations

from hypothesis import event, given, settings
from hypothesis import strategies as st

from nodehours.queries.pool import Connection
from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.terms.row import UsageRow
from tests.queries.ledgers import Posting, Question, ledger, postings, questions

laws = settings(max_examples=20)
sizes = st.integers(1, 12) | st.integers(1, 300)
several = st.lists(questions, min_size=4, max_size=12)


@laws
@given(posted=postings, asked=st.lists(st.tuples(questions, sizes), min_size=4, max_size=12))
def test_walking_all_pages_gives_every_visible_row_once_and_in_order(
    server_url: str, template: str, posted: list[Posting], asked: list[tuple[Question, int]]
) -> None:
    with ledger(server_url, template, posted) as kept:

        async def walk(reading: Connection, question: Question, size: int) -> list[UsageRow]:
            scope, wanted, expected = kept.ask(question)
            walked: list[UsageRow] = []
            for offset in range(0, len(expected) + size, size):
                page = await list_usage(reading, scope, wanted, offset=offset, limit=size)
                assert page.total == len(expected)
                assert len(page.rows) == min(size, max(0, page.total - offset))
                walked += page.rows
            assert (await count_usage(reading, scope, wanted)).total == len(expected)
            event("several pages" if len(expected) > size else "a page" if expected else "nothing")
            return walked

        async def walks(reading: Connection) -> None:
            for question, size in asked:
                assert await walk(reading, question, size) == kept.ask(question)[2]

        kept.answer(walks)


@laws
@given(
    posted=postings,
    asked=several,
    slices=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 700), st.integers(1, 300))),
)
def test_any_page_is_a_slice_of_the_whole(
    server_url: str,
    template: str,
    posted: list[Posting],
    asked: list[Question],
    slices: list[tuple[int, int, int]],
) -> None:
    """Slices are taken from the beginning, and around the end."""
    with ledger(server_url, template, posted) as kept:

        async def slice_all(reading: Connection) -> None:
            for question in asked:
                scope, wanted, expected = kept.ask(question)
                for from_end, distance, limit in slices:
                    offset = max(0, len(expected) - distance // 10) if from_end else distance
                    page = await list_usage(reading, scope, wanted, offset=offset, limit=limit)
                    assert page.rows == expected[offset : offset + limit]
                    assert page.total == len(expected)

        kept.answer(slice_all)


@laws
@given(posted=postings, asked=several)
def test_a_row_is_found_by_its_id_exactly_when_it_is_in_the_list(
    server_url: str, template: str, posted: list[Posting], asked: list[Question]
) -> None:
    with ledger(server_url, template, posted) as kept:

        async def find_all(reading: Connection) -> None:
            for question in asked:
                scope, wanted, expected = kept.ask(question)
                by_id = {row.id: row for row in expected}
                for row_id in [*(row.row.id for row in kept.rows), 0, 10**6, 2**63 - 1]:
                    found, _ = await find_usage(reading, scope, wanted, row_id)
                    assert found == by_id.get(row_id)

        kept.answer(find_all)
