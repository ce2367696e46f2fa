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
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import msgspec
import pyarrow as pa
from msgspec.structs import replace

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.ahead import ahead
from nodehours.sources.slurm.kept import (
    MANIFEST,
    NEAR_SECONDS,
    Cluster,
    Coverage,
    Kept,
    Manifest,
    MappedBy,
    Part,
    months_of,
    read_manifest,
)
from nodehours.sources.slurm.merging import engine, merged, overlapped, span_of
from nodehours.sources.slurm.staging import Staging

_STAGED: Final = ".staged-"  # no cluster's directory is called so


@dataclass(frozen=True, slots=True)
class Added:
    """What came in: how many attempts that used something, how many were new or changed, the span of all of them, and
    of which clusters.

    ``start`` and ``end`` are seconds since 1970, both 0 where there was none.
    """

    attempts: int = 0
    changed: int = 0
    start: int = 0
    end: int = 0
    clusters: frozenset[str] = frozenset()


@dataclass(slots=True)
class Archive(Kept):
    """An archive that is open for writing. What merges takes up to ``memory``, and the disk beyond that."""

    directory: Path
    memory: str = "1GB"

    @classmethod
    def of(cls, directory: Path, memory: str) -> Archive:
        """Return the archive in *directory*, to which nobody else writes; begin it where there is none."""
        found = _read(directory / MANIFEST)
        archive = cls(str(directory), found or Manifest(), directory, memory)
        if found:
            archive._check()
            archive._clean()
        elif any(_files(directory)):
            raise UnreadableError(
                f"the archive {directory} has files of attempts, but its {MANIFEST} is not there"
            )
        else:
            archive.write()
        return archive

    def add(self, batches: Iterable[pa.RecordBatch], assumed: str = "") -> Added:
        """Take in *batches* of attempts, all of them or none.

        *assumed* is the cluster that those without one were taken to be of, if nobody said so. Raises
        ``UnreadableError`` when there are others later: the same jobs would be there twice.
        """
        with _writing(self.directory), TemporaryDirectory(prefix=_STAGED, dir=self.directory) as at:
            staged = Staging(Path(at))
            with closing(ahead(batches)) as coming:
                for batch in coming:
                    staged.add(batch)
            staged.close()
            names = frozenset(name for name, _ in staged.paths)
            self._assume(names, assumed)
            changed = self._merge(staged)
        return Added(staged.attempts, changed, staged.start, staged.end, names)

    def cover(self, cluster: str, since: int, until: int) -> None:
        """Write down that everything of *cluster* is known from *since* until *until*."""
        known = self.clusters.get(cluster, Cluster())
        spans = _joined([*known.known, Coverage(since, until)])
        if spans == list(known.known) or since >= until:
            return
        self.manifest.clusters[cluster] = replace(known, known=spans)
        self.mark(months_of(since, until))

    def _assume(self, names: frozenset[str], assumed: str) -> None:
        taken = self.manifest.assumed
        if taken and (others := names - {taken}):
            raise UnreadableError(
                f"jobs that named no cluster were taken to be of {taken}, and these are of {', '.join(sorted(others))}:"
                " if they are the same, move the archive away and take in all logs again, with --new-archive and"
                " --cluster NAME for those that name none"
            )
        if assumed in names:
            self.manifest.assumed = assumed

    def _merge(self, staged: Staging) -> int:
        changed, replaced = 0, []
        # Jobs show that days around them are known.
        spans = [(staged.start - NEAR_SECONDS, staged.end + NEAR_SECONDS)] if staged.paths else []
        clusters, seen = dict(self.clusters), self.seen_until
        with engine(self.memory) as database:
            for (name, month), path in sorted(staged.paths.items()):
                cluster = clusters.get(name, Cluster())
                kept = cluster.months.get(month, [])
                old = [self._path(name, month, part.number) for part in kept]
                spans.append(self._overlapped(database, name, path))
                found = merged(database, path, old, path.with_suffix(".new"))
                if not found.changed:
                    continue
                changed += found.changed
                spans.append(found.replaced)
                part = self._keep(database, found.path, name, month)
                parts = [*kept, part] if found.is_added else [part]
                replaced += [] if found.is_added else old
                clusters[name] = replace(cluster, months={**cluster.months, month: parts})
        self.manifest.clusters = clusters
        spans += _spans_between(
            seen, self.seen_until, max([part.end for _, _, part in self.parts], default=0)
        )
        self.mark(month for span in spans for month in months_of(*span))
        for path in replaced:
            path.unlink()
        return changed

    def _overlapped(
        self, database: duckdb.DuckDBPyConnection, cluster: str, path: Path
    ) -> tuple[int, int]:
        """Return the span of attempts of *cluster* of which those at *path* may be told otherwise."""
        if not self.has_unsure and not span_of(database, path).has_unsure:
            return 0, 0
        kept = [Path(place) for place, name, _ in self.parts if name == cluster]
        return overlapped(database, path, kept)

    def _keep(
        self, database: duckdb.DuckDBPyConnection, path: Path, cluster: str, month: str
    ) -> Part:
        number = self.manifest.next_number
        self.manifest.next_number += 1
        kept = self._path(cluster, month, number)
        kept.parent.mkdir(parents=True, exist_ok=True)
        _flush(path)
        path.rename(kept)
        _flush(kept.parent)
        return Part(number, *span_of(database, kept))

    def _path(self, cluster: str, month: str, number: int) -> Path:
        return Path(self.place_of(cluster, month, number))

    def _check(self) -> None:
        """Refuse to go on without files that hold."""
        lost = [place for place, _, _ in self.parts if not Path(place).exists()]
        if lost:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            raise UnreadableError(
                f"{lost[0]}{more} is not there, but {MANIFEST} names it: bring it back, or move the archive away and"
                " take in all jobs again, with --new-archive"
            )

    def _clean(self) -> None:
        """Remove what a process left that was killed: files that do not hold."""
        held = {Path(place) for place, _, _ in self.parts}
        with _writing(self.directory):
            for path in _files(self.directory):
                if path not in held:
                    path.unlink()
            for path in self.directory.glob(f"{_STAGED}*"):
                shutil.rmtree(path)

    def write(self) -> None:
        """Have what holds on the disk."""
        with _writing(self.directory):
            written = self.directory / f"{MANIFEST}.new"
            written.write_bytes(msgspec.json.format(msgspec.json.encode(self.manifest), indent=1))
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


def is_archive(directory: Path) -> bool:
    """Tell whether there is an archive in *directory*, or what is left of one."""
    return (directory / MANIFEST).exists() or any(_files(directory))


def mapped_by(directory: Path) -> MappedBy:
    """Tell which files said last whose usage it is, of the archive in *directory*, if there is one.

    Raises ``UnreadableError`` when it is damaged.
    """
    found = _read(directory / MANIFEST)
    return found.mapped_by if found else MappedBy()


def copied_archive(directory: Path, copy: Path) -> None:
    """Make *copy* an archive of the same attempts."""
    if not directory.exists():
        return
    with opened_archive(directory) as archive:
        for place, _, _ in archive.parts:
            path = Path(place)
            other = copy / path.relative_to(directory)
            other.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, other)
        (copy / MANIFEST).write_bytes(archive.written)


def _read(path: Path) -> Manifest | None:
    try:
        return read_manifest(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableError(f"the archive's {path} cannot be read: {error}") from error


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.Error) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"the archive {directory} cannot be written: {said}") from error


def _spans_between(
    before: Mapping[str, int], after: Mapping[str, int], end: int
) -> list[tuple[int, int]]:
    """Return the spans of which it is another question now than *before* whether something still ran in them."""
    return [
        (min(bounds), max(bounds))
        for name in {*before, *after}
        if len(bounds := {before.get(name, end), after.get(name, end)}) > 1
    ]


def _files(directory: Path) -> Iterator[Path]:
    """Give the files that are called as those of attempts: whatever else is there is left alone."""
    found = directory.glob("*/????-??/*.parquet")
    return (path for path in found if path.stem.isdecimal())


def _joined(spans: Iterable[Coverage]) -> list[Coverage]:
    """Join spans that meet."""
    joined: list[Coverage] = []
    for span in sorted(spans, key=lambda one: (one.since, one.until)):
        if joined and span.since <= joined[-1].until:
            joined[-1] = Coverage(joined[-1].since, max(joined[-1].until, span.until))
        else:
            joined.append(span)
    return joined


def _flush(path: Path) -> None:
    """Have a file or directory on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
