"""What was recorded is verified: whatever bit of a figure changes past the ledger's checks, it is found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from nodehours.ledger.catalogue import Column
from nodehours.ledger.post import post
from nodehours.ledger.store import Connection, connected
from nodehours.ledger.verify import Verified, verified, verify
from nodehours.sources.openportal import record_sha256
from nodehours.terms.usage import ProjectUsage
from tests.databases import database
from tests.ledger.commands import ended, held_up, start
from tests.ledger.eventful import CLIMATE, Teller, tell_everything, used
from tests.ledger.flips import BITS, MANY_BITS, columns, flipped, rows, without
from tests.ledger.portal import write
from tests.ledger.reports import ORIGIN, know_alice, reports
from tests.ledger.written import empty

WORDS = "a word, which stands nowhere else"
RIGHTS = "who may see what, and who signs in"
WHO = "who is who today: the usage rows tell who they were given to"
SETTING = "a setting of staff's"
REFERENCE = "the run that it came from: what is in the document, its SHA-256 tells"
TIME = "a time, which is in order or not"
SURROGATE = "a number that only tells it from others"
DECISION = "who decided, and why"
HISTORY_OF_NAMES = "where it was is told nowhere else; what that closed is checked"

EXEMPT_TABLES = {
    "identities": WHO,
    "roles": RIGHTS,
    "tokens": RIGHTS,
    "passwords": RIGHTS,
    "sessions": RIGHTS,
    "sign_in_links": RIGHTS,
    "sign_in_attempts": RIGHTS,
    "logins": RIGHTS,
    "mails": "what was sent to whom",
    "mail_figures": "what was told: the ledger may have been restated since",
    "runs": "what a run counted and said: what it posted, its revisions tell",
    "run_documents": "what a document was: whoever has it can hash it",
    "resources": SETTING,
    "resource_rules": SETTING,
    "bookmarks": "how far a source was read: what was read is there, whatever is read again",
    "organisations": WORDS,
    "associations": WHO,
}
EXEMPT = {
    ("allocations", "local_group"): WORDS,
    ("allocations", "node_limit_node_seconds"): SETTING,
    ("allocations", "starts"): SETTING,
    ("allocations", "ends"): SETTING,
    ("allocations", "created"): TIME,
    ("allocations", "resource_id"): WORDS,
    ("closings", "id"): SURROGATE,
    ("former_projects", "organisation_id"): HISTORY_OF_NAMES,
    ("former_users", "user_id"): WHO,
    ("former_users", "full_name"): WORDS,
    ("ledger", "singleton"): "always true",
    ("ledger", "uuid"): WORDS,
    ("mappings", "id"): SURROGATE,
    ("mappings", "allocation_id"): WHO,
    ("mappings", "local_user"): WHO,
    ("mappings", "user_identifier"): WHO,
    ("pending", "id"): SURROGATE,
    ("pending", "document_id"): REFERENCE,
    ("pending", "reason"): WORDS,
    ("pending", "base_revision"): "among revisions of the same figures any would do",
    ("pending", "made"): TIME,
    ("pending", "status"): DECISION,
    ("pending", "decided"): DECISION,
    ("pending", "decided_by"): DECISION,
    ("pending", "decision_reason"): DECISION,
    ("projects", "uuid"): WORDS,
    ("projects", "organisation_id"): HISTORY_OF_NAMES,
    ("projects", "created"): TIME,
    ("quarantine", "id"): SURROGATE,
    ("quarantine", "document_id"): REFERENCE,
    ("quarantine", "source"): WORDS,
    ("quarantine", "resource"): WORDS,
    ("quarantine", "project"): WORDS,
    ("quarantine", "place"): WORDS,
    ("quarantine", "reason"): WORDS,
    ("quarantine", "sentence"): WORDS,
    ("quarantine", "held"): TIME,
    ("quarantine", "status"): DECISION,
    ("quarantine", "decided"): DECISION,
    ("quarantine", "decided_by"): DECISION,
    ("quarantine", "decision_reason"): DECISION,
    ("revisions", "kind"): "among the kinds that write the same any would do",
    ("revisions", "document_id"): REFERENCE,
    ("revisions", "by_whom"): WORDS,
    ("revisions", "reason"): WORDS,
    ("revisions", "recorded"): TIME,
    ("users", "access_changed"): TIME,
    ("users", "username"): RIGHTS,
    ("users", "full_name"): WORDS,
    ("users", "email"): WORDS,
    ("users", "is_staff"): RIGHTS,
    ("users", "is_support"): RIGHTS,
    ("users", "is_active"): RIGHTS,
    ("users", "created"): TIME,
    ("users", "merged_into"): WHO,
    ("users", "wants_mail"): "a wish of theirs",
}
"""Columns that are no figures, each with the reason why nothing in the ledger could tell that it was changed."""

FIGURES = [
    ("allocations", "id"),
    ("allocations", "uuid"),
    ("allocations", "project_id"),
    ("allocations", "newest_revision"),
    ("users", "newest_revision"),
    *(
        ("closings", column)
        for column in (
            "organisation_id", "project_id", "year", "month", "closed_revision", "reopened_revision",
        )
    ),
    *(
        (table, column)
        for table in ("daily_usage", "former_daily_usage")
        for column in (
            "allocation_id", "day", "local_user", "node_seconds", "jobs", "wait_seconds", "revision",
        )
    ),
    *(
        (table, column)
        for table in ("daily_components", "former_daily_components")
        for column in (
            "allocation_id", "day", "local_user", "component", "component_seconds", "revision",
        )
    ),
    *(
        (table, column)
        for table in ("usage_days", "former_days")
        for column in (
            "allocation_id", "day", "is_complete", "jobs", "wait_seconds", "node_seconds", "sha256", "rule",
            "revision",
        )
    ),
    *(
        (table, column)
        for table in ("statements", "former_statements")
        for column in (
            "allocation_id", "year", "month", "node_seconds", "complete_days", "row_count", "is_closed",
            "is_restated", "sha256", "revision",
        )
    ),
    ("statements", "count_revision"),
    *(
        ("former_statement_counts", column)
        for column in ("year", "month", "allocation_id", "row_count", "revision")
    ),
    *(
        (table, column)
        for table in ("month_counts", "former_month_counts")
        for column in ("year", "month", "row_count", "revision")
    ),
    *(
        ("usage_rows", column)
        for column in (
            "id", "allocation_id", "year", "month", "user_id", "username", "node_seconds", "revision", "first_revision",
        )
    ),
    *(("former_rows", column) for column in ("usage_row_id", "username", "node_seconds", "revision")),
    *(("former_projects", column) for column in ("project_id", "identifier", "until_revision")),
    *(
        (f"former_{table}", "until_revision")
        for table in (
            "daily_usage", "daily_components", "days", "statements", "statement_counts", "month_counts", "rows",
        )
    ),
    ("former_users", "until_revision"),
    ("ledger", "revision"),
    ("ledger", "first_remembered"),
    ("mappings", "revision"),
    *(
        ("pending", column)
        for column in (
            "allocation_id", "year", "month", "days", "figures", "former_node_seconds", "node_seconds", "sha256",
            "revision",
        )
    ),
    *(
        ("postings", column)
        for column in ("revision", "allocation_id", "year", "month", "former_node_seconds", "node_seconds")
    ),
    ("project_names", "identifier"),
    ("project_names", "project_id"),
    ("projects", "id"),
    ("projects", "identifier"),
    ("quarantine", "record"),
    ("quarantine", "sha256"),
    ("revisions", "revision"),
    ("users", "id"),
    ("users", "uuid"),
]  # fmt: skip
FORMER = (
    "former_statements", "former_statement_counts", "former_month_counts", "former_days", "former_daily_usage",
    "former_daily_components", "former_rows", "former_projects", "former_users",
)  # fmt: skip
KEPT = (
    "statements", "postings", "revisions", "usage_rows", "usage_days", "daily_usage", "daily_components",
    "month_counts", "closings", "mappings", "project_names",
)  # fmt: skip


@pytest.fixture(scope="module")
def eventful(server_url: str, template: str) -> Iterator[Connection]:
    """A ledger in which everything happened that can happen to one."""
    with database(server_url, template) as url, connected(url) as connection:
        tell_everything(connection)
        yield connection


def found(connection: Connection) -> Verified:
    """What verifying finds inside the transaction."""
    return verified(connection, record_sha256=record_sha256)


def test_a_ledger_with_a_history_of_everything_holds(eventful: Connection) -> None:
    outcome = verify(eventful, limit=10, record_sha256=record_sha256)

    assert outcome.differences == ()
    assert outcome.is_all
    ((revision,),) = eventful.execute("select revision from ledger")
    assert outcome.revision == revision
    counted = {
        "statements": "statements",
        "former_statements": "former_statements",
        "rows": "usage_rows",
        "former_rows": "former_rows",
        "days": "usage_days",
        "former_days": "former_days",
    }
    for name, table in counted.items():
        ((count,),) = eventful.execute(
            sql.SQL("select count(*) from {}").format(sql.Identifier(table))
        )
        assert getattr(outcome, name) == count > 0


def test_the_database_and_the_program_reckon_the_same_hashes(eventful: Connection) -> None:
    """The program verifies what the database sealed, and the database what the program wrote: of every version."""
    other_days = eventful.execute(
        "select day from (select allocation_id, day, sha256, revision from usage_days union all"
        " select allocation_id, day, sha256, revision from former_days) as versions"
        " where sha256 is distinct from day_sha256(allocation_id, day, revision)"
    )
    other_statements = eventful.execute(
        "select year, month from (select allocation_id, year, month, sha256, revision from statements union all"
        " select allocation_id, year, month, sha256, revision from former_statements) as versions"
        " where sha256 is distinct from statement_sha256(allocation_id, year, month, revision)"
    )

    assert (other_days.fetchall(), other_statements.fetchall()) == ([], [])
    assert verify(eventful).differences == ()


def test_an_empty_ledger_holds(connection: Connection) -> None:
    outcome = verify(connection)

    assert (outcome.revision, outcome.statements, outcome.differences) == (0, 0, ())


def test_every_column_is_a_figure_or_exempt_for_a_reason(eventful: Connection) -> None:
    """A migration that adds a column has to say which it is."""
    known = {key for key in columns(eventful) if key[0] not in EXEMPT_TABLES}

    assert set(FIGURES) | set(EXEMPT) == known
    assert set(FIGURES) & set(EXEMPT) == set()


def places(connection: Connection, table: str, column: Column) -> list[str]:
    """Where the figure is; a user without usage is in no statement."""
    if table == "users":
        query = (
            "select ctid::text from users where id in (select user_id from usage_rows) order by 1"
        )
        return [ctid for (ctid,) in connection.execute(query)]
    return rows(connection, table, column.name)


@pytest.mark.parametrize(("table", "name"), FIGURES, ids=map(".".join, FIGURES))
def test_any_bit_of_any_figure_that_is_flipped_is_found(
    eventful: Connection, table: str, name: str
) -> None:
    """Past all triggers and foreign keys; what a check or a unique key refuses cannot be flipped at all."""
    column = columns(eventful)[table, name]
    where = places(eventful, table, column)
    # It remembers all from revision 0 or from revision 1 on: that says the same.
    least = 1 if name == "first_remembered" else 0
    bits = range(least, BITS.get(column.type, MANY_BITS))

    def is_flipped_and_found(ctid: str, bit: int) -> bool:
        with flipped(eventful, table, column, ctid, bit) as is_flipped:
            assert not is_flipped or len(found(eventful).differences) == 1
            return is_flipped

    assert any(is_flipped_and_found(ctid, bit) for bit in bits for ctid in where)

    @settings(max_examples=8)
    @given(st.sampled_from(where), st.sampled_from(bits))
    def flip(ctid: str, bit: int) -> None:
        is_flipped_and_found(ctid, bit)

    flip()


@pytest.mark.parametrize("table", [*FORMER, *KEPT])
def test_a_row_that_was_taken_out_is_missed(eventful: Connection, table: str) -> None:
    query = sql.SQL("select ctid::text from {} order by ctid").format(sql.Identifier(table))
    where = [ctid for (ctid,) in eventful.execute(query)]
    assert where

    for ctid in where[:: max(1, len(where) // 12)]:
        with without(eventful, table, ctid):
            assert len(found(eventful).differences) == 1


def change(connection: Connection, statement: str) -> list[str]:
    """Make a change past all triggers; what verifying says of it."""
    with connection.transaction(force_rollback=True):
        connection.execute("set local session_replication_role = replica")
        assert connection.execute(statement).rowcount == 1
        return [str(one) for one in verified(connection, limit=20).differences]


@pytest.fixture
def march(connection: Connection) -> Connection:
    """A month of climate on isca: one day posted, then corrected."""
    teller = Teller(connection)
    teller.tells(CLIMATE, {date(2026, 3, 5): used(al=7200, bo=60)}, al="alice", bo="bob")
    teller.tells(CLIMATE, {date(2026, 3, 5): used(al=3600, bo=60)})
    return connection


def test_a_changed_day_is_named_with_what_it_should_be(march: Connection) -> None:
    assert change(
        march, "update daily_usage set node_seconds = 3601 where local_user = 'al'"
    )[0] == (
        "climate.brics on isca, 2026-03-05, revision 2: the day's node-seconds should be 3661, the sum over its"
        " local users, and is 3660"
    )  # fmt: skip


def test_a_changed_statement_is_named_with_what_it_should_be(march: Connection) -> None:
    at = "climate.brics on isca, 2026-03, revision 1:"

    assert change(march, "update former_statements set node_seconds = 7261 where revision = 1")[:2] == [
        f"{at} the node-seconds of the posting should be 7261, the statement's, and is 7260",
        f"{at} the statement's node-seconds should be 7260, the sum over its rows, and is 7261",
    ]  # fmt: skip


def test_a_figure_whose_time_was_moved_is_named_by_its_local_user(march: Connection) -> None:
    assert change(march, "update daily_usage set revision = 7 where local_user = 'al'")[0] == (
        "climate.brics on isca, 2026-03-05, local user 'al', revision 7: the time of this figure should be among"
        " the day's revisions 1, 2 and is revision 7"
    )


def test_a_row_whose_history_was_moved_is_named_by_its_id(march: Connection) -> None:
    ((row,),) = march.execute("select usage_row_id from former_rows")

    assert change(march, "update former_rows set until_revision = 3")[0] == (
        f"climate.brics on isca, 2026-03, row {row}, revision 1: the end of the row's version should be"
        " revision 2 and is revision 3"
    )


def test_a_local_users_two_values_at_once_are_named(march: Connection) -> None:
    """The value of before is said to have held one revision longer than it did."""
    Teller(march).tells(CLIMATE, {date(2026, 3, 5): used(al=3600, bo=61)})

    assert change(
        march, "update former_daily_usage set until_revision = 3 where local_user = 'al' and revision = 1"
    )[0] == (
        "climate.brics on isca, 2026-03-05, local user 'al', revision 1: the end of this figure should be"
        " revision 2 at the latest and is revision 3"
    )  # fmt: skip


def test_one_difference_is_told_or_as_many_as_are_asked_for(march: Connection) -> None:
    with march.transaction(force_rollback=True):
        march.execute("set local session_replication_role = replica")
        march.execute("update usage_days set sha256 = sha256('')")
        first, every = verified(march), verified(march, limit=100)

    assert (len(first.differences), first.is_all) == (1, False)
    assert every.differences[:1] == first.differences
    assert every.is_all


def test_what_was_posted_before_the_ledger_had_a_memory_is_no_difference(march: Connection) -> None:
    """As the migration leaves it: only what held then is known, and the revisions up to then are remembered."""
    with march.transaction(force_rollback=True):
        march.execute("set local session_replication_role = replica")
        for table in ("statements", "days", "daily_usage", "daily_components", "rows"):
            march.execute(sql.SQL("delete from {}").format(sql.Identifier(f"former_{table}")))
        march.execute("update usage_rows set first_revision = revision")
        march.execute("update usage_days set revision = 2")
        march.execute("update daily_usage set revision = 2")
        march.execute("update daily_components set revision = 2")
        march.execute("update statements set count_revision = revision")
        march.execute("update month_counts set revision = 2")
        march.execute("update usage_days set sha256 = day_sha256(allocation_id, day, revision)")
        march.execute(
            "update statements set sha256 = statement_sha256(allocation_id, year, month, 2)"
        )
        assert verified(march).differences != ()
        march.execute("update ledger set first_remembered = 2")
        assert verified(march, limit=20).differences == ()


@settings(max_examples=40)
@given(st.lists(reports(), max_size=6))
def test_whatever_is_posted_holds(scratch: Connection, told: list[ProjectUsage]) -> None:
    empty(scratch)
    know_alice(scratch)
    for report in told:
        post(scratch, report, "isca", ORIGIN)

    assert verify(scratch).differences == ()


def test_the_ledger_is_verified_at_one_moment_while_four_runs_post(
    database_url: str, connection: Connection, tmp_path: Path
) -> None:
    files = [
        str(write(tmp_path / f"{version}.json", ["climate", "ocean"], days=40, version=version))
        for version in range(4)
    ]
    command = ("ingest", "openportal", "--resource", "isca")
    with held_up(database_url, len(files)):
        runs = [start(*command, *files, NODEHOURS_DATABASE_URL=database_url) for _ in files]
    outcomes = [verify(connection)]
    while any(run.poll() is None for run in runs):
        outcomes.append(verify(connection))

    assert [ended(run).returncode for run in runs] == [0] * len(runs)
    assert [outcome.differences for outcome in [*outcomes, verify(connection)]] == [()] * (
        len(outcomes) + 1
    )
