"""CSV and NDJSON: the database's own text, passed on."""

from __future__ import annotations

from collections.abc import Iterator

from nodehours.queries.export import Batch
from nodehours.queries.export_text import COLUMNS, Text


class Plain:
    """Lines of text as they come, after a header in CSV."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def begin(self) -> Iterator[bytes]:
        """Yield the header, where there is one."""
        if self.text is Text.CSV:
            yield f"{','.join(COLUMNS)}\r\n".encode()

    def add(self, batch: Batch) -> Iterator[bytes]:
        """Yield the rows."""
        yield batch.text

    def end(self) -> Iterator[bytes]:
        """Nothing comes after the rows."""
        yield b""

    def close(self) -> None:
        """It holds nothing."""
