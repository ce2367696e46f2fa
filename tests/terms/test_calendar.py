"""The days of a time zone, as spans of seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.calendar import Calendar, day_number, day_of, read_zone

ZONES = (
    "UTC", "Europe/London", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu", "Australia/Lord_Howe",
    "America/Santiago", "Asia/Beirut", "Pacific/Apia", "Africa/Cairo",
)  # fmt: skip
"""With clocks that change by half an hour, at midnight, and by a whole day."""
calendars = st.sampled_from(ZONES).map(lambda name: Calendar(ZoneInfo(name)))
days = st.dates(date(2000, 1, 1), date(2036, 12, 31))
seconds = st.integers(946_684_800, 2_114_380_800)


@given(calendars, days)
def test_a_day_is_from_its_first_instant_to_that_of_the_next(calendar: Calendar, day: date) -> None:
    start, end = calendar.start_of(day), calendar.start_of(day + timedelta(days=1))

    if start == end:
        assert (day, calendar.zone.key) == (date(2011, 12, 30), "Pacific/Apia")
        return
    assert 82_800 <= end - start <= 90_000
    assert calendar.number_at(start) == calendar.number_at(end - 1) == day_number(day)
    assert calendar.number_at(start - 1) == day_number(day) - 1 or day == date(2011, 12, 31)


@given(calendars, seconds)
def test_every_second_is_of_one_day(calendar: Calendar, second: int) -> None:
    number = calendar.number_at(second)
    ((found, start, end),) = calendar.days(day_of(number), day_of(number))

    assert found == number
    assert start <= second < end


@given(calendars, seconds, st.integers(1, 800))
def test_clocks_are_ahead_as_long_as_it_is_told(
    calendar: Calendar, start: int, length: int
) -> None:
    end = start + length * 86_400
    runs = list(calendar.offsets(start, end))

    assert [until for until, _ in runs] == sorted({until for until, _ in runs})
    assert runs[-1][0] == end
    assert all(one != other for (_, one), (_, other) in pairwise(runs))
    since = start
    for until, offset in runs:
        for at in (since, (since + until) // 2, until - 1):
            told = datetime.fromtimestamp(at, calendar.zone).utcoffset()
            assert told == timedelta(seconds=offset)
        since = until


@given(days)
def test_in_utc_days_are_alike(day: date) -> None:
    utc = Calendar(ZoneInfo("UTC"))

    assert utc.start_of(day) == 86_400 * day_number(day)
    assert day_of(day_number(day)) == day
    assert utc.start_of(day) == datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("name", ["", "Mars/Base", "../../etc/passwd", "UTC\0", "Europe", "Ünited"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        read_zone(name)


def test_a_zone_is_read_by_its_name() -> None:
    assert read_zone("Europe/London").key == "Europe/London"
