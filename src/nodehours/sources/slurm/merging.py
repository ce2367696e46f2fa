"""Merging attempts with those that are kept: records of one attempt become one, whatever order they come in.

What was looked at last holds: what is over beats what was still running, then the later end; of the others the one
that tells more, and a tie is told by the figures themselves. The earliest start holds, and the wait until then, since
records may be cut off at the beginning of the window that they were asked for. So merging is a join in the sense of a
lattice, and order and repetition do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import duckdb

from nodehours.sources.slurm.attempt import UNKNOWN_USER
from nodehours.sources.slurm.batches import SCHEMA
from nodehours.sources.slurm.staging import ROWS, written_to

_QUOTED: Final = [f'"{name}"' for name in SCHEMA.names]
_COLUMNS: Final = ", ".join(_QUOTED)
_KEY: Final = "job, submitted, if(submitted = 0, start, 0)"
_WEIGHED: Final = ", ".join(
    [
        'is_ended, "end"',
        # Of what is otherwise the same, a record that tells more has the last word.
        f"named := \"user\" <> '{UNKNOWN_USER}'",
        "had := account <> ''",
        "given := tres <> ''",
        *(f'"{one}"' for one in SCHEMA.names if one not in {"is_ended", "end", "start", "waited"}),
    ]
)
_FIRST: Final = {"start": "first.start as start", "waited": "-first.waited as waited"}
_TAKEN: Final = ", ".join(_FIRST.get(one, f'best."{one}"') for one in SCHEMA.names)
_SPAN: Final = 'job, submitted, start, "end"'

_FRESH: Final = f"""
select {_COLUMNS} from (select *, hash({_COLUMNS}) as told from new)
anti join (select {_SPAN}, hash({_COLUMNS}) as told from old) using ({_SPAN}, told)
"""
_BOTH: Final = f"(select {_COLUMNS} from old union all select {_COLUMNS} from fresh)"
_TWICE: Final = f"select 1 from {_BOTH} group by {_KEY} having count(*) > 1 limit 1"
_JOINED: Final = f"""
select {_TAKEN} from (
    select max(struct_pack({_WEIGHED})) as best, min(struct_pack(start, waited := -waited)) as first
    from {_BOTH} group by {_KEY}
)
"""
_CHANGED: Final = f"""
select count(*) from (select *, hash({_COLUMNS}) as told from joined)
anti join (select {_SPAN}, hash({_COLUMNS}) as told from old) using ({_SPAN}, told)
"""
_REPLACED: Final = f"""
select min(start), max("end") from (select *, hash({_COLUMNS}) as told from old)
anti join (select {_SPAN}, hash({_COLUMNS}) as told from joined) using ({_SPAN}, told)
"""
_OVERLAPPED: Final = """
select min(old.start), max(old."end") from old semi join new on (
    old.job = new.job and old.start < new."end" and new.start < old."end" and least(old.submitted, new.submitted) = 0
)
"""
_TOLD: Final = """
select count(*), min(start), max("end"), min("end") filter (not is_ended), min(submitted) = 0 from part
"""


class Span(NamedTuple):
    """What a file of attempts holds: how many, from when to when (seconds since 1970).

    ``seen_until`` is how far at least those had come that are not ended (None: all are), and ``has_unsure`` tells
    whether some do not tell when they were submitted.
    """

    attempts: int
    start: int
    end: int
    seen_until: int | None
    has_unsure: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """The file that is to be kept: it is added to the others, or takes their place.

    ``changed`` counts the attempts that were not there, or not so; if it is 0, there is nothing to keep. ``replaced``
    is from when to when attempts had been told that are told otherwise now (seconds since 1970; 0 and 0: none).
    """

    path: Path
    changed: int
    is_added: bool = True
    replaced: tuple[int, int] = (0, 0)


@contextmanager
def engine(memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a DuckDB of this process's own, that takes up to *memory* (``1GB``) and the disk beyond that."""
    with TemporaryDirectory(prefix="nodehours-") as spill, duckdb.connect() as database:
        database.execute(f"set memory_limit = '{memory}'")
        database.execute(f"set temp_directory = '{spill}'")
        database.execute("set preserve_insertion_order = false")
        yield database


def merged(
    database: duckdb.DuckDBPyConnection, new: Path, old: Sequence[Path], out: Path
) -> Merged:
    """Find out what of the attempts in *new* is not in *old*; write it to *out* where *new* cannot stay as it is."""
    _view(database, "new", [new])
    _view(database, "old", old)
    database.execute(
        f"create or replace temp view fresh as {_FRESH if old else 'select * from new'}"
    )
    changed = _count(database, "select count(*) from fresh")
    if not changed:
        return Merged(new, 0)
    if database.execute(_TWICE).fetchall():
        _copy(database, _JOINED, out)
        _view(database, "joined", [out])
        changed, replaced = _count(database, _CHANGED), _span(database, _REPLACED)
        return Merged(out, changed, is_added=False, replaced=replaced)
    if not old:
        return Merged(new, changed)
    _copy(database, "select * from fresh", out)
    return Merged(out, changed)


def overlapped(
    database: duckdb.DuckDBPyConnection, new: Path, old: Sequence[Path]
) -> tuple[int, int]:
    """Tell from when to when attempts in *old* ran that may be those in *new*, since a submission is not known.

    Times are seconds since 1970; 0 and 0 where there are none.
    """
    _view(database, "new", [new])
    _view(database, "old", old)
    return _span(database, _OVERLAPPED)


def span_of(database: duckdb.DuckDBPyConnection, path: Path) -> Span:
    """Tell what the file *path* holds."""
    _view(database, "part", [path])
    (found,) = database.execute(_TOLD).fetchall()
    return Span(*found)


def _view(database: duckdb.DuckDBPyConnection, name: str, paths: Sequence[Path]) -> None:
    if paths:
        database.read_parquet([str(path) for path in paths]).create_view(name, replace=True)
    else:
        database.from_arrow(SCHEMA.empty_table()).create_view(name, replace=True)


def _count(database: duckdb.DuckDBPyConnection, query: str) -> int:
    ((count,),) = database.execute(query).fetchall()
    return int(count)


def _span(database: duckdb.DuckDBPyConnection, query: str) -> tuple[int, int]:
    ((start, end),) = database.execute(query).fetchall()
    return start or 0, end or 0


def _copy(database: duckdb.DuckDBPyConnection, query: str, out: Path) -> None:
    with written_to(out) as writer:
        for batch in database.sql(query).to_arrow_reader(ROWS):
            writer.write_batch(batch.cast(SCHEMA))
