"""What the dashboard is set up with, and how it writes: in threads, over connections of their own, a few at once.

Pages only read, over the pool's read-only connections. What people change (sessions, passwords, tokens, decisions)
goes through the same functions of ``ledger`` that commands use.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from litestar import Request

from nodehours.faces.web.identity import OpenId
from nodehours.ledger.store import Connection, connected
from nodehours.queries.pool import Pool
from nodehours.terms.pseudonym import Pseudonyms

Answer = TypeVar("Answer")
AnyRequest = Request[Any, Any, Any]

_WRITERS: Final = 4
_DRAWERS: Final = 2
"""How many charts and files are made at once; who asks for more waits, and holds nothing meanwhile."""
_PATIENCE_SECONDS: Final = 5
"""How long somebody who writes waits for who writes already, such as a long ingest."""


@dataclass(frozen=True, slots=True)
class House:
    """The dashboard of one server process. ``public_url`` is the address that people know it by, if that was said.

    ``downloads`` are connections for what takes long, few enough that the others never wait for them;
    ``downloading`` are the users who have one, by their internal ids.
    """

    pool: Pool
    downloads: Pool
    database_url: str
    public_url: str | None
    provider: OpenId | None
    pseudonym_key: str | None = field(repr=False)
    drawing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_DRAWERS))
    downloading: set[int] = field(default_factory=set)
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_WRITERS))

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Return what *work* answers over a connection that may write. Raises what it raises."""
        async with self._turn:
            return await asyncio.to_thread(self._write, work)

    def _write(self, work: Callable[[Connection], Answer]) -> Answer:
        with connected(self.database_url, patience_seconds=_PATIENCE_SECONDS) as connection:
            return work(connection)

    def is_secure(self, request: AnyRequest) -> bool:
        """Tell whether the reader came by HTTPS."""
        return self.base(request).startswith("https://")

    def pseudonyms(self) -> Pseudonyms:
        """Return the pseudonyms of an export: those of the setting's key, or of one for this once."""
        return Pseudonyms.of(self.pseudonym_key) if self.pseudonym_key else Pseudonyms.for_once()

    def public_path(self, path: str) -> str:
        """Return *path* with the address that people know us by before it, if that was said."""
        return (self.public_url or "").rstrip("/") + path

    def base(self, request: AnyRequest) -> str:
        """Return the scheme and host under which the reader knows us."""
        if self.public_url:
            return self.public_url.rstrip("/")
        scheme = request.headers.get("x-forwarded-proto", request.scope["scheme"])
        return f"{'https' if scheme == 'https' else 'http'}://{request.headers.get('host', '')}"


def client_of(request: AnyRequest) -> str:
    """Return the network address that *request* came from: behind a proxy on this machine, the one that it names."""
    peer = request.client.host if request.client else ""
    with suppress(ValueError):
        if ipaddress.ip_address(peer).is_loopback:
            forwarded = (
                ",".join(request.headers.getall("x-forwarded-for", [])).rpartition(",")[2].strip()
            )
            return str(ipaddress.ip_address(forwarded))
    return peer
