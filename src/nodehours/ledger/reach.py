"""Reaching the database at a libpq URL."""

from __future__ import annotations

from typing import Any

import psycopg

from nodehours.ledger.errors import UnavailableError


def reached(url: str, *, autocommit: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection to *url*. Raises ``UnavailableError``, whose sentence never has the URL's password in it."""
    try:
        return psycopg.connect(url, autocommit=autocommit, application_name="nodehours")
    except psycopg.ProgrammingError:
        message = "the database's URL is not one that PostgreSQL understands"
        raise UnavailableError(message) from None
    except psycopg.OperationalError as error:
        message = f"cannot reach the database: {error}"
        raise UnavailableError(message) from error
