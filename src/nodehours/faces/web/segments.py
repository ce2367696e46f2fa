"""What stands in an address between its slashes, read once: what cannot be meant is not there."""

from __future__ import annotations

from uuid import UUID

from nodehours.faces.web.visit import MissingError
from nodehours.terms import month
from nodehours.terms.month import Month


def read_uuid(text: str) -> UUID:
    """Read a UUID. Raises ``MissingError`` for what is none."""
    try:
        return UUID(hex=text)
    except ValueError:
        raise MissingError from None


def read_id(text: str) -> int:
    """Read a number that the ledger can have given. Raises ``MissingError`` for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise MissingError
    return int(text)


def read_month(text: str) -> Month:
    """Read a month. Raises ``MissingError`` for what is none."""
    try:
        return month.read_month(text)
    except ValueError:
        raise MissingError from None
