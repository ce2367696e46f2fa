"""A listing and its README.txt in one ZIP file, compressed as it is written."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import IO

from nodehours.faces.export.forms import Writer
from nodehours.faces.export.outlet import Outlet
from nodehours.faces.export.readme import Readme
from nodehours.queries.export import Batch


class Zipped:
    """What another writer writes, under *name*, after the readme."""

    def __init__(self, writer: Writer, name: str, readme: Readme, made: datetime) -> None:
        self.text = writer.text
        self._writer, self._name, self._readme, self._made = writer, name, readme, made
        self._outlet = Outlet()
        self._zip = zipfile.ZipFile(self._outlet, "w", zipfile.ZIP_DEFLATED)
        self._entry: IO[bytes] | None = None

    def begin(self) -> Iterator[bytes]:
        """Yield the readme and the beginning of the listing."""
        date = self._made.timetuple()[:6]
        self._zip.writestr(_entry("README.txt", date), self._readme.text())
        self._entry = self._zip.open(_entry(self._name, date), "w", force_zip64=True)
        yield from self._passed(self._writer.begin())

    def add(self, batch: Batch) -> Iterator[bytes]:
        """Yield the rows, as far as they are compressed."""
        yield from self._passed(self._writer.add(batch))

    def end(self) -> Iterator[bytes]:
        """Yield the rest."""
        yield from self._passed(self._writer.end())
        self.close()
        yield self._outlet.take()

    def close(self) -> None:
        """Let go of both."""
        self._writer.close()
        if self._entry:
            self._entry.close()
        self._zip.close()

    def _passed(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self._entry:
                self._entry.write(piece)
            yield self._outlet.take()


def _entry(name: str, date: tuple[int, ...]) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (date[0], date[1], date[2], date[3], date[4], date[5]))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry
