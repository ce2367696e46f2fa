"""Reaching the database at a libpq URL."""

from __future__ import annotations

from typing import Any

import psycopg

from nodehours.ledger.errors import UnavailableError

# Whatever the database's own default: times are read in this form only, and hashes are of days written in it.
_SESSION = "set datestyle to 'ISO'"


def reached(url: str, *, autocommit: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection to *url*. Raises ``UnavailableError``, whose sentence never has the URL's password in it."""
    try:
        # Set outside of any transaction, so that none that fails takes it back.
        connection = psycopg.connect(url, autocommit=True, application_name="nodehours")
        connection.execute(_SESSION)
        connection.autocommit = autocommit
    except psycopg.ProgrammingError:
        message = "the database's URL is not one that PostgreSQL understands"
        raise UnavailableError(message) from None
    except psycopg.OperationalError as error:
        message = f"cannot reach the database: {error}"
        raise UnavailableError(message) from error
    return connection
