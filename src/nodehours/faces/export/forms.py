"""The forms an exported listing can have, and how one is streamed: no form needs more memory for more rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Final, NamedTuple, Protocol

from nodehours.faces.export.plain import Plain
from nodehours.faces.export.readme import Readme
from nodehours.queries.export import Batch, Export
from nodehours.queries.export_text import Text


class Writer(Protocol):
    """Makes bytes of rows, which it needs as such a *text*."""

    text: Text

    def begin(self) -> Iterator[bytes]:
        """Yield what comes before the rows."""

    def add(self, batch: Batch) -> Iterator[bytes]:
        """Yield what can be told once these rows are there."""

    def end(self) -> Iterator[bytes]:
        """Yield what comes after all rows."""

    def close(self) -> None:
        """Let go of what it holds; it may have been given up before its end."""


class Form(NamedTuple):
    """A form: how its files end, what it is called on the web, its writer, and notes for the readme.

    A form that ``has_readme`` has it inside; with others it goes beside. One that is not text ``is_binary``.
    """

    suffix: str
    media_type: str
    writer: Callable[[Readme], Writer]
    is_binary: bool = False
    has_readme: bool = False
    notes: tuple[str, ...] = ()


def _parquet(readme: Readme) -> Writer:
    from nodehours.faces.export.parquet import Parquet

    return Parquet(readme)


def _xlsx(readme: Readme) -> Writer:
    from nodehours.faces.export.xlsx import Xlsx

    return Xlsx(readme)


_CSV_NOTE = (
    "A text that begins with = + - @, one of their wide forms, or a blank of any kind has an apostrophe before it,"
    " so that no spreadsheet takes it for a formula;"
    " so has one that begins with an apostrophe: taking one away gives every text back."
)
_XLSX_NOTE = (
    "A figure of more than 15 digits is a text, since a spreadsheet would round it as a number."
)
FORMS: Final[Mapping[str, Form]] = {
    "csv": Form(
        ".csv",
        "text/csv; charset=utf-8; header=present",
        lambda _: Plain(Text.CSV),
        notes=(_CSV_NOTE,),
    ),
    "ndjson": Form(".ndjson", "application/x-ndjson", lambda _: Plain(Text.NDJSON)),
    "parquet": Form(".parquet", "application/vnd.apache.parquet", _parquet, is_binary=True),
    "xlsx": Form(
        ".xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _xlsx,
        is_binary=True,
        has_readme=True,
        notes=(_XLSX_NOTE,),
    ),
}


class Piece(NamedTuple):
    """Bytes to be passed on, and how many rows have been read by then."""

    data: bytes
    rows: int


async def streamed(
    export: Export, writer: Writer, *, aside: bool = False
) -> AsyncGenerator[Piece, None]:
    """Yield *export* as *writer* writes it, as it is read; it works *aside*, in a thread, if so asked."""
    rows = 0
    try:
        for data in writer.begin():
            yield Piece(data, rows)
        async with aclosing(export.batches(writer.text)) as batches:
            async for batch in batches:
                rows += batch.rows
                written = writer.add(batch)
                for data in await _aside(written) if aside else written:
                    yield Piece(data, rows)
        for data in await _aside(writer.end()) if aside else writer.end():
            yield Piece(data, rows)
    finally:
        writer.close()


async def _aside(work: Iterator[bytes]) -> list[bytes]:
    """Do *work* in a thread, to its end: a thread cannot be stopped, and must not write when all is let go."""
    doing = asyncio.ensure_future(asyncio.to_thread(list, work))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait([doing])
        raise
