"""Any order, and what changed after any revision: as sorting and sieving all rows would have it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from nodehours.queries.pool import Connection
from nodehours.queries.sorted_usage import KEYS
from nodehours.queries.usage import count_usage, find_usage, list_usage
from nodehours.terms.row import OrderBy, UsageFilter, UsageRow
from tests.queries.ledgers import Naming, Posting, Question, questions, remembered, steps

laws = settings(max_examples=20)
several = st.lists(questions, min_size=2, max_size=5)
orders = st.lists(
    st.builds(OrderBy, st.sampled_from(sorted(KEYS)), st.booleans()),
    max_size=3,
    unique_by=lambda one: one.key,
)
_NAMES = {"node_usage": "node_seconds", "modified": "revision"}


def in_order(rows: Sequence[UsageRow], order: Sequence[OrderBy]) -> list[UsageRow]:
    """Sort by the last key first, nobody after everybody whichever way; what is alike stays as it was."""
    found = list(rows)
    for one in reversed(order):
        key = partial(_value, _NAMES.get(one.key, one.key))
        known = [row for row in found if key(row) is not None]
        # Python too leaves what is alike as it was, upwards and downwards.
        known.sort(key=key, reverse=one.is_descending)
        found = known + [row for row in found if key(row) is None]
    return found


def _value(name: str, row: UsageRow) -> Any:
    return getattr(row, name)


@laws
@given(taken=steps, asked=several, order=orders, size=st.integers(3, 40), data=st.data())
def test_any_page_in_any_order_since_any_revision_at_any_other(
    server_url: str,
    template: str,
    taken: list[Posting | Naming],
    asked: list[Question],
    order: list[OrderBy],
    size: int,
    data: st.DataObject,
) -> None:
    with remembered(server_url, template, taken) as states:
        last = max(states)
        at = data.draw(st.sampled_from(sorted(states)))
        after = data.draw(st.none() | st.integers(1, last + 1))

        async def walk(reading: Connection, question: Question, revision: int | None) -> None:
            then = states[last if revision is None else revision]
            scope, wanted, rows = then.ask(question)
            wanted = wanted._replace(after=after)
            rows = [row for row in rows if after is None or row.revision > after]
            walked: list[UsageRow] = []
            for offset in range(0, len(rows) + 1, size):
                page = await list_usage(
                    reading, scope, wanted, offset=offset, limit=size, at=revision, order=order
                )
                assert (page.total, page.revision) == (len(rows), last)
                walked += page.rows
            assert walked == in_order(rows, order)
            assert (await count_usage(reading, scope, wanted, at=revision)).total == len(rows)
            event("rows" if rows else "nothing")

        async def walks(reading: Connection) -> None:
            for question in asked:
                await walk(reading, question, None)
                await walk(reading, question, at)

        states[0].answer(walks)


@laws
@given(taken=steps, question=questions, data=st.data())
def test_a_row_is_found_if_it_changed_since(
    server_url: str,
    template: str,
    taken: list[Posting | Naming],
    question: Question,
    data: st.DataObject,
) -> None:
    with remembered(server_url, template, taken) as states:
        last = states[max(states)]
        after = data.draw(st.integers(1, max(states) + 1))

        async def find(reading: Connection) -> None:
            scope, wanted, rows = last.ask(question)
            by_id = {row.id: row for row in rows if row.revision > after}
            for kept in last.rows[::5]:
                asked: UsageFilter = wanted._replace(after=after)
                found, _ = await find_usage(reading, scope, asked, kept.row.id)
                assert found == by_id.get(kept.row.id)

        last.answer(find)
