"""sacct's text as columns: ``--parsable2`` and ``--parsable``, with its first line of names or without.

Nothing is quoted or escaped in it: a line is a record, unless a free text (the name of a job) holds the mark between
fields or the end of a line. Lines of another count of fields are put together again where there is only one way to do
so, and are handed over as they are where there is not. Bytes that are no UTF-8 are told by their numbers.
"""

from __future__ import annotations

import codecs
import io
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import pyarrow as pa
from pyarrow import csv

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.slurm.fields import FREE_TEXTS, RECOMMENDED, columns_of, is_header

MARK: Final = "|"
_BLOCK_BYTES: Final = 4 * 2**20
_MAX_HEADER_BYTES: Final = 2**16
_MAX_ODD: Final = 1_000_000
_MAX_JOINED: Final = 32
_MAX_WAYS: Final = 2_000


@dataclass(slots=True)
class Texts:
    """The records of a document, batch after batch, and the lines that are none by their numbers."""

    names: tuple[str, ...]
    columns: dict[str, int]
    batches: Iterator[pa.RecordBatch]
    first_line: int
    odd: dict[int, str] = field(default_factory=dict)

    def line_of(self, place: int) -> int:
        """Return at which line the record is that has so many others, odd lines aside, before it."""
        odd = list(self.odd)
        low, high = place, place + len(odd)
        while low < high:
            middle = (low + high) // 2
            line = self.first_line + middle
            if middle - bisect_left(odd, line + 1) < place:
                low = middle + 1
            else:
                high = middle
        return self.first_line + low

    def written(self, record: Mapping[str, str]) -> str:
        """Write what was read of a record as a line; what was not read of it is empty."""
        fields = [""] * len(self.names)
        for name, at in self.columns.items():
            fields[at] = record[name]
        return MARK.join(fields)

    def mended(self, is_sound: Callable[[dict[str, str]], bool]) -> Iterator[Mended]:
        """Put odd lines together again, after all batches: what *is_sound* in one way only is the record.

        Gives all odd lines, those that stay odd without a record.
        """
        lines = list(self.odd)
        at = 0
        while at < len(lines):
            found = next(self._joined(lines, at, is_sound), Mended(lines[at], self.odd[lines[at]]))
            yield found
            at += found.text.count("\n") + 1

    def _joined(
        self, lines: Sequence[int], at: int, is_sound: Callable[[dict[str, str]], bool]
    ) -> Iterator[Mended]:
        text = ""
        for line in lines[at : at + _MAX_JOINED]:
            if text and line != lines[at] + text.count("\n") + 1:
                return
            text = f"{text}\n{self.odd[line]}" if text else self.odd[line]
            fields = text.split(MARK)
            if len(fields) >= len(self.names) and (record := self._record(fields, is_sound)):
                yield Mended(lines[at], text, record)

    def _record(
        self, fields: Sequence[str], is_sound: Callable[[dict[str, str]], bool]
    ) -> dict[str, str] | None:
        free = [at for at, name in enumerate(self.names) if name.strip().lower() in FREE_TEXTS]
        found: list[dict[str, str]] = []
        for ways, more in enumerate(_shared(len(fields) - len(self.names), len(free))):
            if ways == _MAX_WAYS:
                return None
            before = dict(zip(free, more, strict=True))
            record = {
                name: fields[at + sum(count for place, count in before.items() if place < at)]
                for name, at in self.columns.items()
            }
            if record not in found and is_sound(record):
                found.append(record)
        return found[0] if len(found) == 1 else None


class Mended(NamedTuple):
    """Odd lines from number ``line`` on, as one text, and the record that they are (None: nobody knows)."""

    line: int
    text: str
    record: dict[str, str] | None = None


def _shared(count: int, among: int) -> Iterator[tuple[int, ...]]:
    """Give every way to share *count* things *among* so many."""
    if among == 0:
        yield from [()] if count == 0 else []
        return
    for first in range(count + 1) if among > 1 else [count]:
        for rest in _shared(count - first, among - 1):
            yield first, *rest


def read_texts(document: Document, names: Sequence[str] = ()) -> Texts:
    """Begin to read; *names* are those of the fields where no first line tells them.

    Raises ``UnreadableError`` when nobody tells them, or one that is needed is missing.
    """
    first = _first_line(document)
    has_header = is_header(first)
    if not has_header and not names:
        raise UnreadableError(
            f"its first line does not name the fields: say with --format which they are (such as {RECOMMENDED})"
        )
    told = tuple(first if has_header else names)
    # sacct --parsable ends each line with a mark.
    if not has_header and len(first) == len(told) + 1 and not first[-1]:
        told = (*told, "")
    texts = Texts(told, columns_of(told), iter(()), 2 if has_header else 1)
    texts.batches = _batches(document, texts, skipped=int(has_header))
    return texts


def _first_line(document: Document) -> list[str]:
    end = document.content.find(b"\n", 0, _MAX_HEADER_BYTES)
    line = document.content[: end if end >= 0 else _MAX_HEADER_BYTES]
    return line.decode("utf-8-sig", "backslashreplace").rstrip("\r").split(MARK)


def _batches(document: Document, texts: Texts, *, skipped: int) -> Iterator[pa.RecordBatch]:
    def keep(row: Any) -> str:
        texts.odd[row.number] = row.text
        return "skip" if len(texts.odd) <= _MAX_ODD else "error"

    numbers = [f"f{at}" for at in range(len(texts.names))]
    wanted = [numbers[at] for at in texts.columns.values()]
    try:
        reader = csv.open_csv(
            _Legible(document),
            csv.ReadOptions(
                use_threads=False, block_size=_BLOCK_BYTES, skip_rows=skipped, column_names=numbers
            ),
            csv.ParseOptions(
                delimiter=MARK, quote_char=False, double_quote=False, escape_char=False,
                newlines_in_values=False, ignore_empty_lines=False, invalid_row_handler=keep,
            ),
            csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=False, check_utf8=False,
            ),
        )  # fmt: skip
        for batch in reader:
            yield batch.rename_columns(list(texts.columns))
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise UnreadableError(f"it cannot be read as lines of fields: {error}") from error


class _Legible(io.RawIOBase):
    """A document's bytes as UTF-8, whatever they are."""

    def __init__(self, document: Document) -> None:
        self._content = document.content
        self._at = 0
        self._left = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Read up to *size* bytes; none are left when there are none."""
        if not self._left:
            self._left = self._next(max(size, 2**16) if size >= 0 else len(self._content))
        found, self._left = (
            (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        )
        return found

    def _next(self, size: int) -> bytes:
        chunk = self._content[self._at : self._at + size]
        self._at += len(chunk)
        is_last = self._at >= len(self._content)
        return self._decoder.decode(chunk, final=is_last).encode()
