"""OpenPortal's names: ``project.portal`` for a project, ``user.project.portal`` for a user in a project.

Each part is made of ASCII letters, digits, ``_`` and ``-``; case is kept and significant; blanks around the
whole are dropped. A value of these classes cannot exist unless it is valid.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MAX_PART = 64
"""The longest part of an identifier that is accepted, in characters."""

UNKNOWN = "unknown"
"""The local user under which OpenPortal reports usage that it cannot attribute, and the name of the row of nobody."""

_PART = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_PART}}}", re.ASCII)
_MAX_NAME = 255
_MAX_USERNAME = 128
_CONTROL = {"Cc", "Cs"}


def _parts(text: str, form: str) -> list[str]:
    parts = text.strip(" \t\r\n").split(".")
    if len(parts) != form.count(".") + 1 or not all(map(_PART.fullmatch, parts)):
        message = (
            f"{_shown(text)} is not of the form {form}"
            f" (letters, digits, '_' and '-', at most {MAX_PART} characters a part)"
        )
        raise ValueError(message)
    return parts


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_PART else text[:MAX_PART] + "…")


@dataclass(frozen=True, slots=True, order=True)
class PortalIdentifier:
    """A portal, such as ``brics``."""

    portal: str

    @classmethod
    def parse(cls, text: str) -> PortalIdentifier:
        """Read a portal's name. Raises ``ValueError`` with a sentence."""
        return cls(*_parts(text, "portal"))

    def __str__(self) -> str:
        """Write it as OpenPortal does."""
        return self.portal


@dataclass(frozen=True, slots=True, order=True)
class ProjectIdentifier:
    """A project of a portal, such as ``climate.brics``."""

    project: str
    portal: str

    @classmethod
    def parse(cls, text: str) -> ProjectIdentifier:
        """Read ``project.portal``. Raises ``ValueError`` with a sentence."""
        return cls(*_parts(text, "project.portal"))

    def __str__(self) -> str:
        """Write it as OpenPortal does."""
        return f"{self.project}.{self.portal}"


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """A person at a portal, such as ``alice.brics``: the same one in all projects of that portal."""

    user: str
    portal: str

    @classmethod
    def parse(cls, text: str) -> Identity:
        """Read ``user.portal``. Raises ``ValueError`` with a sentence."""
        return cls(*_parts(text, "user.portal"))

    def __str__(self) -> str:
        """Write it as ``user.portal``."""
        return f"{self.user}.{self.portal}"


@dataclass(frozen=True, slots=True, order=True)
class UserIdentifier:
    """A user in a project of a portal, such as ``alice.climate.brics``."""

    user: str
    project: str
    portal: str

    @classmethod
    def parse(cls, text: str) -> UserIdentifier:
        """Read ``user.project.portal``. Raises ``ValueError`` with a sentence."""
        return cls(*_parts(text, "user.project.portal"))

    @property
    def project_identifier(self) -> ProjectIdentifier:
        """The project this user identifier is of."""
        return ProjectIdentifier(self.project, self.portal)

    @property
    def identity(self) -> Identity:
        """The person behind it."""
        return Identity(self.user, self.portal)

    def __str__(self) -> str:
        """Write it as OpenPortal does."""
        return f"{self.user}.{self.project}.{self.portal}"


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
            f"{_shown(text)} cannot be a username (1 to {_MAX_USERNAME} printable characters, no blank)"
        )
    return text


def read_full_name(text: str) -> str:
    """Return *text* if it can be the name of a person: at most 255 characters of any script, no control character.

    Joiners and direction marks are part of names; what would move a terminal's cursor is not.
    """
    if len(text) > _MAX_NAME or any(unicodedata.category(character) in _CONTROL for character in text):
        raise ValueError(f"{_shown(text)} cannot be a person's name (at most {_MAX_NAME} characters, no control)")
    return text


def _name(text: str, what: str) -> str:
    if not 1 <= len(text) <= _MAX_NAME or not text.isprintable():
        message = f"{_shown(text)} cannot be {what} (1 to {_MAX_NAME} printable characters)"
        raise ValueError(message)
    return text
