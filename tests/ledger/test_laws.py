"""What holds after every posting, whatever was reported."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.ledger.errors import UnpostableError
from nodehours.ledger.post import Origin, current_revision, post
from nodehours.ledger.runs import add_document, begin_run
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from nodehours.terms.usage import Claim, DailyUsage, Day, ProjectUsage
from tests.ledger.reports import CLIMATE, ORIGIN, days_of, know_alice, reports
from tests.ledger.written import account, assert_holds, empty, everything, row_ids

SEQUENCES = st.lists(st.tuples(reports(), st.sampled_from(("isca", "tamar"))), max_size=5)


@given(SEQUENCES)
@settings(max_examples=40)
def test_sums_and_counts_hold_after_every_posting_and_no_row_goes_or_changes_its_id(
    scratch: Connection, told: list[tuple[ProjectUsage, str]]
) -> None:
    empty(scratch)
    know_alice(scratch)
    for usage, resource in told:
        before = row_ids(scratch)

        post(scratch, usage, resource, ORIGIN)

        assert_holds(scratch)
        assert before.items() <= row_ids(scratch).items()


@given(SEQUENCES)
@settings(max_examples=40)
def test_the_same_report_again_touches_no_row_of_any_table(
    scratch: Connection, told: list[tuple[ProjectUsage, str]]
) -> None:
    empty(scratch)
    for usage, resource in told:
        first = post(scratch, usage, resource, ORIGIN)
        before = everything(scratch)

        again = post(scratch, usage, resource, ORIGIN)

        assert everything(scratch) == before
        assert [(m.posted, m.revision, m.former) for m in again] == [
            (0, None, m.total) for m in first if m.month in {a.month for a in again}
        ]


@given(SEQUENCES, reports())
@settings(max_examples=40)
def test_of_days_that_are_the_last_word_each_stands_as_it_was_told_whatever_was_known_of_it(
    scratch: Connection, told: list[tuple[ProjectUsage, str]], last: ProjectUsage
) -> None:
    empty(scratch)
    for usage, resource in told:
        post(scratch, usage, resource, ORIGIN)
    before = days_of(account(scratch, 1))

    months = post(scratch, last, told[0][1] if told else "isca", ORIGIN, last_word=True)

    assert days_of(account(scratch, 1)) == before | dict(last.days)
    assert sum(month.kept for month in months) == 0
    assert_holds(scratch)


@given(SEQUENCES)
@settings(max_examples=40)
def test_the_clock_moves_by_one_with_each_statement_that_changed_and_every_row_says_when(
    scratch: Connection, told: list[tuple[ProjectUsage, str]]
) -> None:
    empty(scratch)
    for usage, resource in told:
        before = current_revision(scratch)
        old = dict(figures_by_row(scratch))

        months = post(scratch, usage, resource, ORIGIN)

        revisions = [month.revision for month in months if month.revision is not None]
        assert revisions == list(range(before + 1, current_revision(scratch) + 1))
        new = dict(figures_by_row(scratch))
        changed = scratch.execute("select id from usage_rows where revision > %s", [before])
        assert {row for (row,) in changed} == {row for row in new if old.get(row) != new[row]}


def figures_by_row(connection: Connection) -> list[tuple[int, object]]:
    return [
        (row, figure)
        for row, *figure in connection.execute("select id, username, node_seconds from usage_rows")
    ]


def test_a_posting_says_what_it_wrote_and_from_where(connection: Connection) -> None:
    first = Day(is_complete=True, usage={"al": DailyUsage(3600)})
    usage = ProjectUsage(CLIMATE, {date(2026, 3, 1): first, date(2026, 4, 1): first})

    run = begin_run(connection, "openportal", "isca", "the first of many", "alice")
    document = add_document(connection, run, "report.json", bytes(32), 10)

    post(connection, usage, "isca", Origin(document, by_whom="alice"))

    postings = connection.execute(
        "select revision, kind, year, month, source, name, sha256, revisions.reason, former_node_seconds, node_seconds"
        " from postings join revisions using (revision)"
        " join run_documents on run_documents.id = document_id join runs on runs.id = run_id order by revision"
    )
    assert postings.fetchall() == [
        (1, "posting", 2026, 3, "openportal", "report.json", bytes(32), "first report", None, 3600),
        (2, "posting", 2026, 4, "openportal", "report.json", bytes(32), "first report", None, 3600),
    ]


def test_a_project_has_one_allocation_on_each_resource(connection: Connection) -> None:
    usage = ProjectUsage(CLIMATE, {date(2026, 3, 1): Day(usage={"al": DailyUsage(1)})})

    for resource in ("isca", "tamar", "isca"):
        post(connection, usage, resource, ORIGIN)

    found = connection.execute(
        "select projects.identifier, organisations.identifier, organisations.name, resources.name"
        " from allocations join projects on projects.id = project_id"
        " join organisations on organisations.id = organisation_id"
        " join resources on resources.id = resource_id order by resources.name"
    )
    assert found.fetchall() == [
        ("climate.brics", "brics", "brics", "isca"),
        ("climate.brics", "brics", "brics", "tamar"),
    ]


def test_a_person_in_two_projects_of_a_portal_is_one_user(connection: Connection) -> None:
    day = {date(2026, 3, 1): Day(usage={"al": DailyUsage(60)})}
    for project in ("climate", "ocean"):
        claim = Claim("al", UserIdentifier("alice", project, "brics"))
        usage = ProjectUsage(ProjectIdentifier(project, "brics"), day, frozenset({claim}))
        post(connection, usage, "isca", ORIGIN)

    rows = connection.execute(
        "select count(distinct user_id), array_agg(username order by username) from usage_rows"
        " where user_id is not null"
    )
    assert rows.fetchone() == (1, ["alice.climate.brics", "alice.ocean.brics"])


def test_a_total_the_ledger_cannot_keep_is_refused_and_nothing_of_it_is_written(
    connection: Connection,
) -> None:
    """Each day fits by itself; March as a whole does not, and April is not written without it."""
    half = Day(usage={"al": DailyUsage(MAX_NODE_SECONDS // 2 + 1)})
    days = {date(2026, 3, 1): half, date(2026, 3, 2): half, date(2026, 4, 1): half}
    before = everything(connection)

    with pytest.raises(UnpostableError, match="the total of 2026-03 is 9223372036854775808 node"):
        post(connection, ProjectUsage(CLIMATE, days), "isca", ORIGIN)

    assert everything(connection) == before


def test_the_largest_total_that_fits_is_kept_to_the_second(connection: Connection) -> None:
    largest = Day(usage={"al": DailyUsage(MAX_NODE_SECONDS, MAX_NODE_SECONDS, MAX_NODE_SECONDS)})

    (month,) = post(connection, ProjectUsage(CLIMATE, {date(2026, 3, 1): largest}), "isca", ORIGIN)

    assert month.total == MAX_NODE_SECONDS
    assert_holds(connection)


def test_all_that_one_report_posts_can_be_read_from_one_moment_on(connection: Connection) -> None:
    """No instant lies between the revisions of one transaction: nobody ever saw only some of them."""
    day = Day(is_complete=True, usage={"al": DailyUsage(3600)})
    days = {date(2026, month, 1): day for month in range(1, 13)}

    post(connection, ProjectUsage(CLIMATE, days), "isca", ORIGIN)

    times = connection.execute("select count(distinct recorded), count(*) from revisions")
    assert times.fetchone() == (1, 12)
