"""What is kept of the newest changes is enough to tell that an answer is unchanged, and tells nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from nodehours.terms.row import UsageRow
from nodehours.terms.scope import Scope
from tests.queries.ledgers import Ledger, Naming, Posting, Question, questions, remembered, steps

laws = settings(max_examples=20)
several = st.lists(questions, min_size=3, max_size=8)


def seen(scope: Scope, ledger: Ledger) -> list[UsageRow]:
    """All rows that are in the scope."""
    return [
        kept.row
        for kept in ledger.rows
        if kept.allocation_id in scope.allocations or kept.user_id == scope.reader
    ]


def newest(scope: Scope, ledger: Ledger) -> int:
    """The newest revision of what is in the scope, as signing in finds it."""
    kept = [ledger.newest.get(("allocation", allocation), 0) for allocation in scope.allocations]
    return max([*kept, ledger.newest.get(("user", scope.reader), 0)])


def at(states: Mapping[int, Ledger], revision: int) -> Ledger:
    return states[max(known for known in states if known <= revision)]


@laws
@given(taken=steps, asked=several)
def test_what_a_reader_sees_is_what_it_was_at_the_newest_revision_kept_for_them(
    server_url: str, template: str, taken: list[Posting | Naming], asked: list[Question]
) -> None:
    with remembered(server_url, template, taken) as states:
        for revision, ledger in states.items():
            for question in asked:
                if question.everything:
                    continue
                scope, *_ = ledger.ask(question)
                found = newest(scope, ledger)
                assert found <= revision
                assert seen(scope, at(states, found)) == seen(scope, ledger)
                event("older" if found < revision else "the last")


UNBELIEVED = [
    Posting(0, (2023, 11), 1, first=0, people=0, unattributed=5, is_complete=True),
    Posting(0, (2023, 11), 1, first=0, people=3, unattributed=0),
    Naming(0, "Ann"),
]
"""Somebody gets a name of whom an incomplete day was all that came, where a complete one was known."""


@laws
@example(taken=UNBELIEVED)
@given(taken=steps)
def test_a_revision_is_kept_for_a_user_just_when_their_own_rows_or_names_changed(
    server_url: str, template: str, taken: list[Posting | Naming]
) -> None:
    with remembered(server_url, template, taken) as states:
        for (_, before), (_, after) in pairwise(sorted(states.items())):
            for user, _uuid in before.users:
                key = ("user", user)
                changed = own(before, user) != own(after, user)
                assert changed == (before.newest[key] != after.newest[key])
                event("changed" if changed else "same")


def own(ledger: Ledger, user: int) -> tuple[str | None, list[UsageRow]]:
    """What somebody is called, and their rows; of some there are none, where no day of theirs was believed."""
    return ledger.names[user], [kept.row for kept in ledger.rows if kept.user_id == user]


@laws
@given(taken=steps)
def test_a_revision_is_kept_for_an_allocation_only_when_something_of_it_was_told_anew(
    server_url: str, template: str, taken: list[Posting | Naming]
) -> None:
    """A posting of the one leaves the other alone; another name of a user is told in all of theirs."""
    with remembered(server_url, template, taken) as states:
        for (_, before), (revision, after) in pairwise(sorted(states.items())):
            for (kind, key), kept in before.newest.items():
                if kind == "allocation" and after.newest[kind, key] != kept:
                    assert after.newest[kind, key] == revision
                elif kind == "allocation":
                    assert of(before, key) == of(after, key)


def of(ledger: Ledger, allocation: int) -> list[UsageRow]:
    return [kept.row for kept in ledger.rows if kept.allocation_id == allocation]
