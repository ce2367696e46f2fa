"""``sacct --json``, from Slurm 22.05 to 24.11, as the records that ``read_attempt`` reads.

What the versions tell differently: the state is a word or a list of words; numbers are plain or
``{"set", "infinite", "number"}``; a time that is not there is 0 or null; of requeued attempts newer versions tell the
state as ``["PENDING", "REQUEUED"]``. The document stays where it is; jobs are read from it one after the other.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.slurm.tres import UNTOLD
from nodehours.terms.fault import shown

_MAX_NUMBER = 10**18
_BAD_QUERY, _NOTHING_FOUND = 9000, 9003
_TIME_HINT = " (of Slurm 22.05 run it without SLURM_TIME_FORMAT)"
_NEEDED = ("job_id", "account", "user", "time.start", "time.end", "time.elapsed", "tres.allocated")


class _Jobs(msgspec.Struct):
    jobs: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    errors: Any = None


class JobRecord(NamedTuple):
    """One of the document's jobs, counted from 1, its own text, and where in the document it ends."""

    number: int
    text: bytes
    end: int

    def record(self) -> dict[str, str]:
        """Return what ``read_attempt`` reads. Raises ``ValueError`` with a sentence."""
        try:
            job = msgspec.json.decode(self.text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from None
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        return _Job(job if isinstance(job, dict) else {}).record()


def read_jobs(document: Document) -> Iterator[JobRecord]:
    """Read every job. Raises ``UnreadableError`` when the document is no output of ``sacct --json``."""
    for number, (start, end) in enumerate(_spans(document.content), 1):
        yield JobRecord(number, document.content[start:end], end)


def _spans(content: mmap.mmap | bytes) -> list[tuple[int, int]]:
    """Return where in the document its jobs are. Nothing holds on to it: it can be closed at any time."""
    try:
        told = msgspec.json.decode(content, type=_Jobs)
    except msgspec.ValidationError as error:
        raise UnreadableError(f"it is not what `sacct --json` tells: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableError(f"it is no JSON: {error}") from error
    except RecursionError as error:
        raise UnreadableError("it is no JSON: it is nested too deeply") from error
    if errors := _errors(told.errors):
        hint = (
            _TIME_HINT
            if isinstance(errors[0], dict) and errors[0].get("error_number") == _BAD_QUERY
            else ""
        )
        raise UnreadableError(f"sacct could not tell all: {shown(_said(errors[0]))}{hint}")
    if isinstance(told.jobs, msgspec.UnsetType):
        raise UnreadableError(
            "it is not what `sacct --json` tells: Object missing required field `jobs`"
        )
    begin, jobs = _address(content), told.jobs
    starts = [_address(job) - begin for job in jobs]
    return [(start, start + len(memoryview(job))) for start, job in zip(starts, jobs, strict=True)]


def _errors(told: Any) -> list[Any]:
    """Return what went wrong; that there are no jobs is no fault of theirs."""
    found = told if isinstance(told, list) else [told] if told else []
    return [
        one
        for one in found
        if not (isinstance(one, dict) and one.get("error_number") == _NOTHING_FOUND)
    ]


def _said(error: Any) -> str:
    said = error.get("description") or error.get("error") if isinstance(error, dict) else None
    return str(said or error)


def _address(content: mmap.mmap | bytes | msgspec.Raw) -> int:
    return int(np.frombuffer(content, np.uint8).ctypes.data)


class _Job:
    """A job as JSON tells it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def record(self) -> dict[str, str]:
        """Return what ``read_attempt`` reads. Raises ``ValueError`` with a sentence."""
        if missing := [name for name in _NEEDED if not self._has(*name.split("."))]:
            raise ValueError(f"it does not tell {', '.join(missing)}")
        return {
            "job": self._job(),
            "cluster": self._text("cluster"),
            "account": self._text("account"),
            "user": self._text("user"),
            "state": self._state(),
            "submitted": self._number("time", "submission"),
            "eligible": self._number("time", "eligible"),
            "start": self._number("time", "start"),
            "end": self._number("time", "end"),
            "elapsed": self._number("time", "elapsed"),
            "suspended": self._number("time", "suspended"),
            "nodes": self._number("allocation_nodes"),
            "tres": self._tres(),
        }

    def _job(self) -> str:
        """The id as sacct's text tells it: of a task ``40_17``, of a part of a heterogeneous job ``42+1``."""
        for of, part, mark in (("array", "task_id", "_"), ("het", "job_offset", "+")):
            parent, number = self._number(of, "job_id"), self._number(of, part, untold="")
            if parent != "0" and number:
                return f"{parent}{mark}{number}"
        return self._number("job_id")

    def _state(self) -> str:
        found = self._at("state", "current")
        words = found if isinstance(found, list) else ["" if found is None else found]
        if not all(isinstance(word, str) for word in words):
            raise _misread("state.current is no word", found)
        return "REQUEUED" if "REQUEUED" in words else words[0] if words else ""

    def _tres(self) -> str:
        counts = []
        for one in self._at("tres", "allocated") or []:
            told = _Job(one if isinstance(one, dict) else {})
            name = "/".join(filter(None, (told._text("type"), told._text("name"))))
            # Energy is not told: as null, or as a number below 0.
            if (count := told._number("count", untold="", negative=True)) and not count.startswith(
                "-"
            ):
                counts.append(f"{name}={count}{'M' if name == 'mem' else ''}")
        return ",".join(counts)

    def _has(self, *path: str) -> bool:
        *before, name = path
        found = self._at(*before)
        return isinstance(found, dict) and name in found

    def _at(self, *path: str) -> Any:
        found: Any = self._told
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def _text(self, name: str) -> str:
        found = self._told.get(name)
        if found is None:
            return ""
        if not isinstance(found, str):
            raise _misread(f"{name} is no text", found)
        return found

    def _number(self, *path: str, untold: str = "0", negative: bool = False) -> str:
        found = self._at(*path)
        if isinstance(found, dict):
            found = found.get("number") if found.get("set") else None
        if found is None or (isinstance(found, int) and UNTOLD <= found < 2**64):
            return untold
        is_whole = isinstance(found, int) and not isinstance(found, bool)
        if not is_whole or abs(found) > _MAX_NUMBER or (found < 0 and not negative):
            raise _misread(f"{'.'.join(path)} is no whole number from 0", found)
        return str(found)


def _misread(sentence: str, found: object) -> ValueError:
    return ValueError(f"{sentence}: {shown(str(found))}")
