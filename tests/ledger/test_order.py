"""The ledger depends on what was reported, not on when, how often, and in how many pieces."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.ledger.post import post
from nodehours.ledger.store import Connection
from nodehours.terms.usage import ProjectUsage
from tests.ledger.reports import (
    ORIGIN,
    attributed,
    days_of,
    know_alice,
    last_word,
    reports,
    truths,
)
from tests.ledger.written import Account, account, assert_holds, empty, everything


def ledger_after(connection: Connection, *told: ProjectUsage) -> Account:
    """What a new ledger says of the allocation after *told*."""
    empty(connection)
    know_alice(connection)
    for report in told:
        post(connection, report, "isca", ORIGIN)
    assert_holds(connection)
    return account(connection, 1)


@given(truths())
@settings(max_examples=100)
def test_reports_that_do_not_contradict_each_other_are_worth_all_they_say_in_one(
    scratch: Connection, told: tuple[list[ProjectUsage], ProjectUsage]
) -> None:
    pieces, whole = told

    assert ledger_after(scratch, *pieces) == ledger_after(scratch, whole)


@given(truths())
@settings(max_examples=30)
def test_all_that_is_known_already_changes_nothing_in_whatever_order_it_comes(
    scratch: Connection, told: tuple[list[ProjectUsage], ProjectUsage]
) -> None:
    pieces, _ = told
    ledger_after(scratch, *pieces)
    before = everything(scratch)

    for report in pieces[::-1] + pieces:
        assert all(month.revision is None for month in post(scratch, report, "isca", ORIGIN))

    assert everything(scratch) == before


@given(st.lists(reports(), min_size=1, max_size=5))
@settings(max_examples=60)
def test_of_reports_that_contradict_each_other_the_last_word_of_a_complete_day_stands(
    scratch: Connection, told: list[ProjectUsage]
) -> None:
    """An incomplete day never replaces a complete one, and never lowers an incomplete one."""
    days = last_word(told)
    claims = frozenset().union(*(report.claims for report in told))

    ledger = ledger_after(scratch, *told)

    assert days_of(ledger) == days
    assert [row for row in ledger.rows if row[-1]] == [
        row for row in attributed(days, claims) if row[-1]
    ]
    assert set(attributed(days, claims)) <= set(ledger.rows)


@given(st.lists(reports(), min_size=1, max_size=5))
@settings(max_examples=30)
def test_a_ledger_with_contradictions_behind_it_differs_in_rows_of_0_only(
    scratch: Connection, told: list[ProjectUsage]
) -> None:
    """Rows never vanish: somebody whose usage was corrected away keeps a row."""
    whole = replace(
        told[0],
        days=last_word(told),
        claims=frozenset().union(*(report.claims for report in told)),
    )

    ledger = ledger_after(scratch, *told)
    fresh = ledger_after(scratch, whole)

    assert set(fresh.rows) <= set(ledger.rows)
    assert {row[-1] for row in set(ledger.rows) - set(fresh.rows)} <= {0}
    assert (ledger.days, ledger.usage, ledger.components, ledger.associations) == (
        (fresh.days, fresh.usage, fresh.components, fresh.associations)
    )
