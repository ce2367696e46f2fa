"""Answers about all of the ledger, remembered by the process for as long as the ledger stays at its revision.

Only for what changes with a revision alone (usage, and whose it is; not the size of a resource, nor what waits for a
decision), and only for readers who see everything: one answer is that of all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from nodehours.queries.pool import Connection
from nodehours.terms.lately import Lately
from nodehours.terms.scope import Scope

Answer = TypeVar("Answer")

# The time is asked for as well: a ledger that was restored from a copy may come to a revision for the second time.
_CLOCK = (
    "select ledger.uuid, ledger.revision, recorded from ledger left join revisions using (revision)"
)
_MOST = 64


class _Clock(NamedTuple):
    """Which ledger, and at which revision: when nothing of it has changed, the same."""

    ledger: UUID
    revision: int
    recorded: datetime | None


class Remembered(Generic[Answer]):
    """The newest answers to one question, by what was asked."""

    def __init__(self) -> None:
        self._lately: Lately[tuple[_Clock, Hashable], Answer] = Lately(_MOST)

    async def answer(
        self,
        connection: Connection,
        scope: Scope,
        asked: Hashable,
        ask: Callable[[], Awaitable[Answer]],
    ) -> Answer:
        """Return what *ask* answers to *asked*, without asking again where that is known."""
        if not scope.everything:
            return await ask()
        clock = await _clock(connection)
        if (known := self._lately.find((clock, asked))) is not None:
            return known
        found = await ask()
        # Outside a transaction something may have been posted meanwhile.
        if await _clock(connection) == clock:
            self._lately.keep((clock, asked), found)
        return found


async def _clock(connection: Connection) -> _Clock:
    (found,) = await (await connection.execute(_CLOCK)).fetchall()
    return _Clock(*found)
