"""The SQL that a request to the list runs, heard from the functions that run it, so that it is the very same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import psycopg
from psycopg.abc import Params
from psycopg.sql import Composable

from nodehours.queries.access import Reader, sign_in
from nodehours.queries.usage import list_usage
from nodehours.terms.row import Page, UsageFilter
from nodehours.terms.scope import Scope
from nodehours.terms.token import token_sha256

Values = dict[str, Any] | list[Any]


class Statement(NamedTuple):
    """One statement as psycopg takes it, and its values."""

    text: str
    values: Values


class Asked(NamedTuple):
    """A page that was asked for: the reader's scope, the statements run for it, and what came."""

    scope: Scope
    signing_in: list[Statement]
    listing: list[Statement]
    page: Page


class Listening(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection that keeps what it is asked."""

    heard: list[Statement]

    async def execute(
        self,
        query: Any,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool = False,
    ) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        """Keep the statement, and run it."""
        text = query.as_string(self) if isinstance(query, Composable) else query
        values = dict(params) if isinstance(params, Mapping) else list(params or ())
        self.heard.append(Statement(str(text), values))
        cursor = self.cursor(binary=binary)
        return await cursor.execute(query, params, prepare=prepare)


async def listening(url: str) -> Listening:
    """Connect."""
    connection = await Listening.connect(url, autocommit=True)
    connection.heard = []
    return connection


async def asked(connection: Listening, token: str, offset: int, limit: int) -> Asked:
    """Sign in with *token* and list a page, as the API does."""
    connection.heard.clear()
    reader = await sign_in(connection, token_sha256(token))
    assert isinstance(reader, Reader)
    signing_in = connection.heard.copy()
    connection.heard.clear()
    page = await list_usage(connection, reader.scope, UsageFilter(), offset=offset, limit=limit)
    return Asked(reader.scope, signing_in, connection.heard.copy(), page)
