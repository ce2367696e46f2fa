"""Records by the thousand: columns of texts to columns of attempts, as ``read_attempt`` reads them one by one.

What is plain is read column by column: ended attempts with times in seconds, or local ones that clocks told once. All
else (what still runs, what is told twice, what is wrong) is handed to ``read_attempt`` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias, get_type_hints
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nodehours.sources.slurm.attempt import (
    LIVE_STATES,
    MAX_SECOND,
    NAMES,
    NO_TIME,
    NUL,
    UNKNOWN_USER,
    Attempt,
    Told,
    read_attempt,
)
from nodehours.sources.slurm.tres import Allocated, read_tres
from nodehours.terms.calendar import DAY_SECONDS, Calendar

Column: TypeAlias = Any
"""A pyarrow array: its stubs tell its kinds apart where its functions do not."""

_Numbers: TypeAlias = npt.NDArray[np.int64]
_TYPES: Final = {int: pa.int64(), bool: pa.bool_(), str: pa.string()}
SCHEMA: Final = pa.schema([(name, _TYPES[kind]) for name, kind in get_type_hints(Attempt).items()])
"""The columns of ``Attempt``."""

_PLAIN_JOB: Final = r"^[0-9]{1,18}(_[0-9]{1,18})?$"
_NOT_SUSPENDED: Final = pa.array(["00:00:00", "", "0"])
_TIMES: Final = ("submitted", "eligible", "start", "end")
_NO_TIMES: Final = pa.array(sorted(NO_TIME))
_CLOCK: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}$"
)
_ABOUT_A_YEAR: Final = 2**25
_MAX_LISTS: Final = 2**16


class Faulty(NamedTuple):
    """A record that is wrong: which one it is of those handed over, counted from 0, its texts and what is wrong."""

    place: int
    record: dict[str, str]
    sentence: str


class Batches:
    """Reads batch after batch; each list of TRES is read only once."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._tres: dict[str, Allocated | None] = {}

    def read(self, texts: pa.RecordBatch) -> tuple[pa.RecordBatch, list[Faulty]]:
        """Return the attempts of *texts*, and what is wrong; columns are those of ``fields.FIELDS`` that are told."""
        columns = {name: texts.column(name) for name in texts.schema.names}
        known = _Known(columns, self._told, self._counts)
        plain = known.plain()
        rest = pc.filter(pa.array(np.arange(len(texts))), pc.invert(plain))
        odd, faults = self._one_by_one(texts.take(rest), rest.to_pylist())
        return pa.concat_batches([known.attempts(plain), odd]), faults

    def _one_by_one(
        self, texts: pa.RecordBatch, places: Sequence[int]
    ) -> tuple[pa.RecordBatch, list[Faulty]]:
        found: list[Attempt] = []
        faults: list[Faulty] = []
        for place, record in zip(places, texts.to_pylist(), strict=True):
            try:
                attempt = read_attempt(record, self._told)
            except ValueError as error:
                faults.append(Faulty(place, record, str(error)))
            else:
                found += [attempt] if attempt else []
        return batch_of(found), faults

    def _counts(self, tres: str) -> Allocated | None:
        """Read a list of TRES, or what is none as None."""
        if tres not in self._tres:
            # Where Slurm counts energy, nearly every list is another one.
            if len(self._tres) >= _MAX_LISTS:
                self._tres.clear()
            try:
                self._tres[tres] = read_tres(tres)
            except ValueError:
                self._tres[tres] = None
        return self._tres[tres]


def batch_of(attempts: Sequence[Attempt]) -> pa.RecordBatch:
    """Put attempts into columns."""
    columns = zip(*attempts, strict=True) if attempts else ((),) * len(SCHEMA)
    return pa.record_batch(
        [pa.array(column, type_) for column, type_ in zip(columns, SCHEMA.types, strict=True)],
        schema=SCHEMA,
    )


class _Known:
    """What the columns of a batch tell, as far as it is plain: elsewhere they hold null."""

    def __init__(
        self, columns: dict[str, Column], told: Told, counts: Callable[[str], Allocated | None]
    ) -> None:
        self._columns = columns
        self._told = told
        self._length = len(columns["job"])
        self.times = {name: self._time(name) for name in _TIMES if name in columns}
        self.elapsed = self._whole("elapsed", 11)
        self.nodes, self.cpus = self._whole("nodes", 7), self._whole("cpus", 7)
        state = columns.get("state", pa.repeat("", self._length)).dictionary_encode()
        words = [word.partition(" ")[0] for word in state.dictionary.to_pylist()]
        self.state = _taken(pa.array(words, pa.string()), state)
        self.is_live = _taken(pa.array([word in LIVE_STATES for word in words], pa.bool_()), state)
        tres = columns.get("tres", pa.repeat("", self._length)).dictionary_encode()
        self.counts = _allocated(map(counts, tres.dictionary.to_pylist()), tres)
        self.used = pc.greater(self.elapsed, 0)

    def plain(self) -> Column:
        """Tell which records are read here."""
        start, end = self.times["start"], self.times["end"]
        is_so = [
            pc.match_substring_regex(self._columns["job"], _PLAIN_JOB),
            pc.greater(start, 0), pc.greater(end, 0), pc.less_equal(end, self._told.latest),
            *(self._is_clean(name) for name in NAMES if name in self._columns),
            pc.greater_equal(pc.subtract(end, start), self.elapsed),
            pc.invert(self.is_live),
            pc.is_valid(self.counts["nodes"]), pc.is_valid(self.nodes), pc.is_valid(self.cpus),
        ]  # fmt: skip
        is_so += [
            pc.is_valid(self.times[name])
            for name in ("submitted", "eligible")
            if name in self.times
        ]
        if "suspended" in self._columns:
            is_so.append(pc.is_in(self._columns["suspended"], _NOT_SUSPENDED))
        found = is_so[0]
        for one in is_so[1:]:
            found = pc.and_(found, pc.fill_null(one, fill_value=False))
        return found

    def attempts(self, plain: Column) -> pa.RecordBatch:
        """Return the attempts among the *plain* records."""
        start = self.times["start"]
        end = pc.if_else(self.used, self.times["end"], start)
        columns = {
            "cluster": self._cluster(),
            "job": self._columns["job"],
            "submitted": self.times.get("submitted", pa.repeat(0, self._length)),
            "account": self._columns["account"],
            "user": self._text("user", UNKNOWN_USER),
            "state": self.state,
            "is_ended": pa.repeat(pa.scalar(value=True), self._length),
            "start": start,
            "end": end,
            "suspended": pc.subtract(pc.subtract(end, start), self.elapsed),
            "waited": self._waited(),
            **self.counts,
            "nodes": _or(self.nodes, self.counts["nodes"]),
            "cpus": _or(self.cpus, self.counts["cpus"]),
        }  # fmt: skip
        batch = pa.record_batch([columns[name] for name in SCHEMA.names], schema=SCHEMA)
        return batch.filter(pc.and_(plain, pc.or_(self.used, pc.greater(batch["nodes"], 0))))

    def _cluster(self) -> Column:
        names = self._text("cluster", self._told.cluster).dictionary_encode()
        small = [name.lower() for name in names.dictionary.to_pylist()]
        return _taken(pa.array(small, pa.string()), names)

    def _is_clean(self, name: str) -> Column:
        names = self._columns[name].dictionary_encode()
        return _taken(pc.invert(pc.match_substring(names.dictionary, NUL)), names)

    def _text(self, name: str, default: str) -> Column:
        if name not in self._columns:
            return pa.repeat(default, self._length)
        texts = self._columns[name]
        return pc.if_else(pc.equal(texts, ""), default, texts)

    def _whole(self, name: str, digits: int) -> Column:
        """Read whole numbers; an empty text is 0, and anything else null."""
        if name not in self._columns:
            return pa.repeat(0, self._length)
        return _whole_numbers(self._columns[name], digits)

    def _time(self, name: str) -> Column:
        """Read times in seconds; no time is 0, and what is not plain is null."""
        texts = self._columns[name]
        untold = pc.is_in(texts, _NO_TIMES)
        seconds = _whole_numbers(texts, 11)
        if self._told.zone is not None and pc.any(pc.is_null(seconds)).as_py():
            seconds = pc.coalesce(seconds, _zoned(texts, self._told.zone))
        sound = pc.and_(pc.greater(seconds, 0), pc.less(seconds, MAX_SECOND))
        return pc.if_else(untold, 0, pc.if_else(sound, seconds, pa.scalar(None, pa.int64())))

    def _waited(self) -> Column:
        since = self.times.get("submitted", pa.repeat(0, self._length))
        if "eligible" in self.times:
            since = _or(self.times["eligible"], since)
        waited = pc.subtract(self.times["start"], since)
        return pc.if_else(pc.and_(pc.greater(since, 0), pc.greater(waited, 0)), waited, 0)


def _whole_numbers(texts: Column, digits: int) -> Column:
    """Read whole numbers of up to so many *digits*; an empty text is 0, and anything else null."""
    is_whole = pc.ascii_is_decimal(texts)
    if pc.all(is_whole).as_py() and pc.max(pc.binary_length(texts)).as_py() <= digits:
        return pc.cast(texts, pa.int64())
    is_whole = pc.and_(is_whole, pc.less_equal(pc.binary_length(texts), digits))
    untold = pc.if_else(pc.equal(texts, ""), "0", pa.scalar(None, pa.string()))
    return pc.cast(pc.if_else(is_whole, texts, untold), pa.int64())


def _zoned(texts: Column, zone: ZoneInfo) -> Column:
    """Read local times that clocks told exactly once; all others are null."""
    clocks = _clocks(texts)
    span = pc.min_max(clocks)
    if not span["min"].is_valid:
        return clocks
    first, last = (span[name].as_py() for name in ("min", "max"))
    starts, untils, offsets = _runs(zone, first // _ABOUT_A_YEAR, last // _ABOUT_A_YEAR)
    told = pc.fill_null(clocks, first).to_numpy(zero_copy_only=False)
    at = np.searchsorted(starts, told, side="right") - 1
    is_once = (told < untils[at]) & ((at == 0) | (told >= untils[np.maximum(at - 1, 0)]))
    return pc.if_else(
        pc.and_(pa.array(is_once), pc.is_valid(clocks)),
        pa.array(told - offsets[at]),
        pa.scalar(None, pa.int64()),
    )


def _clocks(texts: Column) -> Column:
    """Read what clocks told, as seconds; what is no time, or one of another age, is null."""
    is_clock = pc.and_(
        pc.equal(pc.binary_length(texts), 19), pc.invert(pc.match_substring(texts, " "))
    )
    try:
        clocks = _cast_clocks(texts, is_clock)
    except pa.ArrowInvalid:
        # One of them is none: those that could be are left to be read one by one.
        clocks = _cast_clocks(texts, pc.match_substring_regex(texts, _CLOCK))
    is_sound = pc.and_(pc.greater(clocks, DAY_SECONDS), pc.less(clocks, MAX_SECOND - DAY_SECONDS))
    return pc.if_else(is_sound, clocks, pa.scalar(None, pa.int64()))


def _cast_clocks(texts: Column, which: Column) -> Column:
    told = pc.if_else(which, texts, pa.scalar(None, pa.string()))
    return pc.cast(pc.cast(told, pa.timestamp("s")), pa.int64())


@lru_cache(maxsize=64)
def _runs(zone: ZoneInfo, first: int, last: int) -> tuple[_Numbers, _Numbers, _Numbers]:
    """Return from when until when clocks were as far ahead of UTC, by their own time, and by how much."""
    since, until = (first - 1) * _ABOUT_A_YEAR, (last + 2) * _ABOUT_A_YEAR
    runs = list(Calendar(zone).offsets(since, until))
    offsets = np.array([offset for _, offset in runs])
    untils = np.array([until for until, _ in runs])
    return np.array([since, *untils[:-1]]) + offsets, untils + offsets, offsets


def _allocated(counts: Iterable[Allocated | None], by: Column) -> dict[str, Column]:
    """Return a column for each count, of records that refer to *counts*."""
    known = list(counts)
    return {
        name: _taken(
            pa.array([one and getattr(one, name) for one in known], SCHEMA.field(name).type), by
        )
        for name in Allocated._fields
    }


def _taken(values: Column, by: Column) -> Column:
    return pc.take(values, by.indices)


def _or(one: Column, other: Column) -> Column:
    """Take *other* where *one* is 0."""
    return pc.if_else(pc.equal(one, 0), other, one)
