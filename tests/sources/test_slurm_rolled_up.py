"""Slurm's own words of what it rolled up and of reservations, as sreport and sacctmgr 22.05 wrote them."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.slurm.beside import Sides, compare
from nodehours.sources.slurm.reservations import Reserved, read_reserved
from nodehours.sources.slurm.rolled_up import Period, RolledUp, read_rolled_up
from nodehours.terms.calendar import Calendar
from nodehours.terms.cause import Cause, Why
from nodehours.terms.fault import Fault

UTC = ZoneInfo("UTC")
LONDON = ZoneInfo("Europe/London")
RULE = "-" * 80 + "\n"
TITLE = "Cluster/Account/User Utilization 2026-11-28T00:00:00 - 2026-11-28T11:59:59 (43200 secs)\n"
HEAD = "Cluster|Account|Login|Proper Name|TRES Name|Used\n"
REPORT = f"""\
{RULE}{TITLE}Usage reported in TRES Seconds
{RULE}{HEAD}lab|root|||cpu|14408
lab|root|||node|0
lab|brics.climate|||cpu|4804
lab|brics.climate|games|games|cpu|4804
lab|brics.climate|games|games|node|0
lab|brics.genome|||cpu|9604
lab|brics.genome|games|games|cpu|4804
lab|brics.genome|games|games|node|0
"""
RESERVATIONS = """\
Cluster|ID|Name|Assocs|TimeStart|TimeEnd|TRES|UnusedWall|NodeName|Flags
lab|1|geno|5|2026-11-28T02:16:40|2026-11-28T02:26:40|cpu=8|600.000000|node02|SPEC_NODES
lab|2|maint1|12,11|2026-11-28T04:50:00|2026-11-28T05:10:01|cpu=8|1201.000000|node03|IGNORE_JOBS,SPEC_NODES
lab|3|minus||2026-11-28T06:00:00|2026-11-28T06:30:00|cpu=8|1800.000000|node04|SPEC_NODES
"""
ASSOCIATIONS = """\
ID|Cluster|Account|User
5|lab|brics.genome|
11|lab|brics.genome|games
12|lab|brics.climate|games
"""


def document(text: str) -> Document:
    return Document("told.txt", text.encode(), b"")


def rolled_up(text: str) -> list[RolledUp]:
    faults: list[Fault] = []
    found = read_rolled_up(document(text), faults)
    assert faults == []
    return found


def reserved(*texts: str) -> Reserved:
    found, faults = Reserved(), list[Fault]()
    for text in texts:
        read_reserved(document(text), UTC, found, faults)
    assert faults == []
    return found


def test_usage_is_what_lines_with_a_login_tell_and_the_period_is_the_banner_s() -> None:
    (found,) = rolled_up(REPORT)

    assert found.period == Period(date(2026, 11, 28), date(2026, 11, 28), 12, 43_200)
    assert str(found.period) == "2026-11-28"
    assert found.tres == {"cpu", "node"}
    assert [(use.account, use.tres, use.seconds) for use in found.uses] == [
        ("brics.climate", "cpu", 4804),
        ("brics.climate", "node", 0),
        ("brics.genome", "cpu", 4804),
        ("brics.genome", "node", 0),
    ]


def test_what_was_reserved_and_not_used_is_divided_among_the_associations_to_the_second() -> None:
    (told,) = rolled_up(REPORT)
    span = told.period.span(Calendar(UTC))
    known = reserved(RESERVATIONS, ASSOCIATIONS)
    project_of = dict(zip(("brics.climate", "brics.genome"), "ab", strict=True))

    cells = compare(
        Sides(
            told.period, span, (span[0], span[0] + 86_400), ["cpu", "node"], told.uses, {},
            lambda account, _: project_of[account], reserved=known,
        )
    )  # fmt: skip

    assert [(one.project, one.tres, one.explained.unexplained) for one in cells] == [
        ("a", "cpu", 0),
        ("b", "cpu", 0),
    ]
    assert cells[0].explained.causes == (Cause(Why.RESERVED, -4804),)


def test_no_more_can_have_been_reserved_than_the_reservation_has() -> None:
    known = reserved(ASSOCIATIONS + RESERVATIONS)
    (one,) = known.of(("lab", "brics.climate", "games"))
    day = Calendar(UTC).start_of(date(2026, 11, 28))

    assert one.idle("cpu", (day, day + 86_400)) == 1201 * 8 // 2
    assert one.idle("cpu", (day, day + 5 * 3600)) == 600 * 8 // 2
    assert one.idle("cpu", (day + 86_400, day + 2 * 86_400)) == 0
    assert one.idle("node", (day, day + 86_400)) == 0


def test_a_reservation_of_a_whole_account_is_nobody_s_own() -> None:
    known = reserved(RESERVATIONS, ASSOCIATIONS)

    assert [one.name for one in known.of(("lab", "brics.genome", "games"))] == ["maint1"]


def test_a_reservation_that_is_told_with_two_months_is_one() -> None:
    assert len(reserved(RESERVATIONS, RESERVATIONS).reservations) == 2


def test_hours_are_rounded_and_that_is_a_cause_of_its_own() -> None:
    (told,) = rolled_up(
        f"{TITLE}Usage reported in CPU Hours\nCluster|Account|Login|Proper Name|Used|Energy\n"
        "lab|a.b|carol||3|0\n"
    )

    (use,) = told.uses
    assert (use.tres, use.seconds, use.rounding) == ("cpu", 10_800, 1_800)


def test_a_month_in_london_has_the_seconds_that_its_clocks_make() -> None:
    month = Period(date(2026, 10, 1), date(2026, 10, 31), 24, 2_682_000)

    assert str(month) == "2026-10"
    assert month.span(Calendar(LONDON)) == (1_790_809_200, 1_793_491_200)
    with pytest.raises(UnreadableError, match="--timezone"):
        month.span(Calendar(UTC))


def test_a_month_that_still_runs_goes_by_its_own_name() -> None:
    running = Period(date(2026, 11, 1), date(2026, 11, 28), 12, 2_376_000)

    assert str(running) == "2026-11"
    assert running.is_running
    assert str(Period(date(2026, 11, 2), date(2026, 12, 3), 24, 1)) == "2026-11-02..2026-12-03"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lab|a|carol||node|3\n", "no banner"),
        (HEAD, "no banner"),
        (TITLE + "lab|a|carol||node|3\n", "no banner"),
        (TITLE.replace("11:59:59", "11:30:00"), "cannot be read"),
        (TITLE.replace("11-28T00", "11-31T00"), "cannot be read"),
        ("Cluster|Login|Proper Name|Account|Used|Energy\n", "AccountUtilizationByUser"),
    ],
)
def test_what_is_no_such_report_or_has_no_period_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UnreadableError, match=sentence):
        read_rolled_up(document(text), [])


def test_what_tells_no_reservations_is_refused_and_a_bad_line_is_a_fault() -> None:
    faults: list[Fault] = []
    with pytest.raises(UnreadableError, match="sacctmgr"):
        read_reserved(document("Cluster|Name\n"), UTC, Reserved(), faults)

    read_reserved(document(RESERVATIONS.replace("cpu=8", "cpu=eight", 1)), UTC, Reserved(), faults)

    assert [str(fault) for fault in faults] == [
        "told.txt: line 2: 'cpu=eight' is no count of a TRES (such as cpu=8 or mem=4G)"
    ]
