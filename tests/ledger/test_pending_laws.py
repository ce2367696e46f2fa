"""What holds of closed months, whatever is posted into them: nothing changes unseen, and nothing is lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.ledger.closing import close_month, reopen_month
from nodehours.ledger.post import post
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import DailyUsage, Day, ProjectUsage
from tests.ledger.months import CLIMATE, STAFF, accept_all, decline_all, figures, used, waiting
from tests.ledger.reports import DAYS, ORIGIN, know_alice, reports
from tests.ledger.written import account, assert_holds, empty, everything

MONTHS = sorted({Month.of(day) for day in DAYS})
SOME_MONTHS = st.just(set(MONTHS)) | st.sets(st.sampled_from(MONTHS), min_size=1)
WHOLE_DAYS = st.builds(lambda n: Day(True, usage={"al": DailyUsage(n)}), st.integers(1, 9))
# Reports of one whole day each, so that what one brings has to wait beside what another brought.
OF_A_DAY = st.builds(
    ProjectUsage,
    st.just(ProjectIdentifier.parse(CLIMATE)),
    st.dictionaries(st.sampled_from(DAYS[1:3]), WHOLE_DAYS, min_size=1, max_size=1),
)
WHOSE = st.sampled_from([CLIMATE, "brics"])


def ledger_with(connection: Connection, told: list[ProjectUsage]) -> None:
    empty(connection)
    know_alice(connection)
    for usage in told:
        post(connection, usage, "isca", ORIGIN)


@given(
    st.lists(reports(), min_size=1, max_size=3),
    st.lists(reports(), max_size=4),
    SOME_MONTHS,
    WHOSE,
)
@settings(max_examples=50)
def test_while_a_month_is_closed_no_figure_of_it_changes_whatever_is_posted_and_declined(
    scratch: Connection,
    before: list[ProjectUsage],
    after: list[ProjectUsage],
    months: set[Month],
    of: str,
) -> None:
    ledger_with(scratch, before)
    known = {month: figures(scratch, month) for month in months}

    for month in months:
        close_month(scratch, of, month, STAFF)
    for usage in after:
        post(scratch, usage, "isca", ORIGIN)
        assert {month: figures(scratch, month) for month in months} == known
    decline_all(scratch)

    assert {month: figures(scratch, month) for month in months} == known
    assert_holds(scratch)
    for month in months:
        reopen_month(scratch, of, month, STAFF)
    assert {month: figures(scratch, month) for month in months} == known
    assert_holds(scratch)


@given(
    st.lists(reports(), min_size=1, max_size=3),
    st.lists(OF_A_DAY, min_size=2, max_size=5)
    | st.lists(OF_A_DAY | reports() | st.just("accept"), max_size=6),
    SOME_MONTHS,
    WHOSE,
)
@settings(max_examples=60)
def test_to_close_to_post_and_to_accept_all_is_to_post_into_open_months(
    scratch: Connection,
    before: list[ProjectUsage],
    after: list[ProjectUsage | str],
    months: set[Month],
    of: str,
) -> None:
    """However often what waits is accepted in between."""
    posted = [usage for usage in after if isinstance(usage, ProjectUsage)]
    ledger_with(scratch, before + posted)
    wanted = used(account(scratch, 1))

    ledger_with(scratch, before)
    for month in months:
        close_month(scratch, of, month, STAFF)
    for step in [*after, "accept"]:
        if isinstance(step, ProjectUsage):
            post(scratch, step, "isca", ORIGIN)
        else:
            accept_all(scratch)

    assert used(account(scratch, 1)) == wanted
    assert waiting(scratch) == []
    assert_holds(scratch)


@given(reports(), reports(), SOME_MONTHS)
@settings(max_examples=40)
def test_what_was_posted_into_closed_months_and_then_accepted_or_declined_does_not_ask_again(
    scratch: Connection, first: ProjectUsage, second: ProjectUsage, months: set[Month]
) -> None:
    for decide in (accept_all, decline_all):
        ledger_with(scratch, [first])
        for month in months:
            close_month(scratch, CLIMATE, month, STAFF)
        post(scratch, second, "isca", ORIGIN)
        post(scratch, second, "isca", ORIGIN)
        decide(scratch)
        before = everything(scratch)

        post(scratch, second, "isca", ORIGIN)

        assert everything(scratch) == before
