"""Conditional requests (RFC 9110, section 13): what has not changed since a client read it is not sent again.

An entity tag is made of all that an answer depends on: the ledger, the newest revision of what the reader may see,
their scope, and the address asked. It is exact. A date is exact to the second only: it is answered by only once
the second of the last change has passed, so that a change is never hidden by another of the same second.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final, NamedTuple

from nodehours import __version__

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_SECOND = timedelta(seconds=1)
_SETTLED_AFTER: Final = timedelta(milliseconds=250)
"""A revision's time is taken just before its transaction ends: so long it may take until it can be read."""

CACHING: Final = {
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Authorization, Prefer",
}
"""Every answer is one reader's own, and may be kept if it is asked about again each time."""


class Conditions(NamedTuple):
    """The conditional headers of a request as they were sent, None where they were not."""

    if_none_match: str | None = None
    if_modified_since: str | None = None


class Validators(NamedTuple):
    """What an answer can be told by: its entity tag without quotes, and when it last changed; *now* is the ledger's."""

    tag: str
    changed: datetime
    now: datetime

    @property
    def headers(self) -> dict[str, str]:
        """The headers that tell them."""
        shown = _ceiling(self.changed) if self._is_settled else self.changed
        modified = format_datetime(shown.astimezone(UTC).replace(microsecond=0), usegmt=True)
        return {"ETag": f'"{self.tag}"', "Last-Modified": modified, **CACHING}

    def name(self, conditions: Conditions) -> bool:
        """Tell whether the client names this very tag: then it has had this answer, and its request was right."""
        return self.tag in _TAG.findall(conditions.if_none_match or "")

    def hold(self, conditions: Conditions) -> bool:
        """Tell whether an answer that there is need not be sent. A tag is asked about before a date."""
        if conditions.if_none_match is not None:
            return conditions.if_none_match.strip() == "*" or self.name(conditions)
        since = _read_date(conditions.if_modified_since)
        return since is not None and self._is_settled and self.changed <= since <= self.now

    @property
    def _is_settled(self) -> bool:
        return self.now >= _ceiling(self.changed) + _SETTLED_AFTER


def entity_tag(*parts: object) -> str:
    """Return a tag for an answer that depends on *parts*, whose ``repr`` tells them apart, and on this version of us.

    No part can be found in it: not the revision, nor how far the scope reaches.
    """
    return hashlib.sha256(repr((__version__, *parts)).encode()).hexdigest()[:32]


def _ceiling(instant: datetime) -> datetime:
    whole = instant.replace(microsecond=0)
    return whole if whole == instant else whole + _SECOND


def _read_date(text: str | None) -> datetime | None:
    """Read a date of HTTP in any of its forms; what is none counts for nothing."""
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
