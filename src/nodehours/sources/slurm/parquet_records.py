"""Job records as Parquet: a table with sacct's fields as columns, in whatever types its writer gave them."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.slurm.fields import columns_of

_BATCH: Final = 2**16


def parquet_texts(
    document: Document, counts: Iterable[str] = ()
) -> Iterator[tuple[pa.RecordBatch, float]]:
    """Give the columns of ``fields.FIELDS`` that are told, as sacct's texts, batch after batch, and with each
    of them which share of all rows was read.

    Raises ``UnreadableError`` when the document cannot be read, or a column that is needed is missing, or that of a
    TRES of *counts*.
    """
    try:
        file = pq.ParquetFile(pa.PythonFile(_Slices(document.content), mode="r"))
        names = file.schema_arrow.names
        columns = columns_of(names, counts)
        wanted = [names[at] for at in columns.values()]
        read = 0
        for batch in file.iter_batches(_BATCH, columns=wanted):
            texts = [_text_of(batch.column(name)) for name in wanted]
            read += len(batch)
            yield pa.record_batch(texts, names=list(columns)), read / file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise UnreadableError(f"it cannot be read as Parquet: {error}") from error


class _Slices(io.RawIOBase):
    """A document's bytes as a file that holds on to none of them: it can be closed at any time."""

    def __init__(self, content: mmap.mmap | bytes) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        since = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._content)}
        self._at = max(0, since[whence] + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        found = self._content[self._at : self._at + size if size >= 0 else None]
        self._at += len(found)
        return found


def _text_of(column: pa.Array) -> pa.Array:
    """Return a column of numbers, times or texts as sacct would tell it."""
    if pa.types.is_timestamp(column.type):
        column = _told_times(column)
    if pa.types.is_duration(column.type):
        column = pc.cast(pc.cast(column, pa.duration("s"), safe=False), pa.int64())
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        column = _whole(column)
    return pc.fill_null(pc.cast(column, pa.string()), "")


def _told_times(column: pa.Array) -> pa.Array:
    if column.type.tz is not None:
        return pc.cast(pc.cast(column, pa.timestamp("s", "UTC"), safe=False), pa.int64())
    return pc.strftime(pc.cast(column, pa.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%S")


def _whole(column: pa.Array) -> pa.Array:
    """Return numbers as whole ones, if they are: a table with gaps has been through floating point."""
    told = column
    if pa.types.is_floating(column.type):
        told = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    try:
        return pc.cast(told, pa.int64())
    except pa.ArrowInvalid:
        return told
