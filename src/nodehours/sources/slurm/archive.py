"""The archive of jobs: attempts as Parquet, a directory for each cluster and month of submission (UTC).

    ARCHIVE/archive.json             what holds: which files, of what, and from when to when something is known
    ARCHIVE/lab/2026-10/1.parquet    attempts, with the columns of ``Attempt``

Records of one attempt become one: what it came to at last holds, from its earliest start. So it does not matter in
how many files, windows and runs records come, in which order, or how often. Files are written whole and are never
changed; a new ``archive.json`` takes the place of the old one, and only then what holds no more is removed.
One process at a time writes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import msgspec
import pyarrow as pa
from msgspec.structs import replace

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.merging import engine, merged, span_of
from nodehours.sources.slurm.staging import Staging
from nodehours.terms.month import Month
from nodehours.terms.period import Period, months_after

MANIFEST: Final = "archive.json"
VERSION: Final = 1
_STAGED: Final = ".staged-"  # no cluster's directory is called so
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


class _Version(msgspec.Struct):
    version: int


class _Manifest(msgspec.Struct):
    version: int = VERSION
    next_number: int = 1
    clusters: dict[str, Cluster] = {}
    unposted: list[str] = []


@dataclass(frozen=True, slots=True)
class Added:
    """What came in: how many attempts, how many of them new or changed, and the span of all of them.

    ``start`` and ``end`` are seconds since 1970, both 0 where there was none.
    """

    attempts: int = 0
    changed: int = 0
    start: int = 0
    end: int = 0


@dataclass(slots=True)
class Archive:
    """An archive that is open for writing. What reckons with it takes up to ``memory``, and the disk beyond that."""

    directory: Path
    _manifest: _Manifest
    memory: str = "1GB"

    @classmethod
    def of(cls, directory: Path, memory: str) -> Archive:
        """Return the archive in *directory*, to which nobody else writes; begin it where there is none."""
        found = _read(directory / MANIFEST)
        archive = cls(directory, found or _Manifest(), memory)
        if found:
            archive._clean()
        elif any(_files(directory)):
            raise UnreadableError(
                f"the archive {directory} has files of attempts, but its {MANIFEST} is not there"
            )
        else:
            archive._write()
        return archive

    @property
    def clusters(self) -> Mapping[str, Cluster]:
        """The clusters of which something is kept, by name."""
        return self._manifest.clusters

    @property
    def written(self) -> bytes:
        """What is written of it: it tells which files hold."""
        return msgspec.json.encode(self._manifest)

    @property
    def unposted(self) -> Sequence[str]:
        """The months (``2026-10``) that were changed, and not yet posted whole."""
        return self._manifest.unposted

    @property
    def parts(self) -> Iterator[tuple[Path, str, Part]]:
        """Every file with its cluster and what it holds."""
        for name, cluster in sorted(self.clusters.items()):
            for month, parts in sorted(cluster.months.items()):
                for part in parts:
                    yield self._path(name, month, part.number), name, part

    def files(self, start: int, end: int) -> list[Path]:
        """Return the files with attempts between *start* and *end*."""
        return [path for path, _, part in self.parts if part.start < end and part.end > start]

    @property
    def has_unsure(self) -> bool:
        """Whether some attempts do not tell when they were submitted."""
        return any(part.has_unsure for _, _, part in self.parts)

    def add(self, batches: Iterable[pa.RecordBatch]) -> Added:
        """Take in *batches* of attempts, all of them or none."""
        with _writing(self.directory), TemporaryDirectory(prefix=_STAGED, dir=self.directory) as at:
            staged = Staging(Path(at))
            for batch in batches:
                staged.add(batch)
            staged.close()
            changed = self._merge(staged)
        return Added(staged.attempts, changed, staged.start, staged.end)

    def cover(self, cluster: str, since: int, until: int) -> None:
        """Write down that everything of *cluster* is known from *since* until *until*."""
        known = self.clusters.get(cluster, Cluster())
        spans = _joined([*known.known, Coverage(since, until)])
        self._manifest.clusters[cluster] = replace(known, known=spans)
        self._write()

    def mark(self, months: Iterable[Month]) -> None:
        """Write down that *months* are to be posted."""
        self._manifest.unposted = sorted({*self.unposted, *map(str, months)})
        self._write()

    def posted(self) -> None:
        """Write down that all months were posted."""
        if self.unposted:
            self._manifest.unposted = []
            self._write()

    def _merge(self, staged: Staging) -> int:
        changed, replaced = 0, []
        clusters = dict(self.clusters)
        with engine(self.memory) as database:
            for (name, month), path in sorted(staged.paths.items()):
                cluster = clusters.get(name, Cluster())
                kept = cluster.months.get(month, [])
                old = [self._path(name, month, part.number) for part in kept]
                found = merged(database, path, old, path.with_suffix(".new"))
                if not found.changed:
                    continue
                changed += found.changed
                part = self._keep(database, found.path, name, month)
                parts = [*kept, part] if found.is_added else [part]
                replaced += [] if found.is_added else old
                clusters[name] = replace(cluster, months={**cluster.months, month: parts})
        self._manifest.clusters = clusters
        self.mark(_months(staged.start, staged.end))
        for path in replaced:
            path.unlink()
        return changed

    def _keep(
        self, database: duckdb.DuckDBPyConnection, path: Path, cluster: str, month: str
    ) -> Part:
        number = self._manifest.next_number
        self._manifest.next_number += 1
        kept = self._path(cluster, month, number)
        kept.parent.mkdir(parents=True, exist_ok=True)
        _flush(path)
        path.rename(kept)
        _flush(kept.parent)
        return Part(number, *span_of(database, kept))

    def _path(self, cluster: str, month: str, number: int) -> Path:
        return self.directory / _file_name(cluster) / month / f"{number}.parquet"

    def _clean(self) -> None:
        """Remove what a process left that was killed: files that do not hold."""
        held = {path for path, _, _ in self.parts}
        with _writing(self.directory):
            for path in _files(self.directory):
                if path not in held:
                    path.unlink()
            for path in self.directory.glob(f"{_STAGED}*"):
                shutil.rmtree(path)

    def _write(self) -> None:
        with _writing(self.directory):
            written = self.directory / f"{MANIFEST}.new"
            written.write_bytes(msgspec.json.format(msgspec.json.encode(self._manifest), indent=1))
            _flush(written)
            written.rename(self.directory / MANIFEST)
            _flush(self.directory)


@contextmanager
def opened_archive(directory: Path, memory: str = "1GB") -> Iterator[Archive]:
    """Open the archive in *directory*, which is made when it is not there; wait while another process has it.

    Raises ``UnreadableError`` when it cannot be written to, is damaged, or was written by a newer version; so do
    the archive's methods that write.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UnreadableError(
            f"the archive {directory} cannot be opened: {error.strerror}"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Archive.of(directory, memory)
    finally:
        os.close(lock)


def copied_archive(directory: Path, copy: Path) -> None:
    """Make *copy* an archive of the same attempts."""
    if not directory.exists():
        return
    with opened_archive(directory) as archive:
        for path, _, _ in archive.parts:
            other = copy / path.relative_to(directory)
            other.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, other)
        (copy / MANIFEST).write_bytes(archive.written)


def _read(path: Path) -> _Manifest | None:
    try:
        written = path.read_bytes()
        if msgspec.json.decode(written, type=_Version).version > VERSION:
            raise UnreadableError(f"the archive's {path} was written by a newer nodehours")
        return msgspec.json.decode(written, type=_Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(f"the archive's {path} cannot be read: {error}") from error


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.Error) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"the archive {directory} cannot be written: {said}") from error


def _files(directory: Path) -> Iterator[Path]:
    """Give the files that are called as those of attempts: whatever else is there is left alone."""
    found = directory.glob("*/????-??/*.parquet")
    return (path for path in found if path.stem.isdecimal())


def _months(start: int, end: int) -> list[Month]:
    """Return the months of a span, in whatever time zone."""
    if not end:
        return []
    first, last = (
        Month.of(datetime.fromtimestamp(at, UTC).date()) for at in (start - 86_400, end + 86_400)
    )
    return list(Period(first, months_after(last, 1)).months)


def _joined(spans: Iterable[Coverage]) -> list[Coverage]:
    """Join spans that meet."""
    joined: list[Coverage] = []
    for span in sorted(spans, key=lambda one: (one.since, one.until)):
        if joined and span.since <= joined[-1].until:
            joined[-1] = Coverage(joined[-1].since, max(joined[-1].until, span.until))
        else:
            joined.append(span)
    return joined


def _file_name(cluster: str) -> str:
    """Name a directory: another one for each cluster, also where letters' case makes no difference."""
    told = cluster.encode("utf-8", "surrogatepass")
    name = "".join(chr(one) if chr(one) in _PLAIN else f"%{one:02x}" for one in told) or "%"
    return (
        name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}%{hashlib.sha256(told).hexdigest()}"
    )


def _flush(path: Path) -> None:
    """Have a file or directory on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
