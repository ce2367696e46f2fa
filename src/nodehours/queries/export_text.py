"""How an exported usage row is written by the database: its columns, in three kinds of text, all of them UTF-8."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from psycopg import sql

FORMULA_SIGNS: Final = (
    "=+-@\u207a\u207c\u208a\u208c\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
)
"""What a spreadsheet takes a cell that begins with it for a formula by; the wide and the small forms count as well."""
BLANKS: Final = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What may stand before such a sign: some spreadsheets drop it, and take what follows."""
INERT_BEFORE: Final = frozenset([*FORMULA_SIGNS, *BLANKS, "'"])
"""What a text begins with that must be made inert; the apostrophe, so that taking one away is always right."""


class Text(Enum):
    """How the lines are written; the columns and their order are the same.

    ``CSV`` is as RFC 4180 says. A text that begins like a formula, or with a blank, has an apostrophe before it, and so
    has one that begins with an apostrophe: taking one away gives every text back. ``EXACT`` has each text as it is, and
    lines that end in a line feed alone. ``NDJSON`` is a JSON object a line.
    """

    CSV = "csv"
    EXACT = "exact"
    NDJSON = "ndjson"


class _Column(NamedTuple):
    """A column and its value; ``is_free`` is text that people chose, ``is_bare`` a number or a boolean."""

    name: str
    value: str
    is_free: bool = False
    is_bare: bool = False


_COLUMNS: Final = (
    _Column("id", "row.id", is_bare=True),
    _Column("year", "row.year", is_bare=True),
    _Column("month", "row.month", is_bare=True),
    _Column("state", "statement.state"),
    _Column("is_closed", "statement.is_closed::text", is_bare=True),
    _Column("project_identifier", "statement.project_identifier", is_free=True),
    _Column("organisation", "statement.organisation", is_free=True),
    _Column("resource", "statement.resource", is_free=True),
    _Column("allocation_uuid", "statement.allocation_uuid"),
    _Column("user_uuid", "users.code"),
    _Column("username", "person.username", is_free=True),
    _Column("full_name", "person.full_name", is_free=True),
    _Column("node_seconds", "told.node_seconds", is_bare=True),
    _Column("node_hours", "rounded.centihours * 0.01"),
    _Column("revision", "told.revision", is_bare=True),
    _Column("modified", "known.modified"),
)
COLUMNS: Final = tuple(column.name for column in _COLUMNS)
"""Units are in the names; ``modified`` is UTC."""

# Half to even, in whole numbers: a hundredth of a node-hour is 36 node-seconds. (A percent sign is doubled, since the
# query that this is a part of has placeholders.)
HOURS: Final = sql.SQL("""
cross join lateral (
    select told.node_seconds / 36 + case
        when told.node_seconds %% 36 > 18 then 1
        when told.node_seconds %% 36 = 18 then told.node_seconds / 36 %% 2
        else 0
    end as centihours
) as rounded
""")
# In a subquery of its own it is written once for each revision that comes up, not once for each row.
MODIFIED: Final = sql.SQL("""
cross join lateral (
    select to_char(recorded at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as modified
    from revisions where revisions.revision = told.revision offset 0
) as known
""")

_INERT_TEXT = "case when left({value}, 1) = any({signs}) then '''' || {value} else {value} end"
# A JSON text has no control character, so with these for quote and delimiter it leaves as it is.
_JSON_COPY = "format csv, quote E'\\x01', delimiter E'\\x02', encoding 'UTF8'"
_CSV_COPY = "format csv, encoding 'UTF8'"


def selected(text: Text) -> sql.Composed:
    """Select the columns as *text* has them."""
    if text is Text.NDJSON:
        return sql.SQL("concat({})").format(sql.SQL(", ").join(_json_parts()))
    return sql.SQL(", ").join(_cell(column, text) for column in _COLUMNS)


def copied(text: Text) -> sql.SQL:
    """Return the options of COPY."""
    return sql.SQL(_JSON_COPY if text is Text.NDJSON else _CSV_COPY)


def inert_text(value: str) -> sql.Composed:
    """Make a text inert, as ``CSV`` has it."""
    text, signs = sql.SQL(value), sql.Literal(sorted(INERT_BEFORE))
    return sql.SQL(_INERT_TEXT).format(value=text, signs=signs)


def _cell(column: _Column, text: Text) -> sql.Composable:
    if column.is_free and text is Text.CSV:
        return inert_text(column.value)
    return sql.SQL(column.value)


def _json_parts() -> list[sql.Composable]:
    parts: list[sql.Composable] = []
    for number, column in enumerate(_COLUMNS):
        before = f'{"," if number else "{"}"{column.name}":'
        parts += [sql.Literal(before), _json_value(column)]
    return [*parts, sql.Literal("}")]


def _json_value(column: _Column) -> sql.SQL:
    if column.is_bare:
        return sql.SQL(column.value)
    if column.is_free:
        return sql.SQL(f"to_json({column.value})")
    return sql.SQL(f"coalesce('\"' || ({column.value}) || '\"', 'null')")
