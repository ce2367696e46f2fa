"""What passes between pages and an OpenID provider, apart from who talks with it: that is slow to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable


class OidcError(Exception):
    """Nobody was signed in by the provider; its text is the sentence for who tried."""


class Begun(NamedTuple):
    """A sign-in that was begun: where the browser goes, and what has to be remembered of it until it is back."""

    address: str
    state: str
    nonce: str
    verifier: str


class Identity(NamedTuple):
    """Whom the provider signed in: who that is for ever, by *issuer* and *subject*, and what it tells besides.

    ``username`` is as it was sent: None when none was, or when anybody could have said so.
    """

    issuer: str
    subject: str
    username: str | None
    full_name: str
    email: str


@runtime_checkable
class OpenId(Protocol):
    """Who talks with the provider: ``oidc.Provider``."""

    @property
    def name(self) -> str:
        """What people call it."""

    async def begin(self, redirect_uri: str) -> Begun:
        """Begin a sign-in that comes back to *redirect_uri*. Raises ``OidcError``."""

    async def finish(self, redirect_uri: str, begun: Begun, query: Mapping[str, str]) -> Identity:
        """Tell whom the provider signed in. Raises ``OidcError``."""
