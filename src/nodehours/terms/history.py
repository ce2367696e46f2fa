"""The history of a figure: its versions, each with the revision under which it came to be."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class RowVersion(NamedTuple):
    """What a usage row said from ``revision`` on, until the next version if there is one.

    ``recorded`` is when that revision was (UTC), ``kind`` and ``reason`` why. ``source`` and ``run`` are of the
    run that brought it, None when it came from no document.
    """

    revision: int
    recorded: datetime
    username: str
    node_seconds: int
    kind: str
    reason: str
    source: str | None
    run: int | None
