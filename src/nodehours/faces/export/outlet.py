"""Where a library writes that knows files only: what it wrote is taken away, piece by piece."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Outlet(io.RawIOBase):
    """A file that can be written to and nothing else; it keeps what was not taken yet."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        """It is there to be written to."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Keep *data* until it is taken."""
        piece = bytes(data)
        self._kept.append(piece)
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        """Return how many bytes were written so far."""
        return self._written

    def take(self) -> bytes:
        """Return what was written since it was last taken."""
        taken = b"".join(self._kept)
        self._kept.clear()
        return taken
