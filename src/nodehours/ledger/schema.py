"""The schema: which revision a database is at, and bringing it to the one this program knows."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import psycopg

from nodehours.ledger.errors import SchemaError, UnavailableError

if TYPE_CHECKING:
    import sqlalchemy

_ADVISORY_LOCK = 0x6E6F6465686F7572
"""The bytes of "nodehour", so that no other program's lock is met by chance."""

_PREPARE = (
    "set lock_timeout = '10s'",
    "set statement_timeout = '30min'",
    f"select pg_advisory_lock({_ADVISORY_LOCK})",
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


def schema_status(url: str) -> SchemaStatus:
    """Tell which schema the database at the libpq URL *url* has. Raises ``UnavailableError``."""
    # Asked without Alembic, which takes longer to import than most commands take to run.
    try:
        with psycopg.connect(url) as connection:
            return SchemaStatus(_current(connection), _known())
    except psycopg.OperationalError as error:
        message = f"cannot reach the database: {error}"
        raise UnavailableError(message) from error


def upgrade_schema(url: str) -> SchemaStatus:
    """Bring the schema to the newest revision and return what it was before.

    Several upgrades at once wait for each other. Raises ``SchemaError`` when the schema is not known here.
    """
    import sqlalchemy
    from sqlalchemy.pool import NullPool

    # SQLAlchemy is here for Alembic only; it is given psycopg's connection, so any libpq URL will do.
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            return _upgrade(connection, url)
    except sqlalchemy.exc.OperationalError as error:
        message = f"cannot upgrade the database: {error.orig}"
        raise UnavailableError(message) from error


def _upgrade(connection: sqlalchemy.Connection, url: str) -> SchemaStatus:
    from alembic import command
    from alembic.config import Config

    for statement in _PREPARE:
        connection.exec_driver_sql(statement)
    connection.commit()
    before = schema_status(url)
    _refuse_unknown(before)
    config = Config()
    config.set_main_option("script_location", "nodehours.ledger:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
    return before


def check_schema(url: str) -> None:
    """Raise ``SchemaError``, saying what to run, unless the schema is the newest."""
    status = schema_status(url)
    _refuse_unknown(status)
    if status.current is None:
        message = "the database has no ledger yet: run `nodehours db upgrade`"
        raise SchemaError(message)
    if not status.is_newest:
        message = (
            f"the database's schema is {status.current}, this program needs {status.newest}:"
            " run `nodehours db upgrade`"
        )
        raise SchemaError(message)


def _refuse_unknown(status: SchemaStatus) -> None:
    if status.current is not None and status.current not in status.known:
        message = (
            f"the database's schema {status.current} is newer than this program ({status.newest}):"
            " install the nodehours that made it"
        )
        raise SchemaError(message)


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
