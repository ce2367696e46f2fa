"""Where pages are, and what their addresses say.

All that a reader chose is in the address, so every view can be kept as a bookmark and mailed. What is at its default
is left out, and what cannot be understood counts as left out: an old bookmark still opens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

Choice = TypeVar("Choice", bound=Enum)

OVERVIEW: Final = "/"
PROJECTS: Final = "/projects/"
ALLOCATIONS: Final = "/allocations/"
USERS: Final = "/users/"
ME: Final = "me"
OWN: Final = f"{USERS}{ME}/"
"""One's own usage, whoever one is: so it can be bookmarked, and be in mails."""
MONTHS: Final = "/months/"
RUNS: Final = "/runs/"
QUARANTINE: Final = "/quarantine/"
PENDING: Final = "/pending/"
PEOPLE: Final = "/people/"
EXPORT: Final = "/export/"
EXPORT_FILE: Final = "/export/usage/"
ACCOUNT: Final = "/account/"
SIGN_IN: Final = "/sign-in/"
SIGN_IN_LINK: Final = "/sign-in/link/"
SIGN_IN_OIDC: Final = "/sign-in/oidc/"
SIGN_IN_BACK: Final = "/sign-in/oidc/back/"
SIGN_OUT: Final = "/sign-out/"
STATIC: Final = "/static/"

_MAX_FIELDS = 100
_MAX_TEXT = 200
_MAX_ADDRESS = 2000


@dataclass(frozen=True, slots=True)
class Address:
    """The page that was asked for: its ``path``, and what was chosen, the last word of each name."""

    path: str
    chosen: Mapping[str, str]

    @classmethod
    def read(cls, path: str, query: bytes) -> Address:
        """Read an address as it came; what is beyond any reasonable length is left out."""
        text = query.decode("latin-1")
        try:
            pairs = parse_qsl(text, keep_blank_values=False, max_num_fields=_MAX_FIELDS)
        except ValueError:
            pairs = []
        return cls(path, {name: _kept(name, value) for name, value in pairs if _is_known(name)})

    def text(self, name: str) -> str:
        """Return what was chosen under *name*; nothing when nothing was."""
        return self.chosen.get(name, "")

    def choice(self, name: str, default: Choice) -> Choice:
        """Return what was chosen of the kind that *default* is one of, or that."""
        try:
            return type(default)(self.text(name))
        except ValueError:
            return default

    def number(self, name: str, default: int) -> int:
        """Return the whole number from 1 on that was chosen, or the *default*."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 10**9 else default

    def link(self, **changes: str | int | None) -> str:
        """Return the address with *changes* made; None takes a word away."""
        kept = {
            name: value
            for name, value in {**self.chosen, **changes}.items()
            if value not in {None, ""} and not (name in _TAKING and name not in changes)
        }
        return self.path + (f"?{urlencode(kept)}" if kept else "")


_TAKING: Final = frozenset({"figure", "table", "theme", "done"})
"""What says in which form a part of the page is taken, or what was just done, and is of no view."""
_WORDS: Final = frozenset({
    *("from", "to", "by", "unit", "per", "split", "names", "all", "next", *_TAKING),
    *("project", "organisation", "resource", "user", "year", "month", "as_of", "form", "pseudonymous"),
})  # fmt: skip
"""What any page can be asked; others would only be carried along."""
_OF_TABLE: Final = re.compile(r"[a-z0-9-]{1,40}\.(sort|find|page)", re.ASCII)


def _is_known(name: str) -> bool:
    return name in _WORDS or _OF_TABLE.fullmatch(name) is not None


def project_path(identifier: str) -> str:
    """Return the address of a project's page."""
    return f"{PROJECTS}{quote(identifier, safe='')}/"


def allocation_path(uuid: UUID) -> str:
    """Return the address of an allocation's page."""
    return f"{ALLOCATIONS}{uuid.hex}/"


def user_path(uuid: UUID) -> str:
    """Return the address of a user's page."""
    return f"{USERS}{uuid.hex}/"


def month_path(month: object, project: str | None = None) -> str:
    """Return the address of a month's page, or of what explains a project's figure of it."""
    return f"{MONTHS}{month}/" + (f"{quote(project, safe='')}/" if project else "")


def onward(path: str) -> str:
    """Return *path* if it is a page of ours to go on to after signing in, and the overview if not.

    What begins with two slashes, or a backslash, is another host to a browser.
    """
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\"))
    is_plain = path.isascii() and path.isprintable() and not {" ", "\\"} & set(path)
    is_further = not path.startswith((SIGN_IN, SIGN_OUT))
    return path if is_ours and is_plain and is_further else OVERVIEW


def _kept(name: str, text: str) -> str:
    """Leave out what the database cannot look for, and what is too long to be meant."""
    return text.replace("\0", "")[: _MAX_ADDRESS if name == "next" else _MAX_TEXT].strip()
