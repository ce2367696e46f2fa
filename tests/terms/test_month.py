"""Months and days: half-open, in UTC, and read as OpenPortal reads them."""

import calendar
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.month import END_DAY, FIRST_DAY, Month, read_day

months = st.builds(Month, st.integers(1970, 2200), st.integers(1, 12))
days = st.dates(FIRST_DAY, END_DAY - timedelta(days=1))
# The first and the last day that datetime knows have no neighbours in other zones.
clocks = st.datetimes(timezones=st.just(UTC)).filter(lambda now: 1 < now.year < 9999)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def test_a_month_goes_from_its_first_day_to_the_first_of_the_next() -> None:
    december = Month(2026, 12)

    assert (december.start, december.end) == (date(2026, 12, 1), date(2027, 1, 1))
    assert (december.day_count, str(december)) == (31, "2026-12")


@pytest.mark.parametrize(("year", "days"), [(2026, 28), (2028, 29), (2100, 28), (2000, 29)])
def test_february_knows_leap_years(year: int, days: int) -> None:
    assert Month(year, 2).day_count == days


@pytest.mark.parametrize("month", [0, 13, -1])
def test_a_month_that_is_not_in_the_calendar_cannot_be_made(month: int) -> None:
    with pytest.raises(ValueError, match=f"^month must be 1 to 12, not {month}$"):
        Month(2026, month)


@given(months)
def test_the_days_from_start_to_end_are_the_days_of_the_month(month: Month) -> None:
    span = (month.end - month.start).days
    inside = [month.start + timedelta(days=n) for n in range(span)]

    assert {Month.of(day) for day in inside} == {month}
    assert Month.of(month.end) > month > Month.of(month.start - timedelta(days=1))
    assert span == month.day_count == calendar.monthrange(month.year, month.month)[1]


@given(st.lists(months))
def test_months_sort_in_time_and_so_do_their_names(some: list[Month]) -> None:
    in_order = sorted(some)

    assert in_order == sorted(some, key=lambda month: month.start)
    assert [str(month) for month in in_order] == sorted(map(str, some))


def test_a_month_is_over_at_midnight_utc_and_not_a_moment_before() -> None:
    midnight = datetime(2026, 10, 1, tzinfo=UTC)

    assert Month(2026, 9).is_over(midnight)
    assert not Month(2026, 9).is_over(midnight - timedelta(microseconds=1))


def test_a_clock_elsewhere_reads_the_same_instant() -> None:
    """In Auckland it is the first of October while September still runs in UTC."""
    auckland = timezone(timedelta(hours=13))

    assert not Month(2026, 9).is_over(datetime(2026, 10, 1, 12, 59, tzinfo=auckland))
    assert Month(2026, 9).is_over(datetime(2026, 10, 1, 13, 0, tzinfo=auckland))


@given(months, clocks, zones)
def test_whether_a_month_is_over_does_not_depend_on_the_zone_of_the_clock(
    month: Month, now: datetime, zone: timezone
) -> None:
    assert month.is_over(now.astimezone(zone)) == month.is_over(now) == (now.date() >= month.end)


@given(days)
def test_a_day_is_read_with_and_without_leading_zeros(day: date) -> None:
    assert read_day(str(day)) == read_day(f"{day.year}-{day.month}-{day.day}") == day


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2026-02-30", "'2026-02-30' is not a day of the calendar"),
        ("2026-13-01", "'2026-13-01' is not a day of the calendar"),
        ("2026-00-10", "'2026-00-10' is not a day of the calendar"),
        ("1969-12-31", "'1969-12-31' is outside the years 1970 to 2200"),
        ("2201-01-01", "'2201-01-01' is outside the years 1970 to 2200"),
        ("0000-01-01", "'0000-01-01' is not a day of the calendar"),
        ("2026-09", "'2026-09' is not a date of the form YYYY-MM-DD"),
        ("26-09-01", "'26-09-01' is not a date of the form YYYY-MM-DD"),
        ("2026-09-001", "'2026-09-001' is not a date of the form YYYY-MM-DD"),
        ("2026/09/01", "'2026/09/01' is not a date of the form YYYY-MM-DD"),
        ("20260901", "'20260901' is not a date of the form YYYY-MM-DD"),
        (" 2026-09-01", "' 2026-09-01' is not a date of the form YYYY-MM-DD"),
        ("2026-09-01T00:00:00", "'2026-09-01T00:00:00' is not a date of the form YYYY-MM-DD"),
        ("٢٠٢٦-09-01", "'٢٠٢٦-09-01' is not a date of the form YYYY-MM-DD"),
        ("\x1b[2J", r"'\x1b[2J' is not a date of the form YYYY-MM-DD"),
        ("9" * 10**6, f"'{'9' * 64}…' is not a date of the form YYYY-MM-DD"),
        ("", "'' is not a date of the form YYYY-MM-DD"),
    ],
)
def test_what_is_no_day_is_refused_with_a_short_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the whole sentence is compared below
        read_day(text)

    assert str(refused.value) == sentence


@given(st.text() | st.from_regex(r"\A[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\Z"))
def test_any_text_is_a_day_of_the_years_1970_to_2200_or_refused(text: str) -> None:
    try:
        day = read_day(text)
    except ValueError:
        return
    assert FIRST_DAY <= day < END_DAY
    assert [int(part) for part in text.split("-")] == [day.year, day.month, day.day]
