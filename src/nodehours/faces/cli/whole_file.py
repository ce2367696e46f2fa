"""Files that are there whole or not at all: written beside, and named when all is in them and on the disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nodehours.ledger.disk import written_out
from nodehours.ledger.errors import LedgerError


class UnwritableError(LedgerError):
    """A file cannot be written; the text says which and why."""


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield what becomes the file *path*, in place of one that is there, when all went well.

    Only its owner may read it. One that was killed leaves ``NAME.unfinished-…`` beside it, which can be removed. What
    is no ordinary file, such as a pipe, is written to as it is.
    """
    with _telling_of(path):
        home = Path(os.path.realpath(path))
        if home.exists() and not home.is_file():
            with home.open("wb") as file:
                yield file
            return
        handle, name = tempfile.mkstemp(prefix=f"{home.name}.unfinished-", dir=home.parent)
        place = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            place.replace(home)
            written_out(home.parent)
        except BaseException:
            place.unlink(missing_ok=True)
            raise


@contextmanager
def _telling_of(path: Path) -> Iterator[None]:
    """Make a sentence of what the file system refuses."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        name = os.fspath(path).encode(errors="backslashreplace").decode()
        raise UnwritableError(f"cannot write {name}: {reason}") from error
