"""Which usage rows the command line asks for, or a sentence with the nearest thing to do."""

from __future__ import annotations

import click

from nodehours.faces.cli.asking import find_name
from nodehours.faces.export import found
from nodehours.ledger.errors import UnknownNameError
from nodehours.queries.pool import Connection
from nodehours.terms.fault import shown
from nodehours.terms.month import Month, month_of, read_month
from nodehours.terms.scope import Scope


async def find(connection: Connection, scope: Scope, names: found.Names) -> found.Found:
    """Return what is meant. Raises ``UnknownNameError``."""
    try:
        return await found.find(connection, scope, names)
    except found.NobodyFoundError as error:
        if error.kind == "user":
            sentence = f"{error}: `nodehours report --users` lists user identifiers"
            raise UnknownNameError(sentence) from None
        named = await find_name(connection, scope, error.name)
        option = "--project" if named.is_project else "--organisation"
        sentence = f"{shown(error.name)} is to be asked for with {option}"
        raise UnknownNameError(sentence) from None


def calendar(year: int | None, month: Month | int | None) -> tuple[int | None, int | None]:
    """Return the year and the month that are meant. Raises click's error when they are not one time."""
    if not isinstance(month, Month):
        return year, month
    if year not in {None, month.year}:
        raise click.UsageError(f"{month} is not in the year {year}")
    return month.year, month.month


def read_month_or_number(text: str) -> Month | int:
    """Read a month, 2026-03, or its number in any year. Raises ``ValueError`` with a sentence."""
    is_number = text.isascii() and text.isdigit() and 1 <= int(text) <= 12
    return int(text) if is_number else read_month(text)


def read_year(text: str) -> int:
    """Read a year that usage can be of. Raises ``ValueError`` with a sentence."""
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        message = f"{shown(text)} is not a year"
        raise ValueError(message)
    return month_of(int(text), 1).year
