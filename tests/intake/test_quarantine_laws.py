"""Laws of doubt: nothing that is reported is lost, and what is released is as if it had been believed at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.intake.openportal import Run, ingest
from nodehours.intake.release import release_record
from nodehours.ledger.store import Connection
from nodehours.terms.usage import ProjectUsage
from tests.intake.files import as_report, report, written
from tests.intake.quarantined import kept, know
from tests.ledger.reports import CLIMATE, DAYS, reports
from tests.ledger.written import Account, accounts, assert_holds, empty

IDLE = report(str(CLIMATE), {})
THE_END = date(2026, 12, 31)


class Known(NamedTuple):
    """What staff said of the allocation, and which day it is."""

    starts: date | None
    nodes: int | None
    today: date


def known() -> st.SearchStrategy[Known]:
    return st.builds(
        Known,
        st.sampled_from((None, *DAYS)),
        st.sampled_from((None, 1, 10**9)),
        st.sampled_from((*DAYS, THE_END)),
    )


def read(connection: Connection, content: dict[str, Any], today: date) -> Run:
    with tempfile.TemporaryDirectory() as directory:
        name = written(Path(directory) / "report.json", content)
        return ingest(connection, [name], "isca", today=today)


def new_ledger(connection: Connection, said: Known) -> None:
    empty(connection)
    read(connection, IDLE, THE_END)
    know(connection, starts=said.starts, nodes=said.nodes)


def climate(connection: Connection) -> Account:
    return accounts(connection)[(str(CLIMATE), "isca")]


def assert_kept(connection: Connection, run: Run, told: dict[str, Any]) -> None:
    """Each day that was doubted stands in quarantine, as it was told."""
    records = [record for record in kept(connection) if record.status != "released"]
    for day in doubted(run):
        assert told["reports"][day] in [record.days.get(day) for record in records]


def doubted(run: Run) -> list[str]:
    return [str(day) for month in run.months for doubt in month.doubts for day in doubt.days]


def released(connection: Connection, order: Iterable[int]) -> None:
    for record in order:
        release_record(connection, record, "carol", "")
        assert_holds(connection)


@given(known(), st.lists(reports(), min_size=1, max_size=4), st.data())
@settings(max_examples=40)
def test_every_reported_day_is_posted_known_or_held_and_sums_hold_whatever_is_released(
    scratch: Connection, said: Known, told: list[ProjectUsage], data: st.DataObject
) -> None:
    new_ledger(scratch, said)
    for usage in told:
        run = read(scratch, as_report(usage), said.today)

        assert_holds(scratch)
        settled = sum(month.posted + month.unchanged + month.kept for month in run.months)
        assert settled + len(doubted(run)) == len(usage.days)
        assert_kept(scratch, run, as_report(usage))

    held = [record.id for record in kept(scratch) if record.status == "held"]
    released(scratch, data.draw(st.permutations(held)))


@given(known(), reports(), st.data())
@settings(max_examples=40)
def test_one_report_released_in_any_order_gives_what_believing_it_at_once_gives(
    scratch: Connection, said: Known, usage: ProjectUsage, data: st.DataObject
) -> None:
    new_ledger(scratch, Known(None, None, THE_END))
    read(scratch, as_report(usage), THE_END)
    believed = climate(scratch)

    new_ledger(scratch, said)
    read(scratch, as_report(usage), said.today)
    held = [record.id for record in kept(scratch) if record.status == "held"]
    released(scratch, data.draw(st.permutations(held)))

    assert climate(scratch) == believed


@given(known(), st.lists(reports(), min_size=1, max_size=3))
@settings(max_examples=25)
def test_the_same_reports_again_hold_nothing_new_once_the_ledger_has_settled(
    scratch: Connection, said: Known, told: list[ProjectUsage]
) -> None:
    """What was reported last is told each night; the first night may still doubt what the others said."""
    new_ledger(scratch, said)
    for usage in told:
        read(scratch, as_report(usage), said.today)
    before, records = climate(scratch), kept(scratch)

    for _ in range(2):
        run = read(scratch, as_report(told[-1]), said.today)
        assert [one.held and one.held.is_new for one in run.quarantined] in ([], *_old(run))

    assert (climate(scratch), kept(scratch)) == (before, records)


def _old(run: Run) -> list[list[bool]]:
    return [[False] * len(run.quarantined)]
