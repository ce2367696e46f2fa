"""One reader's visit to one page: who they are, where they are, and what they chose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeVar

from nodehours.faces.web.address import Address
from nodehours.faces.web.cookies import csrf_token
from nodehours.queries.access import Visitor
from nodehours.queries.pool import Connection
from nodehours.terms.scope import Scope

Answer = TypeVar("Answer")


class MissingError(Exception):
    """There is no such page for this reader, whether or not there is one for others."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page by somebody signed in. ``secret`` is that of their session; ``now`` is UTC."""

    connection: Connection
    visitor: Visitor
    secret: str
    address: Address
    now: datetime

    @property
    def scope(self) -> Scope:
        """What they may see."""
        return self.visitor.reader.scope

    @property
    def today(self) -> date:
        """The day that runs (UTC)."""
        return self.now.astimezone(UTC).date()

    @property
    def csrf(self) -> str:
        """What their forms carry along."""
        return csrf_token(self.secret)

    @property
    def is_staff(self) -> bool:
        """Whether they may decide."""
        return self.visitor.reader.is_staff

    @property
    def sees_everything(self) -> bool:
        """Whether they see the whole centre."""
        return self.scope.everything

    def only_if(self, allowed: bool) -> None:  # noqa: FBT001  # it reads so
        """Raise ``MissingError`` unless *allowed*: what is not for them is not there."""
        if not allowed:
            raise MissingError

    def found(self, what: Answer | None) -> Answer:
        """Return *what* was found. Raises ``MissingError`` when that is nothing."""
        if what is None:
            raise MissingError
        return what
