"""When tokens were last used: remembered as requests come, and written down once a minute and at the end.

So a request costs nothing more, and the connections over which it is answered stay read-only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from nodehours.ledger.sign_in import note_tokens_used
from nodehours.ledger.store import connected

_log = logging.getLogger("nodehours")

_SECONDS = 60


class LastUsed:
    """When each token, by its SHA-256, was used last since that was written down last."""

    def __init__(self) -> None:
        self._uses: dict[bytes, datetime] = {}
        self._is_failing = False

    def note(self, token_sha256: bytes) -> None:
        """Note that a token is used now. Only of tokens that open something: others would be without number."""
        self._uses[token_sha256] = datetime.now(UTC)

    async def flush(self, database_url: str) -> None:
        """Write it down. If that fails it is tried again the next time, and logged the first time only."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await asyncio.to_thread(_write, database_url, uses)
            self._is_failing = False
        except Exception as error:  # noqa: BLE001  # whatever it is, requests are answered all the same
            self._uses = uses | self._uses
            if not self._is_failing:
                _log.warning("cannot note when tokens were last used: %s", error)
            self._is_failing = True


def _write(database_url: str, uses: Mapping[bytes, datetime]) -> None:
    with connected(database_url) as connection:
        note_tokens_used(connection, uses)


@asynccontextmanager
async def noted_last_used(database_url: str, seconds: float = _SECONDS) -> AsyncIterator[LastUsed]:
    """Yield where uses are noted; they are written into the ledger at the libpq URL *database_url*."""
    last_used = LastUsed()
    flushing = asyncio.create_task(_flush_ever_again(last_used, database_url, seconds))
    try:
        yield last_used
    finally:
        flushing.cancel()
        with suppress(asyncio.CancelledError):
            await flushing
        await last_used.flush(database_url)


async def _flush_ever_again(last_used: LastUsed, database_url: str, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await last_used.flush(database_url)
