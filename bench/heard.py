"""The SQL that a request to the list runs, heard from the functions that run it, so that it is the very same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.abc import Params
from psycopg.sql import Composable

from nodehours.queries.access import Reader, sign_in
from nodehours.queries.usage import count_usage, list_usage
from nodehours.terms.row import OrderBy, Page, UsageFilter
from nodehours.terms.scope import Scope
from nodehours.terms.token import token_sha256

Values = dict[str, Any] | list[Any]
_ALL = UsageFilter()


class Statement(NamedTuple):
    """One statement as psycopg takes it, and its values."""

    text: str
    values: Values


class Asked(NamedTuple):
    """What was asked for: the reader's scope, the statements run for signing in and for the rest, and what came."""

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
        heard = text.decode() if isinstance(text, bytes) else str(text)
        self.heard.append(Statement(heard, values))
        cursor = self.cursor(binary=binary)
        return await cursor.execute(query, params, prepare=prepare)


async def listening(url: str) -> Listening:
    """Connect."""
    connection = await Listening.connect(url, autocommit=True)
    connection.heard = []
    return connection


async def asked(
    connection: Listening,
    token: str,
    offset: int,
    limit: int,
    rows: UsageFilter = _ALL,
    order: Sequence[OrderBy] = (),
) -> Asked:
    """Sign in with *token* and list a page, as the API does."""
    scope, signing_in = await _signed_in(connection, token)
    page = await list_usage(connection, scope, rows, offset=offset, limit=limit, order=order)
    return Asked(scope, signing_in, connection.heard.copy(), page)


async def counted(connection: Listening, token: str, rows: UsageFilter) -> Asked:
    """Sign in with *token* and count, as the API does; the page is empty."""
    scope, signing_in = await _signed_in(connection, token)
    count = await count_usage(connection, scope, rows)
    return Asked(scope, signing_in, connection.heard.copy(), Page(count.total, [], count.revision))


async def _signed_in(connection: Listening, token: str) -> tuple[Scope, list[Statement]]:
    """Sign in, and listen anew."""
    connection.heard.clear()
    reader = await sign_in(connection, token_sha256(token))
    assert isinstance(reader, Reader)
    signing_in = connection.heard.copy()
    connection.heard.clear()
    return reader.scope, signing_in
