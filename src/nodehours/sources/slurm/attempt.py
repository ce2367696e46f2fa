"""Attempts of jobs: each time that Slurm ran a job, as sacct tells it in a record of named texts.

Times are seconds since 1970 (UTC); an attempt is the half-open span from ``start`` to ``end``, of which ``suspended``
seconds did not count. ``end`` of one that is not ended is how far it had come when sacct looked. ``waited`` is the time
from when it could have started to when it did. ``memory`` is in MB (2**20 bytes), ``tres`` all the counts of what was
allocated. ``submitted`` is 0 where it is not known: with ``cluster`` and ``job`` it names an attempt, and where it is
not known, ``start`` does.

A record of a step, or of a job that got nothing, is no attempt. One that ended as it began used nothing, but is kept:
so Slurm ends a runaway job, of which records said before that it ran.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from nodehours.sources.slurm.tres import Allocated, read_part, read_tres
from nodehours.terms.calendar import DAY_SECONDS
from nodehours.terms.fault import shown
from nodehours.terms.rule import CPU, NODE

UNKNOWN_USER = "unknown"
"""Whose the usage is of which Slurm names no user."""

LIVE_STATES = frozenset(
    [
        "RUNNING",
        "SUSPENDED",
        "STOPPED",
        "CONFIGURING",
        "COMPLETING",
        "SIGNALING",
        "STAGE_OUT",
    ]
)
"""In which states an attempt may still go on: a time of end is then only how far it was looked at.

``RESIZING`` is none of them: so ends what ran before a job got other nodes.
"""

MAX_SECOND = 7_258_118_400
"""No time is later: the beginning of 2200."""

_FIRST_YEAR, _LAST_YEAR = 1969, 2200

NO_TIME = frozenset(("", "Unknown", "None", "0", "4294967294", "4294967295"))
"""What is told where there is no time; numbers are Slurm's NO_VAL and INFINITE."""

# Of a long list of tasks Slurm tells the beginning: 71_[1-5,10,...]
JOB = re.compile(r"[0-9]{1,18}(_[0-9]{1,18}|_\[[0-9,:%.-]+\]|\+[0-9]{1,9})?", re.ASCII)
"""What a job's id looks like."""

_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)
_ELAPSED = re.compile(
    r"(?:([0-9]{1,6})-)?(?:([0-9]{1,4}):)?([0-9]{1,2}):([0-9]{2})(?:\.[0-9]+)?", re.ASCII
)
NUL = "\0"
"""What no name holds, unless a record is damaged; no database takes it."""

NAMES = ("cluster", "account", "user")
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,7}", re.ASCII)


class Attempt(NamedTuple):
    """One time that a job ran."""

    cluster: str
    job: str
    submitted: int
    account: str
    user: str
    state: str
    is_ended: bool
    start: int
    end: int
    suspended: int
    waited: int
    nodes: int
    cpus: int
    gpus: int
    memory: int
    billing: int
    tres: str


@dataclass(frozen=True, slots=True)
class Told:
    """What records do not tell themselves: the ``cluster`` where they name none, and the ``zone`` of local times.

    What still runs has come no further than ``now``. Clocks may differ: nothing ends later than a day after that.
    """

    cluster: str
    zone: ZoneInfo | None = None
    now: int = MAX_SECOND - DAY_SECONDS

    @property
    def latest(self) -> int:
        """The last second at which anything may have ended."""
        return self.now + DAY_SECONDS


def read_attempt(record: Mapping[str, str], told: Told) -> Attempt | None:
    """Read one record, by the names of ``fields.FIELDS``; None of what is no attempt.

    Raises ``ValueError`` with a sentence.
    """
    job = record["job"]
    if "." in job and JOB.fullmatch(job.partition(".")[0]):
        return None
    if not JOB.fullmatch(job):
        raise ValueError(f"{shown(job)} is no job's id")
    elapsed = _read_elapsed(record.get("elapsed", ""))
    if record["start"] in NO_TIME or not (elapsed or _is_over(record)):
        return None
    span = _span(record, elapsed, told)
    for name in NAMES:
        if NUL in record.get(name, ""):
            raise ValueError(f"its {name} is damaged: {shown(record[name])}")
    counts = _counts(record)
    if not (elapsed or counts.nodes):
        return None
    return Attempt(
        (record.get("cluster") or told.cluster).lower(),
        job,
        _submitted(record, told.zone),
        record["account"],
        record["user"] or UNKNOWN_USER,
        _state(record),
        span.is_ended,
        span.start,
        span.end,
        span.suspended,
        _waited(record, span.start, told.zone),
        *counts,
    )


class _Span(NamedTuple):
    start: int
    end: int
    suspended: int
    is_ended: bool


def _state(record: Mapping[str, str]) -> str:
    """The state without its `by 1002`."""
    return record.get("state", "").partition(" ")[0]


def _is_over(record: Mapping[str, str]) -> bool:
    return record["end"] not in NO_TIME and _state(record) not in LIVE_STATES


def _span(record: Mapping[str, str], elapsed: int, told: Told) -> _Span:
    span = _read_span(record, elapsed, told.zone)
    if span.end > told.latest:
        end = record["end"] if record["end"] not in NO_TIME else f"it ran {elapsed} seconds"
        raise ValueError(f"its end lies in the future: {end}")
    if not span.is_ended and span.end > told.now:
        return span._replace(end=max(span.start, told.now))
    return span


def _read_span(record: Mapping[str, str], elapsed: int, zone: ZoneInfo | None) -> _Span:
    suspended = _read_elapsed(record.get("suspended", ""))
    starts = read_time(record["start"], zone)
    if not elapsed:
        return _Span(starts[-1], starts[-1], 0, is_ended=True)
    if record["end"] in NO_TIME:
        # Where clocks told it twice: should it be the earlier one, the record of its end will say so.
        return _Span(starts[-1], starts[-1] + elapsed + suspended, suspended, is_ended=False)
    ends = read_time(record["end"], zone)
    # Where clocks went back, a time is told twice: the two that lie as far apart as the job ran are meant.
    pairs = [(start, end) for start in starts for end in ends]
    start, end = min(pairs, key=lambda at: abs(at[1] - at[0] - elapsed - suspended))
    if end - start < elapsed:
        raise ValueError(
            f"it ran {elapsed} seconds, but from {record['start']} to {record['end']} there are {max(0, end - start)}"
        )
    return _Span(start, end, end - start - elapsed, _is_over(record))


def _submitted(record: Mapping[str, str], zone: ZoneInfo | None) -> int:
    """When it was submitted: 0 where that is not told, or could be either of two times."""
    text = record.get("submitted", "")
    found = [] if text in NO_TIME else read_time(text, zone)
    return found[0] if len(found) == 1 else 0


def _waited(record: Mapping[str, str], start: int, zone: ZoneInfo | None) -> int:
    for name in ("eligible", "submitted"):
        if (text := record.get(name, "")) not in NO_TIME:
            return max(0, start - read_time(text, zone)[0])
    return 0


def read_time(text: str, zone: ZoneInfo | None) -> list[int]:
    """Return the second that is meant, or both of those that clocks told so; raise ``ValueError`` if there is none."""
    if _SECONDS.fullmatch(text):
        return [_bounded(int(text), text)]
    if not _LOCAL.fullmatch(text):
        raise ValueError(f"{shown(text)} is no time (seconds since 1970, or 2026-09-01T00:00:00)")
    if zone is None:
        raise ValueError(f"{shown(text)} is a local time: of which time zone?")
    try:
        clock = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is no time") from None
    if not _FIRST_YEAR <= clock.year <= _LAST_YEAR:
        raise ValueError(f"{shown(text)} is no time of this age")
    folds = [int(clock.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1)]
    true = {at for at in folds if datetime.fromtimestamp(at, zone).replace(tzinfo=None) == clock}
    # Clocks that went forward never told this time: it is taken as if they had not.
    return [_bounded(at, text) for at in sorted(true) or folds[:1]]


def _bounded(second: int, text: str) -> int:
    if not 0 < second < MAX_SECOND:
        raise ValueError(f"{shown(text)} is no time of this age")
    return second


def _read_elapsed(text: str) -> int:
    """Read seconds, or ``[D-]HH:MM:SS``; nothing is 0."""
    if _SECONDS.fullmatch(text):
        return int(text)
    found = _ELAPSED.fullmatch(text)
    if found:
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    if text in NO_TIME:
        return 0
    raise ValueError(f"{shown(text)} is no duration")


def _counts(record: Mapping[str, str]) -> Allocated:
    found = read_tres(record.get("tres", ""))
    nodes, cpus = (
        _read_count(record.get(name, ""), tres) for name, tres in (("nodes", NODE), ("cpus", CPU))
    )
    return found._replace(nodes=nodes or found.nodes, cpus=cpus or found.cpus)


def _read_count(text: str, tres: str) -> int:
    """Read a count; without --noconvert sacct writes 2048 nodes as ``2K``."""
    if not text or _COUNT.fullmatch(text):
        return int(text or 0)
    return read_part(f"{tres}={text}")[1]
