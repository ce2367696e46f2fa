"""OpenPortal's names: ``project.portal`` for a project, ``user.project.portal`` for a user in a project.

Each part is made of ASCII letters, digits, ``_`` and ``-``, and does not begin with ``-``; case is kept and
significant; blanks around a part are dropped. A value of these classes cannot exist unless it is valid.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar, Self

from nodehours.terms.fault import shown

MAX_PART = 64
"""The longest part of an identifier that is accepted, in characters."""

UNKNOWN = "unknown"
"""The local user under which OpenPortal reports usage that it cannot attribute, and the name of the row of nobody."""

BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)
"""What OpenPortal drops around names and days: the characters that Unicode calls white space."""

_PART = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_-]{{0,{MAX_PART - 1}}}", re.ASCII)
_MAX_NAME = 255
_MAX_USERNAME = 128
_CONTROL = {"Cc", "Cs"}


class _Identifier:
    """What the identifiers share. Their fields are the parts, in the order in which they are written."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]]  # set by ``dataclass``

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it as OpenPortal does. Raises ``ValueError`` with a sentence."""
        parts = [part.strip(BLANKS) for part in text.split(".")]
        if len(parts) != len(cls.__match_args__):
            raise ValueError(_misformed(cls, text))
        return cls(*parts)

    def __post_init__(self) -> None:
        """Refuse a part that is not allowed."""
        if not all(_PART.fullmatch(part) for part in self._parts()):
            raise ValueError(_misformed(type(self), str(self)))

    def __str__(self) -> str:
        """Write it as OpenPortal does."""
        return ".".join(self._parts())

    def _parts(self) -> list[str]:
        return [getattr(self, name) for name in self.__match_args__]


def _misformed(kind: type[_Identifier], text: str) -> str:
    return (
        f"{shown(text)} is not of the form {'.'.join(kind.__match_args__)}"
        f" (a part is 1 to {MAX_PART} letters, digits, '_' and '-', and does not begin with '-')"
    )


@dataclass(frozen=True, slots=True, order=True)
class PortalIdentifier(_Identifier):
    """A portal, such as ``brics``."""

    portal: str


@dataclass(frozen=True, slots=True, order=True)
class ProjectIdentifier(_Identifier):
    """A project of a portal, such as ``climate.brics``."""

    project: str
    portal: str

    @classmethod
    def of_account(cls, account: str) -> Self | None:
        """Return the project that OpenPortal names a Slurm account after: ``brics.climate``; None for other names."""
        portal, _, project = account.partition(".")
        try:
            return cls(project, portal)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, order=True)
class Identity(_Identifier):
    """A person at a portal, such as ``alice.brics``: the same one in all projects of that portal."""

    user: str
    portal: str


@dataclass(frozen=True, slots=True, order=True)
class UserIdentifier(_Identifier):
    """A user in a project of a portal, such as ``alice.climate.brics``."""

    user: str
    project: str
    portal: str

    @property
    def project_identifier(self) -> ProjectIdentifier:
        """The project this user identifier is of."""
        return ProjectIdentifier(self.project, self.portal)

    @property
    def identity(self) -> Identity:
        """The person behind it."""
        return Identity(self.user, self.portal)


def read_local_user(text: str) -> str:
    """Return *text* if it can name a local user: 1 to 255 printable characters. Raises ``ValueError``.

    OpenPortal puts no rule on local users; this one keeps out what no Unix account can be called and no
    database can store.
    """
    return _name(text, "a local user")


def read_component(text: str) -> str:
    """Return *text* if it can name a component (``cpu``, ``gpu`` …), by the same rule as a local user."""
    return _name(text, "a component")


def read_resource(text: str) -> str:
    """Return *text* if it can name a resource, by the same rule as a local user."""
    return _name(text, "a resource")


def read_username(text: str) -> str:
    """Return *text* if it can be the name a user signs in by: 1 to 128 printable characters, no blank.

    The length is Waldur's.
    """
    if len(text) > _MAX_USERNAME or not text.isprintable() or text.split() != [text]:
        raise ValueError(
            f"{shown(text)} cannot be a username (1 to {_MAX_USERNAME} printable characters, no blank)"
        )
    return text


def read_full_name(text: str) -> str:
    """Return *text* if it can be the name of a person: at most 255 characters of any script, no control character.

    Joiners and direction marks are part of names; what would move a terminal's cursor is not.
    """
    if len(text) > _MAX_NAME or any(
        unicodedata.category(character) in _CONTROL for character in text
    ):
        raise ValueError(
            f"{shown(text)} cannot be a person's name (at most {_MAX_NAME} characters, no control)"
        )
    return text


def _name(text: str, what: str) -> str:
    if not 1 <= len(text) <= _MAX_NAME or not text.isprintable():
        message = f"{shown(text)} cannot be {what} (1 to {_MAX_NAME} printable characters)"
        raise ValueError(message)
    return text
