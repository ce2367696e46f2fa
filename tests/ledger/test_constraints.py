"""What must always hold is held by the database, whoever writes to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import psycopg
import pytest
from psycopg import sql

from nodehours.ledger.people import User, add_user, create_token, grant_role
from nodehours.ledger.post import Origin, post
from nodehours.ledger.runs import add_document, begin_run
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import UserIdentifier
from nodehours.terms.usage import Claim, Component, DailyUsage, Day, ProjectUsage
from tests.ledger.reports import CLIMATE
from tests.ledger.written import everything

KEYS = {"id", "year", "month", "complete_days"}


@pytest.fixture
def filled(connection: Connection) -> Connection:
    """A ledger with something in every table."""
    day = Day(
        is_complete=True,
        usage={"al": DailyUsage(3600, 1, 1), "unknown": DailyUsage(60)},
        components={Component("al", "cpu"): 1, Component("al", "gpu"): 1},
    )
    claim = Claim("al", UserIdentifier("alice", "climate", "brics"))
    usage = ProjectUsage(CLIMATE, {date(2026, 3, 1): day}, frozenset({claim}))
    run = begin_run(connection, "openportal", "isca", "", "")
    document = add_document(connection, run, "report.json", bytes(32), 1)
    post(connection, usage, "isca", Origin(document))
    late = replace(
        day, jobs=2, usage={"al": DailyUsage(3700, 1, 1)}, components={Component("al", "cpu"): 1}
    )
    post(connection, replace(usage, days={date(2026, 3, 1): late}), "isca", Origin(document))
    add_user(connection, User("boss", "", "", False, False, True, []))
    grant_role(connection, "boss", "member", "climate.brics")
    create_token(connection, "boss", None)
    return connection


def figures(connection: Connection) -> list[tuple[str, str]]:
    """Every (table, column) that holds a number and is no key."""
    found = connection.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public' and data_type in ('bigint', 'integer', 'smallint')"
        " and column_name not like '%%\\_id' and is_generated = 'NEVER' and not column_name = any(%s)"
        " order by 1, 2",
        [list(KEYS)],
    )
    return found.fetchall()


def checked(connection: Connection) -> set[tuple[str, str]]:
    """Every (table, column) that a check or a reference to another table is about."""
    found = connection.execute(
        "select relname, attname from pg_constraint"
        " join pg_class on pg_class.oid = conrelid"
        " join pg_attribute on attrelid = conrelid and attnum = any(conkey)"
        " where contype in ('c', 'f') and connamespace = 'public'::regnamespace"
    )
    return set(found.fetchall())


def test_no_figure_anywhere_is_negative(filled: Connection) -> None:
    columns = figures(filled)
    assert ("daily_usage", "node_seconds") in columns
    assert ("month_counts", "row_count") in columns
    assert ("former_rows", "node_seconds") in columns

    for table, column in columns:
        name = sql.Identifier(table)
        if filled.execute(sql.SQL("select from {}").format(name)).fetchone() is None:
            assert (table, column) in checked(filled)
            continue
        with pytest.raises(psycopg.IntegrityError):
            filled.execute(sql.SQL("update {} set {} = -1").format(name, sql.Identifier(column)))


def test_no_number_of_the_ledger_is_other_than_whole(connection: Connection) -> None:
    """JSON is kept of what is no figure of the ledger: a run's counts, and what waits as it was read."""
    found = connection.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public'"
        " and data_type in ('numeric', 'real', 'double precision', 'money', 'json', 'jsonb')"
        " order by 1, 2"
    )
    assert found.fetchall() == [("pending", "days"), ("pending", "figures"), ("runs", "counts")]


def test_every_reference_to_another_table_is_kept_by_the_database(connection: Connection) -> None:
    """Each column that ends in _id has a foreign key, and each table a primary key."""
    unkept = connection.execute(
        "select relname, attname from pg_attribute join pg_class on pg_class.oid = attrelid"
        " where relkind = 'r' and relnamespace = 'public'::regnamespace and attname like '%\\_id'"
        " and not exists (select from pg_constraint"
        "                 where conrelid = attrelid and contype = 'f' and attnum = any(conkey))"
    )
    keyless = connection.execute(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        " and not exists (select from pg_constraint where conrelid = pg_class.oid and contype = 'p')"
    )
    assert unkept.fetchall() == []
    assert keyless.fetchall() == []


@pytest.mark.parametrize(
    "change",
    [
        # Months and years
        "update postings set month = 0",
        "update postings set month = 13",
        "update statements set year = 1969",
        "update statements set complete_days = 32",
        "insert into statements values (1, 2026, 0, 0, 0, 0, 1)",
        "insert into statements values (1, 2026, 13, 0, 0, 0, 1)",
        # One row for each (allocation, year, month, user), nobody's included
        (
            "insert into usage_rows (allocation_id, year, month, user_id, username, node_seconds, revision)"
            " select allocation_id, year, month, user_id, username, 0, 1 from usage_rows"
        ),
        "update usage_rows set user_id = null where user_id is not null",
        "update usage_rows set username = 'alice' where user_id is null",
        "update usage_rows set username = 'unknown' where user_id is not null",
        "update usage_rows set username = ''",
        "update usage_rows set user_id = -1 where user_id is not null",
        # Roles fit what they are of
        "update roles set role = 'owner'",
        "update roles set role = 'reader'",
        "update roles set role = 'king'",
        "update roles set organisation_id = 1",
        "update roles set project_id = null",
        "update roles set project_id = null, organisation_id = 1",
        (
            "insert into roles (user_id, role, project_id)"
            " select user_id, role, project_id from roles"
        ),
        # Tokens and documents by their SHA-256
        "update tokens set sha256 = ''",
        "update tokens set sha256 = sha256 || sha256",
        "update tokens set rights = 'all'",
        "insert into tokens (user_id, sha256) select user_id, sha256 from tokens",
        "update run_documents set sha256 = ''",
        # Names
        "update users set username = ''",
        "update users set is_staff = true where username is null",
        "update users set username = 'boss'",
        "update identities set identity = 'alice'",
        "update projects set identifier = 'climate'",
        "update organisations set identifier = ''",
        "update resources set name = ''",
        "update associations set user_identifier = 'alice.climate'",
        "update associations set local_user = ''",
        "update daily_components set component = ''",
        # One of each
        "insert into allocations (project_id, resource_id) select project_id, resource_id from allocations",
        "insert into resources (name) select name from resources",
        "insert into projects (identifier, organisation_id) select identifier, organisation_id from projects",
        "insert into ledger default values",
        "update ledger set singleton = false",
        # What usage hangs on stays
        "delete from statements",
        "delete from usage_days",
        "delete from allocations",
        "delete from projects",
        "delete from users",
        "delete from postings",
        "delete from revisions",
        "truncate statements cascade",
        # A figure changes under a new revision only, and what it was is kept
        "update usage_rows set node_seconds = node_seconds + 1",
        "update usage_rows set username = username || 'x' where user_id is not null",
        "update statements set node_seconds = node_seconds + 1",
        "update statements set is_closed = true",
        "update usage_days set jobs = jobs + 1",
        "update daily_usage set wait_seconds = wait_seconds + 1",
        "update daily_components set component_seconds = component_seconds + 1",
        "delete from daily_usage",
        "update former_rows set node_seconds = node_seconds + 1",
        "delete from former_rows",
        "truncate former_days",
        "update usage_rows set first_revision = first_revision + 1",
        "update revisions set reason = 'none'",
    ],
)
def test_the_database_refuses_what_cannot_be(filled: Connection, change: str) -> None:
    before = everything(filled)

    with pytest.raises((psycopg.IntegrityError, psycopg.NotSupportedError)):
        filled.execute(change)

    assert everything(filled) == before
