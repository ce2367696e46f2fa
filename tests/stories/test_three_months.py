"""Three months of one project at a centre, as its reports come in; read it from top to bottom.

The project is climate.brics on the machine isca. alice's account is ``al``, bob's is ``bo``. The account
``render`` was made before there was a portal, and nobody knows whose it is. Figures are node-hours; the hour
at which each report is read is said, since the state of a month depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from nodehours.intake.openportal import ingest
from nodehours.ledger.post import MonthPosted
from nodehours.ledger.store import Connection
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.statement import state_of
from tests.intake.files import written
from tests.ledger.written import assert_holds, row_ids

MEMBERS = {"alice.climate.brics": "al", "bob.climate.brics": "bo"}


def day(**hours: float) -> dict[str, Any]:
    """A complete day: hours by account."""
    usage = {account: {"seconds": int(3600 * n)} for account, n in hours.items()}
    return {"reports": usage, "is_complete": True}


def part(**hours: float) -> dict[str, Any]:
    """What is known of a day that is not complete."""
    return day(**hours) | {"is_complete": False}


def days(month: str, which: Iterable[int], **hours: float) -> dict[str, Any]:
    return {f"{month}-{number:02d}": day(**hours) for number in which}


@dataclass
class Centre:
    """The centre's ledger, and how it is told and asked."""

    connection: Connection
    inbox: Path

    def hears(self, reports: dict[str, Any], users: dict[str, str] = MEMBERS) -> list[MonthPosted]:
        """Read a report, and give what it did to each month."""
        report = {"project": "climate.brics", "reports": reports, "users": users}
        run = ingest(self.connection, [written(self.inbox / "report.json", report)], "isca")
        assert run.faults == []
        assert_holds(self.connection)
        return run.months

    def month(self, name: str, *, on: str) -> str:
        """The statement of a month as somebody finds it at a day and hour (UTC): its state, its total, its rows."""
        month = Month.of(date.fromisoformat(f"{name}-01"))
        key = [month.year, month.month]
        ((total, complete_days),) = self.connection.execute(
            "select node_seconds, complete_days from statements where (year, month) = (%s, %s)", key
        )
        rows = self.connection.execute(
            "select username, node_seconds from usage_rows where (year, month) = (%s, %s) order by 1",
            key,
        )
        state = state_of(month, complete_days, datetime.fromisoformat(on).replace(tzinfo=UTC))
        lines = [(state.value, total), *rows.fetchall()]
        return "".join(f"{name:<20}{node_hours(seconds):>8}\n" for name, seconds in lines)

    def totals_of(self, name: str) -> list[str]:
        """What the month's total has been, posting by posting."""
        month = Month.of(date.fromisoformat(f"{name}-01"))
        postings = self.connection.execute(
            "select node_seconds from postings where (year, month) = (%s, %s) order by revision",
            [month.year, month.month],
        )
        return [node_hours(seconds) for (seconds,) in postings]


@pytest.fixture
def centre(connection: Connection, tmp_path: Path) -> Centre:
    return Centre(connection, tmp_path)


def page(text: str) -> str:
    return dedent(text).lstrip("\n")


def test_three_months_of_a_project(centre: Centre) -> None:
    september = days("2026-09", range(1, 10), al=2, bo=1, render=0.5)

    # The tenth of September. Nine days are over; whose 15 minutes the third had is not known at all.
    september["2026-09-03"] = day(al=2, bo=1, render=0.5, unknown=0.25)
    centre.hears(september)
    assert centre.month("2026-09", on="2026-09-10 06:00") == page("""
        open                   31.75
        alice.climate.brics    18.00
        bob.climate.brics       9.00
        unknown                 4.75
    """)

    # At noon the running day is read as well: so far alice has used an hour and a half of it.
    centre.hears({"2026-09-10": part(al=1.5)})
    # At six the machine does not answer in time. The report says so by an empty day: what is known is kept.
    (evening,) = centre.hears({"2026-09-10": part()})
    assert (evening.kept, evening.revision) == (1, None)
    assert centre.month("2026-09", on="2026-09-10 18:00") == page("""
        open                   33.25
        alice.climate.brics    19.50
        bob.climate.brics       9.00
        unknown                 4.75
    """)

    # The first of October. The month is over, but its last day is not all in.
    centre.hears(
        days("2026-09", range(10, 30), al=2, bo=1, render=0.5) | {"2026-09-30": part(al=1, bo=0.5)}
    )
    assert centre.month("2026-09", on="2026-10-01 00:30") == page("""
        provisional           103.25
        alice.climate.brics    59.00
        bob.climate.brics      29.50
        unknown                14.75
    """)

    # The second of October: now it is.
    centre.hears(days("2026-09", [30], al=2, bo=1, render=0.5))
    assert centre.month("2026-09", on="2026-10-02 00:30") == page("""
        complete              105.25
        alice.climate.brics    60.00
        bob.climate.brics      30.00
        unknown                15.25
    """)
    ids = row_ids(centre.connection)

    # October. bob leaves on the twelfth: the list of members no longer names him, his jobs were his all the same.
    centre.hears(days("2026-10", range(1, 13), al=2, bo=1, render=0.5))
    centre.hears(days("2026-10", range(13, 32), al=2, render=0.5), {"alice.climate.brics": "al"})
    assert centre.month("2026-10", on="2026-11-01 12:00") == page("""
        complete               89.50
        alice.climate.brics    62.00
        bob.climate.brics      12.00
        unknown                15.50
    """)

    # November. The portal has found out that render is carol's. It was hers in the months before as well; what
    # nobody is known to have used on the third of September is still nobody's.
    months = centre.hears(
        days("2026-11", range(1, 20), al=3, render=0.5),
        {"alice.climate.brics": "al", "carol.climate.brics": "render"},
    )
    assert [str(month.month) for month in months] == ["2026-09", "2026-10", "2026-11"]
    assert centre.month("2026-09", on="2026-11-20 06:00") == page("""
        complete              105.25
        alice.climate.brics    60.00
        bob.climate.brics      30.00
        carol.climate.brics    15.00
        unknown                 0.25
    """)
    assert centre.month("2026-11", on="2026-11-20 06:00") == page("""
        open                   66.50
        alice.climate.brics    57.00
        carol.climate.brics     9.50
        unknown                 0.00
    """)

    # A node was broken on the twelfth of September: the centre takes an hour and a half off alice's day, all that
    # bob used of it, and says so in a report of that one day, which was complete before.
    (restated,) = centre.hears({"2026-09-12": day(al=0.5, bo=0, render=0.5)})
    assert (node_hours(restated.former or 0), node_hours(restated.total)) == ("105.25", "102.75")
    assert centre.month("2026-09", on="2026-11-21 06:00") == page("""
        complete              102.75
        alice.climate.brics    58.50
        bob.climate.brics      29.00
        carol.climate.brics    15.00
        unknown                 0.25
    """)

    # An old report of that day, with what was known of it at noon, is read once more by mistake: nothing changes.
    (mistake,) = centre.hears({"2026-09-12": part(al=1)})
    assert (mistake.kept, mistake.revision) == (1, None)

    # The ledger can say what September's total was each time it changed, and no row was ever made anew.
    assert centre.totals_of("2026-09") == [
        *("31.75", "33.25", "103.25", "105.25"),  # as the month was reported
        *("105.25", "102.75"),  # carol found her account; the broken node
    ]
    assert ids.items() <= row_ids(centre.connection).items()
