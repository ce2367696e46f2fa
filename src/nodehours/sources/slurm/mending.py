"""Putting records together again of which a free text holds the mark between fields or the end of a line.

Where the marks of a line belong to is tried out: the only way in which it makes sense is the record. There may be one
way, or several that tell the same; of others nobody knows, and they stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from math import comb
from typing import Final, NamedTuple

from nodehours.sources.slurm.attempt import JOB, Attempt
from nodehours.sources.slurm.fields import FREE_TEXTS, STATES

MARK: Final = "|"
_MAX_JOINED: Final = 32
_MAX_WAYS: Final = 2_000
_MAX_TRIED: Final = 200_000
"""How many ways are tried in all: a document of nothing but broken lines must come to an end."""

Read = Callable[[dict[str, str]], Attempt | None]
"""Reads a record. Raises ``ValueError`` if it is none."""


class Mended(NamedTuple):
    """So many odd lines from number ``line`` on, and whether they are a record; its attempt, if it used anything."""

    line: int
    lines: int = 1
    is_record: bool = False
    attempt: Attempt | None = None


class Mending:
    """Puts lines together that are records of the fields *names*, of which *columns* are read."""

    def __init__(self, names: Sequence[str], columns: Mapping[str, int], read: Read) -> None:
        self._read = read
        self._columns = columns
        self._count = len(names)
        free = [at for at, name in enumerate(names) if name.strip().lower() in FREE_TEXTS]
        before = {name: sum(place < at for place in free) for name, at in columns.items()}
        # Free texts with nothing between them that is read share what is more.
        shares = sorted({*before.values()} - {0})
        self._share = {name: shares.index(n) if n else None for name, n in before.items()}
        self._shares = len(shares)
        self._has_rest = len(free) > max(before.values())
        self._tried = 0

    def mended(self, odd: Mapping[int, str]) -> Iterator[Mended]:
        """Put *odd* lines together, which come by number and in order. Gives all of them, also those that stay odd."""
        lines = list(odd)
        at = 0
        while at < len(lines):
            found = next(self._joined(lines[at : at + _MAX_JOINED], odd), Mended(lines[at]))
            yield found
            at += found.lines

    def _joined(self, lines: Sequence[int], odd: Mapping[int, str]) -> Iterator[Mended]:
        fields: list[str] = []
        for count, line in enumerate(lines, 1):
            more = odd[line].split(MARK)
            if count == 1:
                fields = more
            elif line != lines[0] + count - 1 or self._begins(more):
                return
            else:
                fields[-1:] = [f"{fields[-1]}\n{more[0]}", *more[1:]]
            if not self._may_begin(fields):
                return
            yield from self._records(fields, lines[0], count)

    def _records(self, fields: Sequence[str], line: int, count: int) -> Iterator[Mended]:
        found: list[Attempt | None] = []
        for record in self._ways(fields):
            try:
                attempt = self._read(record)
            except ValueError:
                continue
            if attempt not in found:
                found.append(attempt)
        if len(found) == 1:
            yield Mended(line, count, is_record=True, attempt=found[0])

    def _ways(self, fields: Sequence[str]) -> Iterator[dict[str, str]]:
        more = len(fields) - self._count
        moving = self._shares if self._has_rest else self._shares - 1
        if more < 0 or (moving < 0 and more) or comb(more + max(moving, 0), more) > _MAX_WAYS:
            return
        if self._tried > _MAX_TRIED:
            return
        for moved in combinations_with_replacement(range(more + 1), max(moving, 0)):
            self._tried += 1
            shares = moved if self._has_rest else (*moved, more)
            record = {
                name: fields[at + (0 if (share := self._share[name]) is None else shares[share])]
                for name, at in self._columns.items()
            }
            if "state" not in record or record["state"].partition(" ")[0] in STATES:
                yield record

    def _may_begin(self, fields: Sequence[str]) -> bool:
        """Tell whether a record may begin so: where a job's id must be, there is one, as far as that is known."""
        at = self._columns["job"]
        return self._share["job"] is not None or at >= len(fields) or _is_id(fields[at])

    def _begins(self, fields: Sequence[str]) -> bool:
        """Tell whether this looks like the beginning of another record."""
        at = self._columns["job"]
        return self._share["job"] is None and len(fields) > at + 1 and _is_id(fields[at])


def _is_id(text: str) -> bool:
    return JOB.fullmatch(text.partition(".")[0] if "[" not in text else text) is not None
