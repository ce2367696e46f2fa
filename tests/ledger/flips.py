"""Single bits flipped in what a ledger keeps, past all its checks, as a failing disk or a clever hand would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from nodehours.ledger.catalogue import Column, tables
from nodehours.ledger.store import Connection

_NUMBER = "({c}::bigint # (1::bigint << %(bit)s))"
_TEXT_AT = "1 + %(bit)s / 3 %% length({c})"
_BYTE_BIT = "%(bit)s %% (8 * length({of}))"
_FLIPPED = {
    "bigint": _NUMBER,
    "integer": f"{_NUMBER}::integer",
    "smallint": f"{_NUMBER}::smallint",
    "boolean": "not {c}",
    "date": "date '2000-01-01' + (({c} - date '2000-01-01') # (1 << %(bit)s))",
    "bytea": f"set_bit({{c}}, {_BYTE_BIT}, 1 - get_bit({{c}}, {_BYTE_BIT}))".replace("{of}", "{c}"),
    "uuid": (
        "encode(set_bit(uuid_send({c}), %(bit)s, 1 - get_bit(uuid_send({c}), %(bit)s)), 'hex')::uuid"
    ),
    "text": (
        f"overlay({{c}} placing chr(ascii(substr({{c}}, {_TEXT_AT}, 1)) # (1 << (%(bit)s %% 3)))"
        f" from {_TEXT_AT} for 1)"
    ),
    "jsonb": "%(json)s::jsonb",
}
BITS = {"bigint": 63, "integer": 31, "smallint": 15, "boolean": 1, "date": 23, "uuid": 128}
MANY_BITS = 240


def columns(connection: Connection) -> dict[tuple[str, str], Column]:
    """Every column that somebody writes, by table and name."""
    return {
        (table.name, column.name): column
        for table in tables(connection)
        for column in table.written
    }


def rows(connection: Connection, table: str, column: str) -> list[str]:
    """Where the rows are that have something in the column."""
    query = sql.SQL("select ctid::text from {} where {} is not null order by ctid")
    found = connection.execute(query.format(sql.Identifier(table), sql.Identifier(column)))
    return [ctid for (ctid,) in found]


@contextmanager
def flipped(
    connection: Connection, table: str, column: Column, ctid: str, bit: int
) -> Iterator[bool]:
    """Flip *bit* of one value for a while; yields whether the database let it happen."""
    with connection.transaction(force_rollback=True):
        connection.execute("set local session_replication_role = replica")
        yield _is_flipped(connection, table, column, ctid, bit)


def _is_flipped(connection: Connection, table: str, column: Column, ctid: str, bit: int) -> bool:
    try:
        with connection.transaction():
            _flip(connection, table, column, ctid, bit)
    except psycopg.Error:
        return False
    return True


def _flip(connection: Connection, table: str, column: Column, ctid: str, bit: int) -> None:
    name = sql.Identifier(column.name)
    values: dict[str, Any] = {"bit": bit, "ctid": ctid}
    if column.type == "jsonb":
        read = sql.SQL("select {}::text from {} where ctid = %(ctid)s::tid")
        ((text,),) = connection.execute(read.format(name, sql.Identifier(table)), values)
        values["json"] = _other_digit(text, bit)
    table_name = sql.Identifier(table)
    free = sql.SQL("alter table {} alter column {} drop identity if exists")
    connection.execute(free.format(table_name, name))
    update = sql.SQL("update {} set {} = {} where ctid = %(ctid)s::tid")
    flip = sql.SQL(_FLIPPED[column.type]).format(c=name)
    done = connection.execute(update.format(table_name, name, flip), values)
    assert done.rowcount == 1


def _other_digit(text: str, bit: int) -> str:
    """Flip the least bit of one of the digits."""
    digits = [match.start() for match in re.finditer("[0-9]", text)]
    place = digits[bit % len(digits)]
    return text[:place] + str(int(text[place]) ^ 1) + text[place + 1 :]


@contextmanager
def without(connection: Connection, table: str, ctid: str) -> Iterator[None]:
    """Take one row out for a while."""
    with connection.transaction(force_rollback=True):
        connection.execute("set local session_replication_role = replica")
        delete = sql.SQL("delete from {} where ctid = %s::tid").format(sql.Identifier(table))
        assert connection.execute(delete, [ctid]).rowcount == 1
        yield
