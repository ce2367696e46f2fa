"""The centre of tests/centre.py summed by hand: what each reader may add up, and what they are answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import strategies as st

from nodehours.ledger.store import connected
from nodehours.queries.access import Reader as SignedIn
from nodehours.queries.access import sign_in
from nodehours.queries.of import Of
from nodehours.queries.overview import By
from nodehours.queries.pool import Connection
from nodehours.terms.month import Month
from nodehours.terms.period import Period, months_after
from nodehours.terms.scope import Scope
from nodehours.terms.token import token_sha256
from tests import centre as told
from tests.centre import READERS, REPORTS, Centre, Row
from tests.databases import database
from tests.queries.seen import Answer, Ask, answered
from tests.reported import fill
from tests.reported import told as reported

readers = pytest.mark.parametrize("name", READERS)
ALWAYS = Period(Month(2023, 1), Month(2025, 1))
"""All months of the centre, and more."""
WINTER = Period(Month(2024, 1), Month(2024, 3))

periods = st.builds(
    lambda place, count: Period(
        months_after(Month(2023, 10), place), months_after(Month(2023, 10), place + count)
    ),
    st.integers(0, 8),
    st.integers(0, 9),
)


@contextmanager
def unserved(server_url: str, template: str) -> Iterator[Centre]:
    """The centre in a ledger of its own that nobody serves."""
    with database(server_url, template) as url:
        fill(url, REPORTS)
        with connected(url) as connection:
            tokens = {
                name: told._sign_up(connection, name, reader) for name, reader in READERS.items()
            }
            rows = told._rows(connection, reported(REPORTS))
        yield Centre(url, "", rows, tokens)


@dataclass(frozen=True)
class Eyes:
    """A reader of the centre, their scope, and the rows that they may see."""

    centre: Centre
    name: str
    scope: Scope

    @classmethod
    def of(cls, centre: Centre, name: str) -> Eyes:
        """Sign the reader *name* in."""

        async def ask(reading: Connection, _: Scope) -> SignedIn:
            found = await sign_in(reading, token_sha256(centre.tokens[name]))
            assert isinstance(found, SignedIn)
            return found

        nobody = Scope(0, everything=False)
        return cls(centre, name, answered(centre.database_url, nobody, ask).scope)

    def ask(self, question: Ask[Answer]) -> Answer:
        """Return what they are answered."""
        return answered(self.centre.database_url, self.scope, question)

    def rows(self, period: Period = ALWAYS) -> list[Row]:
        """The rows of *period* that they see."""
        return [row for row in self.centre.seen_by(self.name) if month_of(row) in period.months]

    def whole_rows(self, period: Period = ALWAYS) -> list[Row]:
        """Those in statements that they see whole."""
        return [row for row in self.rows(period) if self.sees_whole(row)]

    def sees_whole(self, row: Row) -> bool:
        """Whether all rows beside *row* are theirs to see."""
        reader, project = READERS[self.name], row.told.project
        roles = {project, project.partition(".")[2]} & set(reader.roles)
        return reader.is_staff or reader.is_support or bool(roles)


def month_of(row: Row) -> Month:
    """The month a row is of."""
    return Month(row.told.year, row.told.month)


def key_of(row: Row, by: By) -> str:
    """What a row's usage is summed by."""
    told = row.told
    return {
        By.ORGANISATION: told.project.partition(".")[2],
        By.PROJECT: told.project,
        By.RESOURCE: told.resource,
    }[by]


def total(rows: Iterable[Row]) -> int:
    """Σ of the rows, in node-seconds."""
    return sum(row.told.node_seconds for row in rows)


def totals_by(rows: Iterable[Row], by: By) -> Counter[str]:
    """Σ of the rows by what they are summed by."""
    summed: Counter[str] = Counter()
    for row in rows:
        summed[key_of(row, by)] += row.told.node_seconds
    return summed


def projects_of(centre: Centre) -> dict[str, UUID]:
    """The projects of the centre, by their identifiers."""
    with connected(centre.database_url) as connection:
        return dict(connection.execute("select identifier, uuid from projects").fetchall())


def everything_of(centre: Centre) -> list[tuple[Of, list[Row]]]:
    """Each project and each allocation of the centre, with all its rows; and one of each that there is not."""
    by_project = [
        (Of(project=uuid), [row for row in centre.rows if row.told.project == identifier])
        for identifier, uuid in projects_of(centre).items()
    ]
    by_allocation = [
        (Of(allocation=uuid), [row for row in centre.rows if row.allocation == uuid])
        for uuid in dict.fromkeys(row.allocation for row in centre.rows)
    ]
    nothing = UUID(int=0)
    return [*by_project, *by_allocation, (Of(nothing), []), (Of(None, nothing), []), (Of(), [])]
