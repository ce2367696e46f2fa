"""Documents of job records in whatever form: text, JSON, or Parquet with sacct's fields as columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.slurm.ahead import ahead
from nodehours.sources.slurm.attempt import Attempt, Told, read_attempt
from nodehours.sources.slurm.batches import Batches, batch_of
from nodehours.sources.slurm.fields import is_header, plain_names
from nodehours.sources.slurm.json_records import read_jobs
from nodehours.sources.slurm.lines import MAX_LINE_BYTES, lines_at
from nodehours.sources.slurm.mending import MARK, Mending
from nodehours.sources.slurm.parquet_records import parquet_texts
from nodehours.sources.slurm.text import Texts, read_texts

MAX_BAD: Final = 250_000
"""How many bad records are borne; a document with more is not what it was taken for."""

_FEW: Final = 9
_PARQUET: Final = b"PAR1"
_OBJECT: Final = re.compile(rb"\s*\{")
_LOCAL: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T"
_BLANKS: Final = " \r"
_BATCH: Final = 2**16


def unheard(done: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that is not understood: where it is, what is wrong with it, and its own text."""

    place: str
    sentence: str
    text: str


@dataclass(slots=True)
class JobRecords:
    """Reads a document; what was not understood is told after the last batch. ``records`` counts all of them.

    ``counts`` are the TRES that must be told. ``done`` tells about how many of the document's bytes were read.
    """

    document: Document
    told: Told
    names: Sequence[str] = ()
    counts: Iterable[str] = ()
    bad: list[BadRecord] = field(default_factory=list)
    records: int = 0
    done: int = 0

    def batches(self, tell: Callable[[int], None] = unheard) -> Iterator[pa.RecordBatch]:
        """Give the attempts, batch after batch; *tell* is called with about how many bytes were read.

        Raises ``UnreadableError`` when nothing more can be read.
        """
        tell(0)
        for batch in self._batches():
            tell(self.done)
            yield batch
        tell(len(self.document.content))

    def _batches(self) -> Iterator[pa.RecordBatch]:
        content = self.document.content
        if content[:4] == _PARQUET:
            yield from self._parquet()
        elif _OBJECT.match(content):
            yield from self._json()
        else:
            yield from self._text()

    def _text(self) -> Iterator[pa.RecordBatch]:
        texts = read_texts(self.document, self.names, self.counts)
        reader = Batches(self.told)
        faults: list[tuple[int, str]] = []
        with closing(ahead(texts.batches)) as batches:
            for batch in batches:
                self._refuse_local(batch)
                found, wrong = reader.read(batch)
                faults += [(self.records + one.place, one.sentence) for one in wrong]
                self._bear(len(faults), f"the first one: {faults[0][1]}" if faults else "")
                self.records += len(batch)
                self.done = texts.done
                yield found
        bad = dict(
            zip(texts.lines_of(at for at, _ in faults), (said for _, said in faults), strict=True)
        )
        mended = self._mended(texts, bad)
        if texts.first_line == 1 and self.records > _FEW and len(bad) == self.records:
            line = min(bad)
            raise UnreadableError(
                f"by the fields that --format names none of its {self.records} records is understood, such as line"
                f" {line}: {bad[line]}"
            )
        yield batch_of(mended)
        self._tell(bad)

    def _refuse_local(self, batch: pa.RecordBatch) -> None:
        """Refuse local times of no time zone: all records would be wrong for the same reason."""
        if self.told.zone is not None or self.records:
            return
        local = pc.filter(batch["start"], pc.match_substring_regex(batch["start"], _LOCAL))
        if len(local):
            raise UnreadableError(
                f"its times are local, such as {local[0].as_py()}: say with --timezone of which time zone they are,"
                " or have sacct tell seconds since 1970 (SLURM_TIME_FORMAT=%s TZ=UTC)"
            )

    def _mended(self, texts: Texts, bad: dict[int, str]) -> list[Attempt]:
        """Return the attempts among the odd lines and the *bad* ones, and leave in *bad* what stays so.

        A line may have as many fields as it should and still be the end of a record that began in the line before.
        """
        self.records -= len(bad)
        odd = dict(sorted({**texts.odd, **dict(self._lines(bad))}.items()))
        for line in [line for line, text in odd.items() if is_header(text.split(MARK))]:
            # Files that were put together have their first line again.
            if plain_names(odd[line].split(MARK)) != plain_names(texts.names):
                raise UnreadableError(
                    f"line {line} names other fields than those before it: take in the parts as files of their own"
                )
            bad.pop(line, None)
            del odd[line]
        found: list[Attempt] = []
        for one in Mending(texts.names, texts.columns, self._attempt).mended(odd):
            text = odd[one.line].strip(_BLANKS)
            self.records += bool(text)
            found += [one.attempt] if one.attempt else []
            for line in range(one.line, one.line + one.lines) if one.is_record else ():
                bad.pop(line, None)
            if text and not one.is_record:
                fields = text.count(MARK) + 1
                bad.setdefault(one.line, f"{fields} fields, where {len(texts.names)} are named")
        self._bear(len(bad), "")
        return found

    def _attempt(self, record: Mapping[str, str]) -> Attempt | None:
        return read_attempt(record, self.told)

    def _lines(self, numbers: Iterable[int]) -> Iterator[tuple[int, str]]:
        lines = sorted(numbers)
        return zip(lines, lines_at(self.document.content, lines), strict=True)

    def _tell(self, bad: Mapping[int, str]) -> None:
        """Tell bad lines as they are in the document."""
        for line, text in self._lines(bad):
            is_long = len(text) >= MAX_LINE_BYTES
            sentence = f"it is longer than {MAX_LINE_BYTES} bytes" if is_long else bad[line]
            self.bad.append(BadRecord(f"line {line}", sentence, text))

    def _bear(self, bad: int, more: str) -> None:
        if bad > MAX_BAD:
            raise UnreadableError(
                f"more than {MAX_BAD} of its records are not understood{more and f'; {more}'}"
            )

    def _json(self) -> Iterator[pa.RecordBatch]:
        found: list[Attempt] = []
        for job in read_jobs(self.document):
            self.records += 1
            self.done = job.end
            try:
                attempt = read_attempt(job.record(), self.told)
            except ValueError as error:
                text = job.text.decode("utf-8", "backslashreplace")
                self.bad.append(BadRecord(f"job {job.number}", str(error), text))
                self._bear(len(self.bad), f"the first one: {self.bad[0].sentence}")
                continue
            found += [attempt] if attempt else []
            if len(found) >= _BATCH:
                yield batch_of(found)
                found = []
        yield batch_of(found)

    def _parquet(self) -> Iterator[pa.RecordBatch]:
        reader = Batches(self.told)
        size = len(self.document.content)
        for texts, share in parquet_texts(self.document, self.counts):
            found, faults = reader.read(texts)
            self.bad += [
                BadRecord(f"row {self.records + one.place + 1}", one.sentence, _written(one.record))
                for one in faults
            ]
            self._bear(len(self.bad), f"the first one: {self.bad[0].sentence}" if self.bad else "")
            self.records += len(texts)
            self.done = int(size * share)
            yield found


def _written(record: Mapping[str, str]) -> str:
    return msgspec.json.encode(record).decode()
