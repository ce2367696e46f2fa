"""A listing for whoever asks over a network: what its file is called, and its bytes as they are read.

It knows no web framework. While a download is open it has a connection of the pool to itself, and a transaction: a
face gives downloads a small pool of their own, and ends those whose reader does not read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from nodehours.faces.export.forms import Writer, streamed
from nodehours.faces.export.kinds import Kind
from nodehours.faces.export.plain import Plain
from nodehours.faces.export.readme import Readme, readme
from nodehours.queries.clock import Snapshot
from nodehours.queries.export import Export, ExportFilter, export_usage
from nodehours.queries.lent import lent
from nodehours.queries.pool import Pool
from nodehours.terms.pseudonym import Pseudonyms
from nodehours.terms.scope import Scope


class Asked(NamedTuple):
    """What is to be downloaded: which rows, as of when, and as what.

    ``told`` says the filters by name, for the readme; ``stem`` is what the file is called before its ending.
    """

    filter: ExportFilter
    at: Snapshot
    kind: Kind
    told: Mapping[str, str]
    pseudonyms: Pseudonyms | None = None
    stem: str = "usage"

    @property
    def name(self) -> str:
        """What the file is called."""
        return self.stem + self.kind.suffix


class Download(NamedTuple):
    """A listing about to be passed on, with its readme; of what is in it nothing has been read yet."""

    listing: Export
    readme: Readme
    writer: Writer

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the file's bytes, no piece being empty. Raises ``StoreUnavailableError`` when the database fails.

        What takes longer than passing text on is done in a thread, so that nobody else is kept waiting.
        """
        aside = not isinstance(self.writer, Plain)
        async with aclosing(streamed(self.listing, self.writer, aside=aside)) as pieces:
            async for piece in pieces:
                if piece.data:
                    yield piece.data


@asynccontextmanager
async def opened(
    pool: Pool, scope: Scope, asked: Asked, *, timeout_seconds: int
) -> AsyncIterator[Download]:
    """Yield what *asked* comes to for who sees *scope*; the database works on no part of it for longer than that.

    Raises ``StoreUnavailableError`` when the database fails, be it before or while the pieces are read.
    """
    async with (
        lent(pool) as connection,
        export_usage(
            connection,
            scope,
            asked.filter,
            at=asked.at,
            pseudonyms=asked.pseudonyms,
            timeout_seconds=timeout_seconds,
        ) as listing,
    ):
        made = datetime.now(UTC)
        about = readme(listing, asked.told, asked.kind.form.notes, made)
        yield Download(listing, about, asked.kind.writer(about, asked.name, made))
