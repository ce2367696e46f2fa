"""A ledger with usage in it is brought to the newest schema, and is then what it would be had it been made so.

What an older program left is made of what the newest one leaves, as far as the older schema has a place for it.
"""

from __future__ import annotations

from datetime import date

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy.pool import NullPool

from nodehours.ledger import people, sign_in
from nodehours.ledger.catalogue import sequences, tables
from nodehours.ledger.clock import Origin
from nodehours.ledger.moves import rename_project
from nodehours.ledger.schema import schema_status, upgrade_schema
from nodehours.ledger.store import Connection, connected
from nodehours.ledger.verify import verify
from nodehours.sources.openportal import record_sha256
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.token import token_sha256
from tests.centre import REPORTS
from tests.ledger import eventful
from tests.ledger.dumps import rows
from tests.ledger.eventful import CLIMATE, Teller, tell_as_reported
from tests.ledger.flips import columns
from tests.ledger.written import everything
from tests.reported import fill

_NEWEST = """
select 'allocation', id, newest_revision from allocations union all select 'user', id, newest_revision from users
order by 1, 2
"""
# Of 2026-03-03 of climate, one revision ago and now.
_RULES = """
select told.rule from ledger, generate_series(0, 1) as ago,
                      usage_days_at(1, '2026-03-03', '2026-03-04', ledger.revision - ago) as told
order by ago desc
"""


def brought_to(url: str, schema: str) -> None:
    """Make the schema as an older program would have."""
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    )
    with engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", "nodehours.ledger:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, schema)
        connection.commit()


def left_by_an_older_program(older: Connection, made: Connection) -> None:
    """Copy what *made* has into the *older* schema, past its checks, and go on with the same numbers."""
    newest = columns(made)
    for table in tables(older):
        names = [one.name for one in table.written if (table.name, one.name) in newest]
        _copied(older, made, table.name, names)
    for sequence in sequences(older):
        ((number,),) = made.execute(
            sql.SQL("select last_value + is_called::int from {}").format(sql.Identifier(sequence))
        )
        older.execute("select setval(%s::text::regclass, %s, false)", [sequence, number])


def _copied(older: Connection, made: Connection, table: str, names: list[str]) -> None:
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    of = {"table": sql.Identifier(table), "names": listed}
    with older.transaction(), made.transaction(), older.cursor() as into, made.cursor() as out:
        into.execute("set local session_replication_role = replica")
        into.execute(sql.SQL("delete from {table}").format(**of))
        with (
            out.copy(sql.SQL("copy {table} ({names}) to stdout").format(**of)) as read,
            into.copy(sql.SQL("copy {table} ({names}) from stdin").format(**of)) as written,
        ):
            for block in read:
                written.write(block)


def used(url: str) -> None:
    """Post reports, restate one, name somebody and rename a project: what the newest revisions come from."""
    fill(url, REPORTS)
    climate = REPORTS[0]
    fill(url, [climate._replace(days={date(2024, 3, 1): {"alice_cl": 9_000_000}})])
    with connected(url) as connection:
        erin = people.User("erin", "Erin", "", False, False, True, ["erin.brics"])
        people.add_user(connection, erin)
        ocean, sea = ProjectIdentifier.parse("ocean.brics"), ProjectIdentifier.parse("sea.brics")
        rename_project(connection, ocean, sea, Origin())


def newest(connection: Connection) -> list[tuple[str, int, int]]:
    return [(kind, key, revision) for kind, key, revision in connection.execute(_NEWEST)]


def test_a_ledger_of_schema_0002_keeps_what_it_has_and_knows_its_newest_changes(
    empty_url: str, database_url: str
) -> None:
    brought_to(empty_url, "0002")
    used(database_url)
    with connected(empty_url) as older, connected(database_url) as made:
        left_by_an_older_program(older, made)

    assert upgrade_schema(empty_url).current == "0002"

    assert schema_status(empty_url).is_newest
    with connected(empty_url) as upgraded, connected(database_url) as made:
        assert newest(upgraded) == newest(made)
        assert verify(upgraded).differences == ()
        # Both go on alike.
        for url in (empty_url, database_url):
            fill(url, [REPORTS[4]._replace(days={date(2024, 6, 1): {"frank_ma": 60}})])
        assert newest(upgraded) == newest(made)
        assert verify(upgraded).differences == ()


def test_a_ledger_of_schema_0003_keeps_its_figures_and_tokens_and_lets_people_sign_in(
    empty_url: str, database_url: str
) -> None:
    brought_to(empty_url, "0003")
    used(database_url)
    with connected(empty_url) as older, connected(database_url) as made:
        made.execute(
            "insert into tokens (user_id, sha256) select id, %s from users where username = 'erin'",
            [token_sha256("of-erin")],
        )
        left_by_an_older_program(older, made)
        before = everything(older)
    assert upgrade_schema(empty_url).current == "0003"

    assert schema_status(empty_url).is_newest
    with connected(empty_url) as upgraded, connected(database_url) as made:
        after = everything(upgraded)
        assert {name: len(lines) for name, lines in after.items() if lines} == {
            name: len(lines) for name, lines in before.items() if lines
        }
        assert after.keys() == everything(made).keys()
        assert columns(upgraded) == columns(made)
        assert verify(upgraded).differences == ()
        (token,) = people.list_tokens(upgraded)
        assert (token.username, token.name, token.last_used) == ("erin", "", None)
        sign_in.set_password(upgraded, "erin", "correct horse battery")
        assert sign_in.password_user(upgraded, "erin", "correct horse battery") is not None


def test_a_ledger_of_schema_0004_keeps_its_history_and_every_hash_of_it(
    empty_url: str, database_url: str
) -> None:
    """Days that were posted before there were rules are as they were reported, and so are those that wait."""
    brought_to(empty_url, "0004")
    with connected(database_url) as made:
        tell_as_reported(made)
    with connected(empty_url) as older, connected(database_url) as made:
        left_by_an_older_program(older, made)

    assert upgrade_schema(empty_url).current == "0004"

    assert schema_status(empty_url).is_newest
    with connected(empty_url) as upgraded, connected(database_url) as made:
        assert columns(upgraded) == columns(made)
        assert rows(upgraded) == rows(made)
        outcome = verify(upgraded, record_sha256=record_sha256)
        assert outcome.differences == ()
        assert outcome.former_days > 0
        # Both go on alike: a day that was as reported is reckoned by a rule, and what it said before is kept.
        for connection in (upgraded, made):
            reckoned = eventful.used(al=40, rule="allocated-nodes")
            Teller(connection).tells(CLIMATE, {date(2026, 3, 3): reckoned})
            assert connection.execute(_RULES).fetchall() == [("",), ("allocated-nodes",)]
            assert verify(connection, record_sha256=record_sha256).differences == ()
