"""A large ledger, made by set-based SQL in one transaction, restated in another, and the readers who ask it.

Each allocation has the same months, each of 20 usage rows: 19 people and the unattributed row. Every constraint
of the schema holds; one day of each month is known. Content hashes are there, but are not those of the content.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from nodehours.ledger import people
from nodehours.ledger.clock import current_revision
from nodehours.ledger.store import Connection

ROWS_PER_STATEMENT = 20
ORGANISATIONS = 10
READERS = ("staff", "owner", "member")
_PEOPLE_PER_ALLOCATION = 6

_WHO_AND_WHAT = (
    "insert into resources (name) values ('bench')",
    """
    insert into organisations (identifier, name)
    select 'portal' || n, 'Portal ' || n from generate_series(0, %(organisations)s - 1) as n
    """,
    """
    insert into projects (identifier, organisation_id)
    select 'project' || n || '.' || organisations.identifier, organisations.id
    from generate_series(1, %(allocations)s) as n
    join organisations on organisations.identifier = 'portal' || n %% %(organisations)s
    order by n
    """,
    "insert into project_names (identifier, project_id) select identifier, id from projects",
    """
    insert into allocations (project_id, resource_id)
    select projects.id, resources.id from projects cross join resources order by projects.id
    """,
    "insert into users (full_name) select 'Person ' || n from generate_series(1, %(people)s) as n",
    "insert into identities (identity, user_id) select 'person' || id || '.portal0', id from users",
)
_USAGE = (
    """
    create temporary table made on commit drop as
    select row_number() over (order by year, month, allocations.id) as revision,
           allocations.id as allocation_id, year::smallint, month::smallint, make_date(year, month, 1) as day
    from allocations, generate_series(0, %(months)s - 1) as past,
         lateral (select 2021 + past / 12 as year, past %% 12 + 1 as month) as calendar
    """,
    "insert into runs (source, ended, verdict) values ('bench', clock_timestamp(), 'complete')",
    "insert into run_documents (run_id, name, sha256) select id, 'bench', sha256('') from runs",
    """
    insert into revisions (revision, kind, document_id, recorded)
    select revision, 'posting', run_documents.id, clock_timestamp() from made, run_documents order by revision
    """,
    """
    insert into postings (revision, allocation_id, year, month, node_seconds)
    select revision, allocation_id, year, month, %(total)s from made order by revision
    """,
    """
    insert into statements (allocation_id, year, month, node_seconds, complete_days, revision, count_revision, sha256)
    select allocation_id, year, month, %(total)s, 1, revision, revision, sha256('') from made order by revision
    """,
    """
    insert into usage_days (allocation_id, day, is_complete, jobs, wait_seconds, node_seconds, revision, sha256)
    select allocation_id, day, true, %(rows)s, 0, %(total)s, revision, sha256('') from made order by revision
    """,
    """
    insert into daily_usage (allocation_id, day, local_user, node_seconds, jobs, wait_seconds, revision)
    select allocation_id, day, 'local' || place, 3600 * place, 1, 0, revision
    from made, generate_series(1, %(rows)s) as place order by revision, place
    """,
    """
    insert into usage_rows (allocation_id, year, month, user_id, username, node_seconds, revision, first_revision)
    select allocation_id, year, month,
           case when place < %(rows)s then (allocation_id * 7 + place) %% %(people)s + 1 end,
           case when place < %(rows)s then 'person' || place || '.project.portal' else 'unknown' end,
           3600 * place, revision, revision
    from made, generate_series(1, %(rows)s) as place order by revision, place
    """,
    "update ledger set revision = (select max(revision) from made)",
)

# Late jobs of one user in every statement, each month under a revision of its own: a row in twenty changes.
_RESTATED = (
    """
    create temporary table late on commit drop as
    select before.revision + dense_rank() over (order by year, month) as revision,
           allocation_id, year, month, make_date(year, month, 1) as day, node_seconds as former_node_seconds,
           1 + (allocation_id + month) %% %(rows)s as place
    from statements, ledger as before
    """,
    """
    insert into revisions (revision, kind, document_id, reason, recorded)
    select revision, 'posting', run_documents.id, 'late jobs', clock_timestamp()
    from (select distinct revision from late) as late, run_documents order by revision
    """,
    """
    insert into postings (revision, allocation_id, year, month, former_node_seconds, node_seconds)
    select revision, allocation_id, year, month, former_node_seconds, former_node_seconds + 60
    from late order by revision
    """,
    "update ledger set revision = (select max(revision) from late)",
    """
    update statements set node_seconds = node_seconds + 60, revision = late.revision, is_restated = true
    from late where (statements.allocation_id, statements.year, statements.month)
                  = (late.allocation_id, late.year, late.month)
    """,
    """
    update usage_days set node_seconds = node_seconds + 60, revision = late.revision
    from late where (usage_days.allocation_id, usage_days.day) = (late.allocation_id, late.day)
    """,
    """
    update daily_usage set node_seconds = node_seconds + 60, revision = late.revision
    from late where (daily_usage.allocation_id, daily_usage.day, local_user)
                  = (late.allocation_id, late.day, 'local' || place)
    """,
    """
    update usage_rows set node_seconds = row.node_seconds + 60, revision = row.late_revision
    from (
        select usage_rows.*, late.revision as late_revision, late.place,
               row_number() over (partition by allocation_id, year, month order by id) as own_place
        from usage_rows join late using (allocation_id, year, month)
    ) as row
    where usage_rows.id = row.id and own_place = row.place
    """,
)


class Reader(NamedTuple):
    """Somebody who asks: a name for the table, and a token."""

    name: str
    token: str


def allocations_for(rows: int, months: int) -> int:
    """How many allocations make *rows* usage rows in *months*, or a few more; every organisation has at least one."""
    return max(ORGANISATIONS, -(-rows // (months * ROWS_PER_STATEMENT)))


def fill(connection: Connection, allocations: int, months: int) -> None:
    """Make the ledger, in one transaction."""
    values = {
        "allocations": allocations,
        "months": months,
        "organisations": ORGANISATIONS,
        "people": allocations * _PEOPLE_PER_ALLOCATION,
        "rows": ROWS_PER_STATEMENT,
        "total": sum(3600 * place for place in range(1, ROWS_PER_STATEMENT + 1)),
    }
    with connection.transaction(), _abandoned_when_interrupted(connection):
        for statement in (*_WHO_AND_WHAT, *_USAGE):
            connection.execute(statement, values)
    connection.execute("vacuum analyze")


def restate(connection: Connection) -> int:
    """Restate a usage row of every statement, one in twenty, in one transaction; return the revision before."""
    with connection.transaction(), _abandoned_when_interrupted(connection):
        former = current_revision(connection)
        for statement in _RESTATED:
            connection.execute(statement, {"rows": ROWS_PER_STATEMENT})
    connection.execute("vacuum analyze")
    return former


@contextmanager
def _abandoned_when_interrupted(connection: Connection) -> Iterator[None]:
    """Close the connection on Ctrl-C: half a command cannot be rolled back from here, and the server does it itself."""
    try:
        yield
    except KeyboardInterrupt:
        connection.close()
        raise


def readers(connection: Connection, number: int = 1) -> list[Reader]:
    """Sign up the readers: staff, the owner of a tenth of it, a member of one project with own rows elsewhere.

    With another *number* they are others who see as much, though the member has other rows of their own.
    """
    staff, owner, member = usernames = [f"{name}{number}" for name in READERS]
    _sign_up(connection, staff, is_staff=True)
    _sign_up(connection, owner)
    _sign_up(connection, member, f"person{number}.portal0")
    people.grant_role(connection, owner, "owner", "portal1")
    people.grant_role(connection, member, "member", "project5.portal5")
    tokens = [people.create_token(connection, name, None)[0] for name in usernames]
    return [Reader(name, token) for name, token in zip(READERS, tokens, strict=True)]


def _sign_up(
    connection: Connection, username: str, *identities: str, is_staff: bool = False
) -> None:
    user = people.User(
        username,
        full_name=username.title(),
        email="",
        is_staff=is_staff,
        is_support=False,
        is_active=True,
        identities=list(identities),
    )
    people.add_user(connection, user)
