"""What reckons with attempts by columns: DuckDB on this machine, or Spark on many. Both answer the same, to the second.

What is asked is an Ibis expression over ``usage.ATTEMPTS``: each engine is told it in its own SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import duckdb
import ibis
import pyarrow as pa

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.merging import engine
from nodehours.sources.slurm.usage import ATTEMPTS

if TYPE_CHECKING:
    from ibis.expr.types import Table

LOCAL: Final = "local[*]"
"""Spark on this machine alone."""

MEMORY: Final = "1GB"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which engine is to reckon: Spark at ``master``, with the settings ``conf``, or DuckDB (None).

    DuckDB takes up to ``memory``, and the disk beyond that.
    """

    master: str | None = None
    conf: Sequence[tuple[str, str]] = ()
    memory: str = MEMORY


class Engine(Protocol):
    """Reckons with attempts. What goes wrong is ``UnreadableError``."""

    def answer(self, asked: Table, files: Sequence[str]) -> pa.Table:
        """Return what *asked* comes to, where the attempts are those in *files*: paths, or URLs."""

    def content(self, url: str) -> bytes | None:
        """Return what the file at *url* holds; None if there is none."""


@contextmanager
def opened_engine(asked: Asked) -> Iterator[Engine]:
    """Start the engine that is asked for, and end it. Raises ``UnreadableError`` when it cannot be had."""
    if asked.master is None:
        yield DuckDB(asked.memory)
        return
    from nodehours.sources.slurm.spark import opened_spark

    with opened_spark(asked.master, asked.conf) as spark:
        yield spark


@dataclass(frozen=True, slots=True)
class DuckDB:
    """Reckons on this machine, with up to ``memory``."""

    memory: str = MEMORY

    def answer(self, asked: Table, files: Sequence[str]) -> pa.Table:
        """Return what *asked* comes to."""
        with engine(self.memory) as database:
            try:
                database.read_parquet(list(files)).create_view(ATTEMPTS.get_name())
                return typed(database.sql(sql_of(asked, "duckdb")).to_arrow_table(), asked)
            except duckdb.Error as error:
                raise UnreadableError(f"jobs cannot be reckoned: {error}") from error

    def content(self, url: str) -> bytes | None:
        """Refuse: what it reads lies on this machine."""
        raise UnreadableError(f"{url} is not on this machine: only Spark reads it")


def sql_of(asked: Table, dialect: str) -> str:
    """Return *asked* as SQL of ``duckdb`` or ``pyspark``."""
    return str(ibis.to_sql(asked, dialect=dialect))


def typed(found: Any, asked: Table) -> pa.Table:
    """Have the columns of *asked*, in its types and order. Raises ``UnreadableError`` if a figure does not fit."""
    schema = asked.schema().to_pyarrow()
    try:
        return found.select(schema.names).cast(schema)
    except pa.ArrowInvalid as error:
        raise UnreadableError(f"a sum of usage is beyond 64 bits: {error}") from error
