"""sacct's text as columns: ``--parsable2`` and ``--parsable``, with its first line of names or without.

Nothing is quoted or escaped in it: a line is a record, unless a free text (the name of a job) holds the mark between
fields or the end of a line. Lines of another count of fields are odd: they are kept by their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
from pyarrow import csv

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.slurm.fields import RECOMMENDED, columns_of, is_header
from nodehours.sources.slurm.lines import MAX_LINE_BYTES, PIECE_BYTES, LegibleLines
from nodehours.sources.slurm.mending import MARK
from nodehours.terms.fault import shown

_BLOCK_BYTES: Final = PIECE_BYTES + 2 * MAX_LINE_BYTES
_MAX_HEADER_BYTES: Final = 2**16
_MAX_ODD: Final = 1_000_000
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Texts:
    """The records of a document, batch after batch, and the lines that are none by their numbers.

    ``odd`` are those that were met until now. ``done`` is about how many bytes were read.
    """

    names: tuple[str, ...]
    columns: dict[str, int]
    batches: Iterator[pa.RecordBatch]
    first_line: int
    odd: dict[int, str] = field(default_factory=dict)
    done: int = 0

    def lines_of(self, places: Iterable[int]) -> Iterator[int]:
        """Give the lines of the records at *places*, counted from 0 and in order, when all batches are read."""
        odd = iter(self.odd)
        before, line = 0, next(odd, None)
        for place in places:
            while line is not None and line <= self.first_line + place + before:
                before, line = before + 1, next(odd, None)
            yield self.first_line + place + before


def read_texts(document: Document, names: Sequence[str] = (), counts: Iterable[str] = ()) -> Texts:
    """Begin to read; *names* are those of the fields where no first line tells them.

    Raises ``UnreadableError`` when nobody tells them, or one that is needed is missing, or that of a TRES of *counts*.
    """
    line, start = _first_line(document)
    first = line.split(MARK)
    has_header = is_header(first)
    if not has_header and not names:
        raise UnreadableError(
            f"its first line, {shown(line)}, does not name the fields that `sacct --parsable2` tells; of sacct"
            f" --noheader say with --format which they are (such as {RECOMMENDED})"
        )
    told = tuple(first if has_header else names)
    # sacct --parsable ends each line with a mark.
    if not has_header and len(first) == len(told) + 1 and not first[-1]:
        told = (*told, "")
    columns = columns_of(told, counts)
    texts = Texts(told, columns, iter(()), 1 + has_header)
    begin = start if has_header else len(_BOM) * (document.content[:3] == _BOM)
    texts.batches = _batches(document, texts, begin)
    return texts


def _first_line(document: Document) -> tuple[str, int]:
    """Return the first line, and where the second one begins."""
    end = document.content.find(b"\n", 0, _MAX_HEADER_BYTES)
    line = document.content[: end if end >= 0 else _MAX_HEADER_BYTES]
    start = end + 1 or len(document.content)
    return line.decode("utf-8-sig", "backslashreplace").rstrip("\r"), start


def _batches(document: Document, texts: Texts, start: int) -> Iterator[pa.RecordBatch]:
    def keep(row: Any) -> str:
        texts.odd[texts.first_line + row.number - 1] = row.text
        return "skip" if len(texts.odd) <= _MAX_ODD else "error"

    numbers = [f"f{at}" for at in range(len(texts.names))]
    wanted = [numbers[at] for at in texts.columns.values()]
    lines = LegibleLines(document.content, start)
    try:
        reader = csv.open_csv(
            lines,
            csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=numbers),
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
            texts.done = lines.done
            yield batch.rename_columns(list(texts.columns))
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise UnreadableError(f"it cannot be read as lines of fields: {error}") from error
