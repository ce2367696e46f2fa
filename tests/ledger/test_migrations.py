"""A ledger with usage in it is brought to the newest schema, and is then what it would be had it been made so."""

from __future__ import annotations

from datetime import date

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.pool import NullPool

from nodehours.ledger import people, sign_in
from nodehours.ledger.clock import Origin
from nodehours.ledger.moves import rename_project
from nodehours.ledger.schema import schema_status, upgrade_schema
from nodehours.ledger.store import Connection, connected
from nodehours.ledger.verify import verify
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.token import token_sha256
from tests.centre import REPORTS
from tests.ledger.flips import columns
from tests.ledger.written import everything
from tests.reported import fill

_NEWEST = """
select 'allocation', id, newest_revision from allocations union all select 'user', id, newest_revision from users
order by 1, 2
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
    for url in (empty_url, database_url):
        used(url)

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
    for url in (empty_url, database_url):
        used(url)
        with connected(url) as connection:
            connection.execute(
                "insert into tokens (user_id, sha256) select id, %s from users where username = 'erin'",
                [token_sha256("of-erin")],
            )

    with connected(empty_url) as connection:
        before = everything(connection)
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
