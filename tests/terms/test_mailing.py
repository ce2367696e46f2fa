"""Who is to be mailed about a project, and when: worked examples, and what holds over any run of days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from nodehours.terms.mailing import (
    PATIENCE,
    THRESHOLDS,
    Crossing,
    Due,
    Hours,
    Mailed,
    Standing,
    Told,
    is_office_hours,
    mail_due,
)

LONDON = ZoneInfo("Europe/London")
OFFICE = Hours(time(9), time(17))
STARTS = date(2026, 1, 1)
MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ISCA, TIGRIS = 1, 2


def standing(used: int, node_limit: int = 1000, allocation: int = ISCA) -> Standing:
    return Standing(allocation, STARTS, used, node_limit)


def mailed(
    at: datetime, *told: Told, is_report: bool = False, is_sent: bool = True, tries: int = 1
) -> Mailed:
    return Mailed(is_report, tries, at, at if is_sent else None, told)


def due(*standings: Standing, to: Sequence[Mailed] = (), now: datetime = MONDAY) -> Due | None:
    return mail_due(standings, to, now, LONDON)


REPORT = mailed(MONDAY - timedelta(days=1), is_report=True)


def crossed(*standings: Standing, to: Sequence[Mailed] = ()) -> list[tuple[int, int]]:
    """What thresholds a mail tells of to who had a report yesterday."""
    found = due(*standings, to=[REPORT, *to])
    assert found is None or not found.is_report
    return list(found.crossings) if found else []


def test_who_was_never_mailed_gets_a_report() -> None:
    assert due(standing(0)) == Due(True, ())


def test_about_a_project_without_a_grant_nobody_is_mailed() -> None:
    assert due() is None


@pytest.mark.parametrize(("days", "is_due"), [(0, False), (1, False), (13, False), (14, True)])
def test_a_report_comes_on_the_day_of_the_week_of_the_last_one(days: int, is_due: bool) -> None:
    """The hour does not matter: a run that is a minute early would else put it off, a little more each time."""
    last = mailed(MONDAY.replace(hour=16) - timedelta(days=days), is_report=True)

    assert due(standing(0), to=[last]) == (Due(True, ()) if is_due else None)


def test_days_are_those_of_the_time_zone() -> None:
    """In April London is an hour ahead: there it is Tuesday already."""
    last = mailed(datetime(2026, 3, 23, 10, tzinfo=UTC), is_report=True)
    late = datetime(2026, 4, 5, 23, 30, tzinfo=UTC)

    assert mail_due([standing(0)], [last], late, LONDON) == Due(True, ())
    assert mail_due([standing(0)], [last], late, UTC) is None


@pytest.mark.parametrize(
    ("used", "percent"),
    [(499, None), (500, 50), (799, 50), (800, 80), (999, 80), (1000, 100), (5000, 100)],
)
def test_of_several_thresholds_that_are_reached_at_once_the_highest_is_told(
    used: int, percent: int | None
) -> None:
    assert crossed(standing(used)) == ([] if percent is None else [(ISCA, percent)])


def test_what_was_told_is_not_told_again() -> None:
    told = mailed(MONDAY - timedelta(days=3), Told(ISCA, 810, 1000))

    assert crossed(standing(990), to=[told]) == []
    assert crossed(standing(1000), to=[told]) == [(ISCA, 100)]


def test_a_figure_that_fell_and_rises_again_is_not_told_again() -> None:
    told = mailed(MONDAY - timedelta(days=3), Told(ISCA, 810, 1000))
    lower = mailed(MONDAY - timedelta(days=2), Told(ISCA, 400, 1000), is_report=True)

    assert crossed(standing(820), to=[told, lower]) == []


def test_each_allocation_has_thresholds_of_its_own() -> None:
    told = mailed(MONDAY - timedelta(days=3), Told(ISCA, 810, 1000), Told(TIGRIS, 100, 1000))

    assert crossed(standing(850), standing(850, allocation=TIGRIS), to=[told]) == [(TIGRIS, 80)]


def test_a_report_that_told_of_a_threshold_told_it() -> None:
    told = mailed(MONDAY - timedelta(days=3), Told(ISCA, 810, 1000), is_report=True)

    assert crossed(standing(850), to=[told]) == []


def test_under_a_raised_limit_a_threshold_is_reached_anew() -> None:
    told = mailed(MONDAY - timedelta(days=3), Told(ISCA, 810, 1000))

    assert crossed(standing(810, 2000), to=[told]) == []
    assert crossed(standing(1000, 2000), to=[told]) == [(ISCA, 50)]
    assert crossed(standing(1600, 2000), to=[told]) == [(ISCA, 80)]


def test_what_was_told_counts_under_a_raised_limit_as_far_as_it_reached_that() -> None:
    told = mailed(MONDAY - timedelta(days=3), Told(ISCA, 810, 1000))

    assert crossed(standing(820, 1010), to=[told]) == []
    assert crossed(standing(870, 1100), to=[told]) == []
    assert crossed(standing(880, 1100), to=[told]) == [(ISCA, 80)]


def test_under_a_lowered_limit_what_is_reached_now_is_told() -> None:
    told = mailed(MONDAY - timedelta(days=3), Told(ISCA, 450, 1000))

    assert crossed(standing(450, 900), to=[told]) == [(ISCA, 50)]
    assert crossed(standing(450, 900), to=[told, mailed(MONDAY, Told(ISCA, 450, 900))]) == []


def test_of_the_grant_before_nothing_counts() -> None:
    before = mailed(datetime(2025, 12, 31, 12, tzinfo=UTC), Told(ISCA, 1000, 1000))
    first_day = mailed(datetime(2026, 1, 1, 12, tzinfo=UTC), Told(ISCA, 1000, 1000))

    assert crossed(standing(500), to=[before]) == [(ISCA, 50)]
    assert crossed(standing(500), to=[before, first_day]) == []


def test_while_a_mail_is_under_way_there_is_no_other() -> None:
    claimed = mailed(MONDAY, is_report=True, is_sent=False)

    assert due(standing(900), to=[claimed], now=MONDAY + PATIENCE - timedelta(seconds=1)) is None


def test_a_mail_of_which_nobody_knows_is_due_once_more_after_an_hour() -> None:
    later = MONDAY + PATIENCE
    told = Told(ISCA, 900, 1000)

    first = mailed(MONDAY, told, is_report=True, is_sent=False)
    second = mailed(MONDAY, told, is_report=True, is_sent=False, tries=2)

    assert due(standing(900), to=[first], now=later) == Due(True, (Crossing(ISCA, 80),))
    assert due(standing(900), to=[second], now=later) is None


# ------------------------------------------------------------------------------- office hours


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-03-02T08:59", False), ("2026-03-02T09:00", True), ("2026-03-06T16:59", True),
        ("2026-03-02T17:00", False), ("2026-03-07T12:00", False), ("2026-03-08T12:00", False),
        # The clocks went forward on Sunday the 29th of March, and back on Sunday the 25th of October.
        ("2026-03-27T09:00", True), ("2026-03-30T09:00", True), ("2026-03-30T08:59", False),
        ("2026-10-23T09:00", True), ("2026-10-26T09:00", True), ("2026-10-26T08:59", False),
    ],
)  # fmt: skip
def test_offices_are_open_by_their_own_clocks(local: str, is_open: bool) -> None:
    instant = datetime.fromisoformat(local).replace(tzinfo=LONDON).astimezone(UTC)

    assert is_office_hours(instant, LONDON, OFFICE) is is_open


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  # UTC, below
    st.sampled_from(["Europe/London", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"]),
)
def test_in_no_time_zone_offices_are_open_at_weekends_or_at_night(
    naive: datetime, name: str
) -> None:
    zone = ZoneInfo(name)
    now = naive.replace(tzinfo=UTC)
    local = now.astimezone(zone)

    is_open = local.isoweekday() in {1, 2, 3, 4, 5} and "09:00" <= f"{local:%H:%M}" < "17:00"
    assert is_office_hours(now, zone, OFFICE) is is_open


# ---------------------------------------------------------------------------- over any run of days


class Hour(NamedTuple):
    """What happens in an hour: usage that rises or is restated, another limit, and how sending ends."""

    wait: timedelta
    used: int
    node_limit: int | None
    end: str


hours = st.builds(
    Hour,
    st.sampled_from([timedelta(hours=1), timedelta(hours=7), timedelta(days=1), timedelta(days=4)]),
    st.integers(-200, 400),
    st.sampled_from([None] * 8 + [500, 1000, 2000]),
    st.sampled_from(["sent"] * 6 + ["killed before", "killed after", "refused"]),
)


class Arrived(NamedTuple):
    """A mail that came into a mailbox, as it was written."""

    at: datetime
    due: Due
    told: Told


class Sender:
    """A sender that runs now and then in office hours, and keeps what it sent as the ledger does."""

    def __init__(self) -> None:
        self.known: list[Mailed] = []
        self.mailbox: list[Arrived] = []

    def run(self, now: datetime, one: Standing, end: str) -> None:
        if not is_office_hours(now, LONDON, OFFICE):
            return
        mail = mail_due([one], self.known, now, LONDON)
        if mail is None:
            return
        told = Told(one.allocation, one.used, one.node_limit)
        tries = self._claimed(now)
        if end in {"sent", "killed after"}:
            self.mailbox.append(Arrived(now, mail, told))
        if end == "refused":
            tries -= 1
        if tries:
            sent = now if end == "sent" else None
            self.known.append(Mailed(mail.is_report, tries, now, sent, [told]))

    def _claimed(self, now: datetime) -> int:
        """Take over a claim of which nobody knows, or make one; return which try it is."""
        last = self.known[-1] if self.known else None
        if last is None or last.arrived(now):
            return 1
        self.known.pop()
        return last.tries + 1


@given(st.lists(hours, max_size=60))
def test_over_any_days_reports_are_a_fortnight_apart_and_thresholds_are_told_once(
    days: list[Hour],
) -> None:
    """But for mails whose sender was killed: of these a second one may come, and no third."""
    now, used, node_limit = datetime(2026, 3, 20, 8, tzinfo=UTC), 0, 1000
    sender = Sender()
    for hour in days:
        now, used = now + hour.wait, max(0, used + hour.used)
        node_limit = hour.node_limit or node_limit
        sender.run(now, standing(used, node_limit), hour.end)

    assert all(is_office_hours(one.at, LONDON, OFFICE) for one in sender.mailbox)
    killed = sum(hour.end == "killed after" for hour in days)
    assert too_early(sender.mailbox) <= killed
    assert told_twice(sender.mailbox) <= killed
    event(f"{len(sender.mailbox)} mails")


def too_early(mailbox: list[Arrived]) -> int:
    """How many reports came within a fortnight of the one before."""
    dates = [one.at.astimezone(LONDON).date() for one in mailbox if one.due.is_report]
    return sum((later - former).days < 14 for former, later in pairwise(dates))


def told_twice(mailbox: list[Arrived]) -> int:
    """How many thresholds were told that had been told under the same limit."""
    told = [(percent, one.told.node_limit) for one in mailbox for _, percent in one.due.crossings]
    return len(told) - len(set(told))


@given(st.lists(hours.map(lambda hour: hour._replace(end="sent")), max_size=80))
def test_whoever_is_never_killed_tells_nothing_twice_and_forgets_nothing(days: list[Hour]) -> None:
    now, used, node_limit = datetime(2026, 10, 20, 8, tzinfo=UTC), 0, 1000
    sender = Sender()
    for hour in days:
        now, used = now + hour.wait, max(0, used + hour.used)
        node_limit = hour.node_limit or node_limit
        sender.run(now, standing(used, node_limit), "sent")
        if is_office_hours(now, LONDON, OFFICE):
            assert highest_told(sender.mailbox, node_limit) >= reached(used, node_limit)

    assert (too_early(sender.mailbox), told_twice(sender.mailbox)) == (0, 0)
    assert all(one.due.is_report or one.due.crossings for one in sender.mailbox)


def reached(used: int, node_limit: int) -> int:
    return max((one for one in THRESHOLDS if used * 100 >= one * node_limit), default=0)


def highest_told(mailbox: list[Arrived], node_limit: int) -> int:
    """The highest threshold that a mail told to be reached, under its limit and under this one."""
    limits = [(one.told.used, max(one.told.node_limit, node_limit)) for one in mailbox]
    return max((reached(*one) for one in limits), default=0)
