"""Names that people may have, and some that nobody should: what a file must carry without being steered by it."""

from __future__ import annotations

from hypothesis import strategies as st

from nodehours.ledger.clock import Change, Kind, Origin, locked_revision
from nodehours.ledger.store import Connection
from nodehours.queries.export_text import INERT_BEFORE

NAMES = [
    "=1+1", "+44 20 7946 0000", "-2+3", "@SUM(A1)", "\uff1d1+1", "\t=1", "\r=1", "'=1", "''", "'t Hooft",
    '=HYPERLINK("http://example.org","here")', '"; =cmd|\' /C calc\'!A0', "a,b;c\td", 'say "hi"', "two\nlines",
    "two\r\nlines", "<script>alert(1)</script>", "<r><t>x</t></r>", "</t></is></c>", "&amp; & <b>", "]]>",
    "_x0041_", "_x005F_x0041_", "\\.", "\\N", "NULL", "null", "true", "007", "1e5", " blank before", "after ",
    " =1+1", "\xa0=1+1", "\u3000=1+1", "\ufeff=1+1", "\x0b=1+1",
    "\u202eright to left\u202c", "עברית", "\u200bzero", "👩‍🚀 e\u0301", "Ångström", "\x01\x1b[31m", "\ufffe\uffff",
    "", "unknown", "\u2028", "n" * 64, "\U0001f469" * 64, "x" * 255,
]  # fmt: skip

names = st.sampled_from(NAMES) | st.text(
    st.sampled_from([*sorted(INERT_BEFORE), *'<>&",_x041\n\r'])
    | st.characters(exclude_characters="\0", codec="utf-8"),
    max_size=20,
)

_NAME = """
update users set full_name = named.name
from unnest(%s::bigint[], %s::text[]) as named (id, name) where users.id = named.id
"""


def call(connection: Connection, given: list[str]) -> list[str]:
    """Call people so, one after the other, by the order of their ids; return who is called what."""
    users = [user for (user,) in connection.execute("select id from users order by id")]
    called = [given[number % len(given)] for number in range(len(users))]
    with connection.transaction():
        locked_revision(connection)
        change = Change(connection, Kind.NAMING, Origin())
        change.next_revision()
        connection.execute(_NAME, [users, called])
        change.record()
    return called
