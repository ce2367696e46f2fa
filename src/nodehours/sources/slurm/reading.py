"""Documents of job records in whatever form: text, JSON, or Parquet with sacct's fields as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.slurm.ahead import ahead
from nodehours.sources.slurm.attempt import Attempt, Told, read_attempt
from nodehours.sources.slurm.batches import Batches, Faulty, batch_of
from nodehours.sources.slurm.fields import columns_of
from nodehours.sources.slurm.json_records import read_jobs
from nodehours.sources.slurm.text import read_texts

_PARQUET: Final = b"PAR1"
_BATCH: Final = 2**16


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that is not understood: where it is, what is wrong with it, and its own text."""

    place: str
    sentence: str
    text: str


@dataclass(slots=True)
class JobRecords:
    """Reads a document; what was not understood is told after the last batch. ``records`` counts all of them."""

    document: Document
    told: Told
    names: Sequence[str] = ()
    bad: list[BadRecord] = field(default_factory=list)
    records: int = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Give the attempts, batch after batch. Raises ``UnreadableError`` when nothing more can be read."""
        content = self.document.content
        if content[:4] == _PARQUET:
            yield from self._parquet()
        elif content[:64].lstrip()[:1] == b"{":
            yield from self._json()
        else:
            yield from self._text()

    def _text(self) -> Iterator[pa.RecordBatch]:
        texts = read_texts(self.document, self.names)
        reader = Batches(self.told)
        faults: list[Faulty] = []
        place = 0
        with closing(ahead(texts.batches)) as batches:
            for batch in batches:
                found, wrong = reader.read(batch)
                faults += [one._replace(place=place + one.place) for one in wrong]
                place += len(batch)
                yield found
        lines = [texts.line_of(one.place) for one in faults]
        bad = [
            (line, BadRecord(f"line {line}", one.sentence, texts.written(one.record)))
            for line, one in zip(lines, faults, strict=True)
        ]
        found = []
        for odd in texts.mended(self._is_sound):
            if odd.record is None:
                fields = odd.text.count("|") + 1
                sentence = f"{fields} fields, where the first line names {len(texts.names)}"
                bad.append((odd.line, BadRecord(f"line {odd.line}", sentence, odd.text)))
            elif attempt := read_attempt(odd.record, self.told):
                found.append(attempt)
        self.records = place + len(texts.odd)
        self.bad += [one for _, one in sorted(bad, key=lambda at: at[0])]
        yield batch_of(found)

    def _is_sound(self, record: dict[str, str]) -> bool:
        try:
            read_attempt(record, self.told)
        except ValueError:
            return False
        return True

    def _json(self) -> Iterator[pa.RecordBatch]:
        found: list[Attempt] = []
        for job in read_jobs(self.document):
            self.records += 1
            try:
                if isinstance(job.record, ValueError):
                    raise job.record
                attempt = read_attempt(job.record, self.told)
            except ValueError as error:
                text = job.text.decode("utf-8", "backslashreplace") or str(job.record)
                self.bad.append(BadRecord(f"job {job.number}", str(error), text))
                continue
            found += [attempt] if attempt else []
            if len(found) >= _BATCH:
                yield batch_of(found)
                found = []
        yield batch_of(found)

    def _parquet(self) -> Iterator[pa.RecordBatch]:
        reader = Batches(self.told)
        try:
            file = pq.ParquetFile(pa.BufferReader(self.document.content))
            names = file.schema_arrow.names
            columns = columns_of(names)
            wanted = [names[at] for at in columns.values()]
            for batch in file.iter_batches(_BATCH, columns=wanted):
                texts = pa.record_batch(
                    [_text_of(batch.column(name)) for name in wanted], names=list(columns)
                )
                found, faults = reader.read(texts)
                self.bad += [
                    BadRecord(f"row {self.records + one.place + 1}", one.sentence, str(one.record))
                    for one in faults
                ]
                self.records += len(batch)
                yield found
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            raise UnreadableError(f"it cannot be read as Parquet: {error}") from error


def _text_of(column: pa.Array) -> pa.Array:
    """Return a column of numbers, times or texts as sacct would tell it."""
    if pa.types.is_timestamp(column.type):
        if column.type.tz is not None:
            column = pc.cast(pc.cast(column, pa.timestamp("s", "UTC"), safe=False), pa.int64())
        else:
            column = pc.strftime(
                pc.cast(column, pa.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%S"
            )
    return pc.fill_null(pc.cast(column, pa.string()), "")
