"""XLSX: a sheet with the readme and sheets with the rows, as many as it takes, compressed as they are written.

Text is text whatever it begins with. A figure of more digits than a spreadsheet keeps is a text as well.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from typing import IO, Final

from nodehours.faces.export import sheet
from nodehours.faces.export.outlet import Outlet
from nodehours.faces.export.readme import Readme
from nodehours.queries.export import Batch
from nodehours.queries.export_text import Text

MAX_ROWS: Final = 1_048_575
"""How many rows a sheet can have beside its header."""
MAX_BYTES: Final = 2**31 - 2**26
"""How large a sheet may become: a larger one needs a form of ZIP (ZIP64) that not every spreadsheet reads."""

# Text like this becomes little smaller with more effort, and takes twice as long.
_EFFORT = 1


class Xlsx:
    """A book that grows sheet by sheet."""

    text = Text.EXACT

    def __init__(
        self, readme: Readme, max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES
    ) -> None:
        self._readme = readme
        self._max_rows, self._max_bytes = max_rows, max_bytes
        self._outlet = Outlet()
        self._zip = zipfile.ZipFile(self._outlet, "w", zipfile.ZIP_DEFLATED, compresslevel=_EFFORT)
        self._names: list[str] = []
        self._sheet: IO[bytes] | None = None
        self._rows = self._bytes = 0

    def begin(self) -> Iterator[bytes]:
        """Yield the readme's sheet and the beginning of the first one of rows."""
        self._zip.writestr("_rels/.rels", sheet.RELATIONS)
        self._zip.writestr("xl/styles.xml", sheet.STYLES)
        self._begin_sheet("README", sheet.rows_begin(sheet.README_WIDTHS, is_frozen=False))
        for number, line in enumerate(self._readme.lines(), 1):
            self._write(sheet.text_row(number, line, is_bold=len(line) == 1 and number == 1))
        self._begin_sheet("usage", sheet.usage_begin())
        yield self._outlet.take()

    def add(self, batch: Batch) -> Iterator[bytes]:
        """Put the rows into their sheets, and yield what is compressed by now."""
        lines: list[str] = []
        for cells in csv.reader(io.StringIO(batch.text.decode(), newline=""), strict=True):
            if self._rows == self._max_rows or self._bytes >= self._max_bytes:
                self._write("".join(lines))
                lines = []
                self._begin_sheet(f"usage {len(self._names)}", sheet.usage_begin())
            self._rows += 1
            lines.append(sheet.usage_row(self._rows + 1, cells))
        self._write("".join(lines))
        yield self._outlet.take()

    def end(self) -> Iterator[bytes]:
        """Yield the rest of the last sheet, and the list of them all."""
        self._end_sheet()
        count = len(self._names)
        self._zip.writestr("xl/workbook.xml", sheet.book(self._names))
        self._zip.writestr("xl/_rels/workbook.xml.rels", sheet.book_relations(count))
        self._zip.writestr("[Content_Types].xml", sheet.content_types(count))
        self._zip.close()
        yield self._outlet.take()

    def close(self) -> None:
        """Let go of the sheet and the book."""
        if self._sheet:
            self._sheet.close()
        self._zip.close()

    def _begin_sheet(self, name: str, begin: str) -> None:
        self._end_sheet()
        self._names.append(name)
        self._sheet = self._zip.open(f"xl/worksheets/sheet{len(self._names)}.xml", "w")
        self._rows = self._bytes = 0
        self._write(begin)

    def _end_sheet(self) -> None:
        if self._sheet:
            self._write(sheet.SHEET_END)
            self._sheet.close()

    def _write(self, text: str) -> None:
        data = text.encode()
        self._bytes += len(data)
        if self._sheet:
            self._sheet.write(data)
