"""As of when: a revision, an instant with its offset, or a day; anything else is told what it should be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.as_of import AsOf, AtDay, AtInstant, AtRevision, read_as_of


def refusal(text: str) -> str:
    with pytest.raises(ValueError, match=r"\S") as refused:
        read_as_of(text)
    return str(refused.value)


def instant(text: str) -> datetime:
    as_of = read_as_of(text)
    assert isinstance(as_of, AtInstant)
    return as_of.instant


@pytest.mark.parametrize(
    ("text", "revision"), [("0", 0), ("12", 12), ("007", 7), ("9" * 18, 10**18 - 1), ("2026", 2026)]
)
def test_a_whole_number_is_a_revision(text: str, revision: int) -> None:
    assert read_as_of(text) == AtRevision(revision)


def test_leading_zeros_do_not_count() -> None:
    assert read_as_of("0" * 10_000 + "5") == AtRevision(5)


@pytest.mark.parametrize("text", ["-1", "-0", "-007"])
def test_a_negative_number_is_no_revision(text: str) -> None:
    assert refusal(text) == f"'{text}' is no revision: they count from 1, and 0 is before the first"


@pytest.mark.parametrize("digits", [19, 100, 10_000])
def test_a_number_that_no_ledger_reaches_is_refused_and_not_reckoned_with(digits: int) -> None:
    assert refusal("1" * digits).endswith("is beyond any revision")


def test_a_date_is_the_end_of_that_day() -> None:
    as_of = read_as_of("2026-03-31")

    assert as_of == AtDay(date(2026, 3, 31))
    assert isinstance(as_of, AtDay)
    assert as_of.last_instant == datetime(2026, 3, 31, 23, 59, 59, 999_999, UTC)


@pytest.mark.parametrize("text", ["2026-02-29", "2026-13-01", "2026-00-10", "0000-01-01"])
def test_a_day_that_is_in_no_calendar_is_refused(text: str) -> None:
    assert refusal(text) == f"'{text}' is not a day of the calendar"
    assert refusal(f"{text}T00:00:00Z") == f"'{text}T00:00:00Z' is not a day of the calendar"


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-31T10:30:00Z",
        "2026-03-31t10:30:00z",
        "2026-03-31 10:30:00Z",
        "2026-03-31T10:30:00.000Z",
        "2026-03-31T10:30:00-00:00",
        "2026-03-31T12:00:00+01:30",
        "2026-03-31T12:00:00 01:30",
        "2026-03-31 12:00:00 01:30",
        "2026-03-30T23:30:00-11:00",
        "2026-04-01T10:29:00+23:59",
    ],
)
def test_an_instant_may_be_written_in_many_ways(text: str) -> None:
    """A blank before the offset was a plus sign, before the query string was read."""
    assert read_as_of(text) == AtInstant(datetime(2026, 3, 31, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("fraction", "microsecond"),
    [("5", 500_000), ("000001", 1), ("0000019", 1), ("123456" + "9" * 5000, 123_456)],
)
def test_what_is_finer_than_a_microsecond_is_cut_off(fraction: str, microsecond: int) -> None:
    assert instant(f"2026-03-31T10:30:00.{fraction}Z").microsecond == microsecond


@pytest.mark.parametrize("text", ["2026-03-31T10:30:00", "2026-03-31t10:30:00.25"])
def test_an_instant_without_its_offset_is_refused(text: str) -> None:
    assert refusal(text) == (
        f"'{text}' has no offset: end it with Z for UTC, or with one like +01:00"
    )


@pytest.mark.parametrize(
    "text",
    [
        "2016-12-31T23:59:60Z",
        "2016-12-31T23:59:60.999Z",
        "2016-12-31T15:59:60-08:00",
        "2017-01-01T05:29:60+05:30",
    ],
)
def test_a_leap_second_is_the_second_after_it(text: str) -> None:
    assert instant(text) == datetime(2017, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2016-12-31T23:58:60Z", "2016-12-30T23:59:60Z", "2016-12-31T23:59:60+01:00"]
)
def test_a_second_60_elsewhere_is_refused(text: str) -> None:
    assert refusal(text) == f"'{text}' has a second 60, and leap seconds end a month in UTC"


@pytest.mark.parametrize(
    "clock",
    [
        "24:00:00Z",
        "10:60:00Z",
        "10:30:61Z",
        "10:30:00+24:00",
        "10:30:00+23:60",
        "10:30:00-99:99",
    ],
)
def test_a_time_that_no_clock_shows_is_refused(clock: str) -> None:
    text = f"2026-03-31T{clock}"
    assert refusal(text) == f"'{text}' is not a time of day of the calendar"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"])
def test_an_instant_beyond_the_calendar_is_refused(text: str) -> None:
    assert refusal(text) == f"'{text}' is not a time of day of the calendar"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "now",
        "1.0",
        "1e3",
        "+5",
        "1_0",
        "٣",
        "2026-03",
        "2026-3-1",
        "2026-03-31T10:30Z",
        "20260331T103000Z",
        "2026-03-31T10:30:00.Z",
        "2026-03-31T10:30:00,5Z",
        "2026-03-31T10:30:00+0130",
        "2026-03-31T10:30:00 UTC",
        "2026-03-31T10:30:00Z\n",
        "\0",
    ],
)
def test_anything_else_is_told_what_it_should_be(text: str) -> None:
    assert refusal(text) == (
        f"{text!r} is not a revision's number, a date (2026-03-31) or an instant with its offset"
        " (2026-03-31T12:00:00Z)"
    )


def test_a_date_without_its_hyphens_is_a_revision() -> None:
    assert read_as_of("20260331") == AtRevision(20_260_331)


def read_or_refused(text: str) -> AsOf | str:
    try:
        return read_as_of(text)
    except ValueError as refused:
        return str(refused)


offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.builds(
    lambda microseconds, offset: (
        datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    ).astimezone(offset),
    st.integers(-6 * 10**16, 6 * 10**16),
    offsets,
)


@given(moments)
def test_every_instant_that_python_writes_is_read_as_that_instant(moment: datetime) -> None:
    text = moment.isoformat()

    assert instant(text) == moment
    assert instant(text.replace("+", " ")) == moment
    assert instant(text).utcoffset() == timedelta()


@given(
    st.builds(AtRevision, st.integers(0, 10**18 - 1)).map(lambda at: (str(at.revision), at))
    | st.builds(AtDay, st.dates()).map(lambda at: (str(at), at))
    | moments.map(lambda moment: AtInstant(moment.astimezone(UTC))).map(lambda at: (str(at), at))
)
def test_what_is_written_is_read_again(written: tuple[str, AsOf]) -> None:
    text, as_of = written

    assert read_as_of(text) == as_of


@given(
    st.text() | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.+\-Zz ]*)?", fullmatch=True)
)
def test_any_text_is_read_or_refused_in_a_sentence_of_one_line(text: str) -> None:
    found = read_or_refused(text)

    if isinstance(found, str):
        assert 0 < len(found) < 1000
        assert found.isprintable()
    else:
        assert isinstance(found, AtRevision | AtInstant | AtDay)
