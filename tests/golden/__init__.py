"""Requests to the usage API with the replies Waldur gave, and a reader for them.

``vectors.json`` was recorded from a server, with its data taken out: places like
``{allocation:0:hex}`` stand for what the reader of a vector has. To play them against a ledger of
your own::

    filled = words(allocations=[uuid, ...], users={"plain": uuid, ...}, tokens={"staff": "…", ...})
    for vector in vectors("filter/"):
        send(vector.filled(filled))
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

_PLACE = re.compile(r"\{(?:allocation|user|token):[^{}]+\}")


class Auth(msgspec.Struct, frozen=True):
    """Who asks: somebody's token, or the raw text of an Authorization header."""

    token: str | None = None
    raw: str | None = None


class Expect(msgspec.Struct, frozen=True):
    """The reply: ``body`` is unset where it depends on the ledger's rows."""

    status: int
    headers: Mapping[str, str] = {}
    headers_present: Sequence[str] = ()
    body: Any = msgspec.UNSET
    note: str = ""


class Vector(msgspec.Struct, frozen=True):
    """One recorded exchange."""

    name: str
    method: str
    path: str
    auth: Auth | None
    expect: Expect
    request_headers: Mapping[str, str] = {}

    @property
    def headers(self) -> dict[str, str]:
        """All headers to send, Authorization among them."""
        if self.auth is None:
            return dict(self.request_headers)
        raw = self.auth.raw
        sent = f"Token {{token:{self.auth.token}}}" if raw is None else raw
        return {**self.request_headers, "Authorization": sent}

    def filled(self, words: Mapping[str, str]) -> Vector:
        """Return the vector with its places filled; one that has no word is a ``KeyError``."""
        headers = self.headers
        authorization = headers.pop("Authorization", None)
        return msgspec.structs.replace(
            self,
            path=_fill(self.path, words),
            auth=None if authorization is None else Auth(raw=_fill(authorization, words)),
            request_headers=headers,
        )


def _fill(text: str, words: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: words[place[0]], text)


def vectors(prefix: str = "") -> list[Vector]:
    """Return the vectors whose name begins with *prefix*, in the order they were recorded."""
    recorded = Path(__file__).with_name("vectors.json").read_bytes()
    every = msgspec.json.decode(recorded, type=list[Vector])
    return [vector for vector in every if vector.name.startswith(prefix)]


def words(
    allocations: Sequence[UUID], users: Mapping[str, UUID], tokens: Mapping[str, str]
) -> dict[str, str]:
    """Return what to put in the places: allocations by number, users and tokens by name.

    The vectors name allocations 0, 1 and 5; the users ``plain``, ``owner`` and ``inactive``; the
    tokens ``staff``, ``plain`` and ``inactive``.
    """
    uuids = {f"allocation:{number}": uuid for number, uuid in enumerate(allocations)}
    uuids |= {f"user:{name}": uuid for name, uuid in users.items()}
    return (
        {f"{{{name}:hex}}": uuid.hex for name, uuid in uuids.items()}
        | {f"{{{name}:hex-upper}}": uuid.hex.upper() for name, uuid in uuids.items()}
        | {f"{{{name}:dashed}}": str(uuid) for name, uuid in uuids.items()}
        | {f"{{token:{name}}}": token for name, token in tokens.items()}
    )
