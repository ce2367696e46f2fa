"""What is kept of jobs, as ``archive.json`` tells it: which files hold, of what, and from when to when all is known."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from nodehours.sources.document import UnreadableError
from nodehours.terms.calendar import DAY_SECONDS
from nodehours.terms.month import Month
from nodehours.terms.period import Period, months_after

MANIFEST: Final = "archive.json"
NEAR_DAYS: Final = 7
"""How far from a day a job may be that shows that the day is known."""

NEAR_SECONDS: Final = NEAR_DAYS * DAY_SECONDS
VERSION: Final = 1
_PLAIN: Final = frozenset(string.ascii_lowercase + string.digits + "-_")
_MAX_NAME: Final = 128


class Part(msgspec.Struct, frozen=True):
    """A file of attempts: its number, how many they are, and from when to when (seconds since 1970).

    ``seen_until`` is how far at least those had come that are not ended (None: all are), and ``has_unsure`` tells
    whether some do not tell when they were submitted.
    """

    number: int
    attempts: int
    start: int
    end: int
    seen_until: int | None = None
    has_unsure: bool = False


class Coverage(msgspec.Struct, frozen=True):
    """From when until when (seconds since 1970) everything of a cluster is known."""

    since: int
    until: int


class Cluster(msgspec.Struct, frozen=True):
    """What is kept of a cluster: files by month, and the spans of time of which everything is known."""

    months: dict[str, list[Part]] = {}
    known: list[Coverage] = []


class MappedBy(msgspec.Struct, frozen=True):
    """The files that said last whose usage it is: accounts and associations; empty where none did."""

    accounts: str = ""
    associations: str = ""


class Manifest(msgspec.Struct):
    """What is written of an archive. ``assumed`` is the cluster that records without one were taken to be of."""

    version: int = VERSION
    next_number: int = 1
    clusters: dict[str, Cluster] = {}
    unposted: list[str] = []
    assumed: str = ""
    mapped_by: MappedBy = MappedBy()


@dataclass(slots=True)
class Kept:
    """Attempts that are kept in files at ``address``, a directory or the URL of one.

    ``holds_once``: each attempt is in these files once; otherwise its records are still to be joined.
    """

    address: str
    manifest: Manifest

    @property
    def holds_once(self) -> bool:
        """Whether the files were merged when they were written."""
        return True

    @property
    def clusters(self) -> Mapping[str, Cluster]:
        """The clusters of which something is kept, by name."""
        return self.manifest.clusters

    @property
    def written(self) -> bytes:
        """What is written of it: it tells which files hold."""
        return msgspec.json.encode(self.manifest)

    def map_by(self, files: MappedBy) -> None:
        """Write down which files said whose usage it is."""
        if self.manifest.mapped_by != files:
            self.manifest.mapped_by = files
            self.write()

    @property
    def unposted(self) -> Sequence[str]:
        """The months (``2026-10``) that were changed, and not yet posted whole."""
        return self.manifest.unposted

    @property
    def parts(self) -> Iterator[tuple[str, str, Part]]:
        """Every file with its cluster and what it holds."""
        for name, cluster in sorted(self.clusters.items()):
            for month, parts in sorted(cluster.months.items()):
                for part in parts:
                    yield self.place_of(name, month, part.number), name, part

    def files(self, start: int, end: int) -> list[str]:
        """Return the files with attempts between *start* and *end*, and with what may be records of these."""
        if self.has_unsure:
            start, end = self._around(start, end)
        found = [file for file, _, part in self.parts if part.start < end and part.end > start]
        return list(dict.fromkeys(found))

    def _around(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of all that is in the files with attempts between *start* and *end*."""
        found = [part for _, _, part in self.parts if part.start < end and part.end > start]
        starts, ends = [part.start for part in found], [part.end for part in found]
        return min(starts, default=start), max(ends, default=end)

    @property
    def seen_until(self) -> Mapping[str, int]:
        """How far at least the attempts of each cluster had come that are not ended, where there are any."""
        seen: dict[str, int] = {}
        for _, name, part in self.parts:
            if part.seen_until is not None:
                seen[name] = min(part.seen_until, seen.get(name, part.seen_until))
        return seen

    @property
    def has_unsure(self) -> bool:
        """Whether some attempts do not tell when they were submitted."""
        return any(part.has_unsure for _, _, part in self.parts)

    def mark(self, months: Iterable[Month]) -> None:
        """Write down that *months* are to be posted."""
        self.manifest.unposted = sorted({*self.unposted, *map(str, months)})
        self.write()

    def posted(self, but: Iterable[Month] = ()) -> None:
        """Write down that all months were posted *but* these."""
        left = sorted(map(str, but))
        if self.unposted != left:
            self.manifest.unposted = left
            self.write()

    def place_of(self, cluster: str, month: str, number: int) -> str:
        """Return where a file is."""
        return f"{self.address}/{_file_name(cluster)}/{month}/{number}.parquet"

    def write(self) -> None:
        """Keep what was written down: here, no longer than this process lives."""


class _Version(msgspec.Struct):
    version: int


def read_manifest(content: bytes, name: str) -> Manifest:
    """Read what is written of an archive. Raises ``UnreadableError``, also of what a newer version wrote."""
    try:
        if msgspec.json.decode(content, type=_Version).version > VERSION:
            raise UnreadableError(f"the archive's {name} was written by a newer nodehours")
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(f"the archive's {name} cannot be read: {error}") from error


def _file_name(cluster: str) -> str:
    """Name a directory: another one for each cluster, also where letters' case makes no difference."""
    told = cluster.encode("utf-8", "surrogatepass")
    name = "".join(chr(one) if chr(one) in _PLAIN else f"%{one:02x}" for one in told) or "%"
    return (
        name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}%{hashlib.sha256(told).hexdigest()}"
    )


def months_of(start: int, end: int) -> list[Month]:
    """Return the months of a span, in whatever time zone."""
    if not end:
        return []
    first, last = (
        Month.of(datetime.fromtimestamp(at, UTC).date())
        for at in (start - DAY_SECONDS, end + DAY_SECONDS)
    )
    return list(Period(first, months_after(last, 1)).months)
