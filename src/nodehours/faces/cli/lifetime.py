"""Lifetimes as they are written on the command line."""

from __future__ import annotations

import re
from datetime import timedelta

from nodehours.faces.cli.parsed import Parsed

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_MAX_LIFETIME = timedelta(days=36500)


def _read_lifetime(text: str) -> timedelta:
    """Read ``12h``, ``90d``, ``8w``."""
    found = re.fullmatch(r"([0-9]{1,6})([hdw])", text)
    if found is None:
        raise ValueError(f"{text!r} is no lifetime such as 12h, 90d or 8w")
    lifetime = int(found[1]) * _UNITS[found[2]]
    if not timedelta(0) < lifetime <= _MAX_LIFETIME:
        raise ValueError("a lifetime is more than nothing and at most 100 years")
    return lifetime


def _read_lifetime_or_never(text: str) -> timedelta | None:
    """Read a lifetime; None is ``never``."""
    if text == "never":
        return None
    if re.fullmatch(r"[0-9]{1,6}[hdw]", text) is None:
        raise ValueError(f"{text!r} is neither a lifetime such as 12h, 90d or 8w, nor 'never'")
    return _read_lifetime(text)


LIFETIME = Parsed("lifetime", _read_lifetime)
LIFETIME_OR_NEVER = Parsed("lifetime", _read_lifetime_or_never)
