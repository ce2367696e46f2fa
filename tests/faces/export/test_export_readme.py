"""What a listing says of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from hypothesis import event, given, settings

from nodehours import __version__
from nodehours.faces.export.readme import Readme, readme
from nodehours.ledger.closing import close_month
from nodehours.ledger.store import Connection as Writing
from nodehours.queries.access import operator_scope
from nodehours.queries.export import ExportFilter, export_usage
from nodehours.queries.export_text import COLUMNS
from nodehours.queries.moment import find_moment
from nodehours.queries.pool import Connection
from nodehours.terms.as_of import AtRevision
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.pseudonym import Pseudonyms
from nodehours.terms.scope import Scope
from tests.exported import Row, connect, exported, read_csv
from tests.ledger.moving import MARCH, OCEAN, STAFF, report, whole_month
from tests.queries.ledgers import Naming, Posting, Question, questions, remembered, steps

MADE = datetime(2026, 4, 1, 9, 0, 1, tzinfo=UTC)
KEY = Pseudonyms(b"a key that is long enough")


@pytest.fixture
def march(connection: Writing) -> Writing:
    """March of climate is complete and closed, that of ocean is known to its second day."""
    report(connection, whole_month(MARCH, al=3600, old=60), alice="al")
    report(connection, {"2026-03-02": {"bo": 36}}, OCEAN, bob="bo")
    close_month(connection, "climate.brics", MARCH, STAFF)
    return connection


def said(url: str, scope: Scope | None = None, **options: Any) -> Readme:
    async def ask() -> Readme:
        async with await connect(url) as reading:
            who = scope or operator_scope()
            at = await find_moment(reading, who, options.pop("as_of", None))
            async with export_usage(reading, who, ExportFilter(), at=at, **options) as listing:
                return readme(
                    listing, {"project": "climate.brics", "year": "2026"}, ["A note."], MADE
                )

    return anyio.run(ask)


@pytest.mark.usefixtures("march")
def test_it_says_what_as_of_when_and_by_what(database_url: str) -> None:
    facts = dict(said(database_url).facts)

    assert datetime.fromisoformat(facts.pop("as of (UTC)")).tzinfo == UTC
    assert facts == {
        "as of revision": "3",
        "made (UTC)": "2026-04-01T09:00:01Z",
        "made by": f"nodehours {__version__}",
        "scope": "everything in the ledger",
        "filters": "project climate.brics; year 2026",
        "people": "by their names",
        "rows": "4",
        "node_seconds": "3696",
        "node_hours": "1.03",
    }


@pytest.mark.usefixtures("march")
def test_it_says_the_state_of_each_month(database_url: str) -> None:
    header, *months = said(database_url).sections["Months"]

    assert header == (
        "month",
        "state",
        "closed",
        "statements",
        "rows",
        "node_seconds",
        "node_hours",
    )
    assert months == [
        ("2026-03", "provisional", "no", "1", "2", "36", "0.01"),
        ("2026-03", "complete", "yes", "1", "2", "3660", "1.02"),
    ]


def test_it_says_by_which_rules_the_days_of_each_month_were_reckoned_as_it_was_then(
    march: Writing, database_url: str
) -> None:
    days = {f"2026-03-0{day}": {"bo": 36} for day in (2, 3)}
    report(march, days, OCEAN, rule="allocated-nodes")
    report(march, {"2026-04-01": {"bo": 36}}, OCEAN, "tigris", rule="tres:cpu")

    _, _, *now = said(database_url).sections["Rules"]
    _, _, *then = said(database_url, as_of=AtRevision(2)).sections["Rules"]
    mine = Scope(10**9, everything=False, allocations=(3,))
    _, _, *seen = said(database_url, mine).sections["Rules"]

    assert now == [
        ("2026-03", "isca", "2026-03-01", "2026-03-31", "as reported"),
        ("2026-03", "isca", "2026-03-02", "2026-03-03", "allocated-nodes"),
        ("2026-04", "tigris", "2026-04-01", "2026-04-01", "tres:cpu"),
    ]
    assert then == now[:1]
    assert seen == now[2:]


@pytest.mark.usefixtures("march")
def test_a_month_is_in_the_state_that_it_was_in_then(database_url: str) -> None:
    _, *months = said(database_url, as_of=AtRevision(1)).sections["Months"]

    assert months == [("2026-03", "complete", "no", "1", "2", "3660", "1.02")]


@pytest.mark.usefixtures("march")
def test_it_says_how_much_the_reader_sees_and_not_who_they_are(database_url: str) -> None:
    facts = dict(said(database_url, Scope(1, everything=False, allocations=(1,))).facts)

    assert facts["scope"] == "1 allocations whole, and the reader's own rows"
    assert facts["rows"] == "2"


@pytest.mark.usefixtures("march")
def test_it_says_which_key_made_the_pseudonyms_without_telling_it(database_url: str) -> None:
    text = said(database_url, pseudonyms=KEY).text()

    assert KEY.fingerprint in text
    assert "long enough" not in text
    assert "alice" not in text


@settings(max_examples=15)
@given(taken=steps, asked=questions)
def test_its_sums_are_those_of_the_rows(
    server_url: str, template: str, taken: list[Posting | Naming], asked: Question
) -> None:
    with remembered(server_url, template, taken) as states:

        async def ask_again(reading: Connection) -> None:
            for at, then in states.items():
                scope, wanted, rows = then.ask(asked)
                found = await exported(reading, scope, "csv", ExportFilter(wanted), AtRevision(at))
                facts = dict(found.readme.facts)
                written = read_csv(found.data)
                total = sum(row["node_seconds"] for row in written)
                assert total == sum(row.node_seconds for row in rows)
                assert facts["rows"] == str(len(written))
                assert facts["node_seconds"] == str(total)
                assert facts["node_hours"] == node_hours(total)
                assert in_months(found.readme) == by_month(written)
                event("rows" if rows else "nothing")

        states[0].answer(ask_again)


def in_months(found: Readme) -> dict[tuple[str, str, str], tuple[int, int]]:
    """The rows and node-seconds of each month in each state."""
    _, *lines = found.sections["Months"]
    return {(line[0], line[1], line[2]): (int(line[4]), int(line[5])) for line in lines}


def by_month(rows: list[Row]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """The same, reckoned from the rows."""
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in rows:
        month = f"{row['year']}-{row['month']:02}"
        key = (month, row["state"], "yes" if row["is_closed"] else "no")
        count, total = found.get(key, (0, 0))
        found[key] = (count + 1, total + row["node_seconds"])
    return found


@pytest.mark.usefixtures("march")
def test_its_text_lays_out_the_parts_under_headings(database_url: str) -> None:
    text = said(database_url).text()

    for part in (
        "Unit\n----\n",
        "Columns\n-------\n",
        "Months\n------\n",
        "Notes\n-----\n\nA note.\n",
    ):
        assert part in text
    assert all(f"\n{column} " in text for column in COLUMNS)
    assert "node_hours is node_seconds / 3600, rounded to 2 places, half to even." in text
    assert "\n\n\n" not in text
