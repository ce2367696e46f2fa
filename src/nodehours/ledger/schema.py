"""The schema: which revision a database is at, and bringing it to the one this program knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg

from nodehours.ledger.errors import SchemaError, UnavailableError
from nodehours.ledger.reach import reached

if TYPE_CHECKING:
    import sqlalchemy

_NUMBERED = re.compile(r"[0-9]{4}", re.ASCII)
_ADVISORY_LOCK = 0x6E6F6465686F7572
"""The bytes of "nodehour", so that no other program's lock is met by chance."""

# The timeouts are for what an upgrade does, not for its waiting for another.
_PREPARE = (
    f"select pg_advisory_lock({_ADVISORY_LOCK})",
    "set lock_timeout = '10s'",
    "set statement_timeout = '30min'",
)


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The revision a database's schema is at (None: it has none) and the newest this program knows."""

    current: str | None
    known: tuple[str, ...]

    @property
    def newest(self) -> str:
        """The newest revision this program knows."""
        return self.known[-1]

    @property
    def is_newest(self) -> bool:
        """Whether the program can use the database."""
        return self.current == self.newest

    @property
    def estrangement(self) -> str | None:
        """Say why this program must not touch the database; None when it may upgrade it."""
        if self.current is None or self.current in self.known:
            return None
        if _NUMBERED.fullmatch(self.current):
            return (
                f"the database's schema {self.current} is newer than this program ({self.newest}):"
                " install the nodehours that made it"
            )
        return f"the database's schema {self.current!r} is none of nodehours: is it another program's database?"

    @property
    def refusal(self) -> str | None:
        """Say why the program cannot use the database, and what to do; None when it can."""
        if self.current is None:
            return "the database has no ledger yet: run `nodehours db upgrade`"
        if self.estrangement or self.is_newest:
            return self.estrangement
        return (
            f"the database's schema is {self.current}, this program needs {self.newest}:"
            " run `nodehours db upgrade`"
        )


def schema_status(url: str) -> SchemaStatus:
    """Tell which schema the database at the libpq URL *url* has. Raises ``UnavailableError``."""
    # Asked without Alembic, which takes longer to import than most commands take to run.
    try:
        with reached(url) as connection:
            return SchemaStatus(_current(connection), _known())
    except psycopg.Error as error:
        message = f"cannot tell the database's schema: {error}"
        raise UnavailableError(message) from error


def upgrade_schema(url: str) -> SchemaStatus:
    """Bring the schema to the newest revision and return what it was before.

    Several upgrades at once wait for each other. Raises ``SchemaError`` when the schema is not known here, and
    ``UnavailableError`` when the database fails or refuses, and is then as it was.
    """
    import sqlalchemy
    from sqlalchemy.pool import NullPool

    # SQLAlchemy is here for Alembic only; it is given psycopg's connection, so any libpq URL will do.
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: reached(url), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            return _upgrade(connection, url)
    except (sqlalchemy.exc.DBAPIError, psycopg.Error) as error:
        message = f"cannot upgrade the database: {getattr(error, 'orig', error)}"
        raise UnavailableError(message) from error


def _upgrade(connection: sqlalchemy.Connection, url: str) -> SchemaStatus:
    from alembic import command
    from alembic.config import Config

    for statement in _PREPARE:
        connection.exec_driver_sql(statement)
    connection.commit()
    before = schema_status(url)
    if before.estrangement:
        raise SchemaError(before.estrangement)
    config = Config()
    config.set_main_option("script_location", "nodehours.ledger:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
    return before


def check_schema(url: str) -> None:
    """Raise ``SchemaError``, saying what to run, unless the schema is the newest."""
    if sentence := schema_status(url).refusal:
        raise SchemaError(sentence)


def _current(connection: psycopg.Connection[tuple[str]]) -> str | None:
    try:
        row = connection.execute("select version_num from alembic_version").fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return row[0] if row else None


def _known() -> tuple[str, ...]:
    versions = files("nodehours.ledger.migrations").joinpath("versions")
    return tuple(
        sorted(v.name.partition("_")[0] for v in versions.iterdir() if v.name.endswith(".sql"))
    )
