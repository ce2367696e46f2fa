"""What can be wrong with a ledger, each with a name and a sentence for the person who reads it."""

from __future__ import annotations


class LedgerError(Exception):
    """The ledger cannot do what was asked; its text is the sentence that says why."""


class UnavailableError(LedgerError):
    """The database cannot be reached or started."""


class SchemaError(LedgerError):
    """The database's schema is not the one this program knows."""


class UnknownNameError(LedgerError):
    """A user, token, organisation or project of that name does not exist."""


class TakenNameError(LedgerError):
    """What was to be made exists already, and differs."""


class UnpostableError(LedgerError):
    """Usage that is well formed and still cannot be posted."""


class DecidedError(LedgerError):
    """What was to be decided has been decided already."""


class UnchangeableError(LedgerError):
    """The ledger is in a state in which this cannot be done."""


class UnfitPasswordError(LedgerError):
    """A password that is too easily guessed, or too long to be one."""
