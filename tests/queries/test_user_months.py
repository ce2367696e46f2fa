"""The users of a project or an allocation by month: exactly the rows that a reader sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from uuid import UUID

import pytest

from nodehours.queries.of import Of
from nodehours.queries.user_months import user_months
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from tests.centre import Centre
from tests.queries.summed import ALWAYS, WINTER, Eyes, everything_of, readers, unserved


@pytest.fixture(scope="module", name="centre")
def kept_centre(server_url: str, template: str) -> Iterator[Centre]:
    with unserved(server_url, template) as centre:
        yield centre


@readers
@pytest.mark.parametrize("period", [ALWAYS, WINTER, Period(Month(2024, 3), Month(2024, 3))])
def test_every_month_of_a_user_is_the_sum_of_their_rows_that_are_seen(
    centre: Centre, name: str, period: Period
) -> None:
    eyes = Eyes.of(centre, name)
    seen = eyes.rows(period)

    for of, rows in everything_of(centre):
        expected: Counter[tuple[Month, UUID | None]] = Counter()
        for row in rows:
            if row in seen and row.told.node_seconds:
                expected[Month(row.told.year, row.told.month), row.user] += row.told.node_seconds
        told = eyes.ask(partial(user_months, of=of, period=period))
        assert {(one.month, one.user): one.node_seconds for one in told} == expected
        assert told == sorted(
            told, key=lambda one: (one.month, one.user is None, -one.node_seconds)
        )


def test_of_nothing_there_is_nothing(centre: Centre) -> None:
    assert Eyes.of(centre, "staff").ask(partial(user_months, of=Of(), period=ALWAYS)) == []
