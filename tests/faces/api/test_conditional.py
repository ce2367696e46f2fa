"""Conditional requests read, and answers told by their tags and dates: pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from hypothesis import given
from hypothesis import strategies as st

from nodehours.faces.api.conditional import Conditions, Validators, entity_tag

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)
TAG = entity_tag("ledger", 7)
SECOND = timedelta(seconds=1)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
moments = st.timedeltas(timedelta(0), timedelta(seconds=5))


def told(changed: datetime, now: datetime = NOON) -> Validators:
    return Validators(TAG, changed, now)


def since(date: str) -> Conditions:
    return Conditions(if_modified_since=date)


def test_an_answer_is_told_by_its_tag_in_any_list_weak_or_strong() -> None:
    known = told(NOON - SECOND)
    named = [f'"{TAG}"', f'W/"{TAG}"', f'"other", "{TAG}"', f'"a,b" ,W/"x",W/"{TAG}", "y"']

    assert all(known.name(Conditions(text)) and known.hold(Conditions(text)) for text in named)


def test_other_tags_and_what_is_no_tag_tell_nothing() -> None:
    known = told(NOON - SECOND)
    others = ["", '"', TAG, f'"{TAG}', f'"{TAG}x"', f'"x{TAG}"', '""', "W/", "\xff", f'w/{TAG}"']

    assert not any(known.name(Conditions(text)) or known.hold(Conditions(text)) for text in others)


def test_any_tag_will_do_for_an_answer_that_there_is_but_names_none() -> None:
    assert told(NOON).hold(Conditions("*"))
    assert not told(NOON).name(Conditions("*"))


def test_a_tag_is_asked_about_and_the_date_beside_it_is_not() -> None:
    known = told(NOON - 9 * SECOND)
    date = known.headers["Last-Modified"]

    assert known.hold(Conditions(None, date))
    assert not known.hold(Conditions('"other"', date))


def test_dates_are_read_in_all_forms_of_http_and_nothing_else_is() -> None:
    known = told(NOON - 9 * SECOND)

    for date in (
        "Tue, 31 Mar 2026 11:59:58 GMT",
        "Tuesday, 31-Mar-26 11:59:58 GMT",
        "Tue Mar 31 11:59:58 2026",
    ):
        assert known.hold(since(date))
    for date in ("", "yesterday", "2026-03-31", "Tue, 99 Mar 2026 11:59:58 GMT", "\xff", "0" * 999):
        assert not known.hold(since(date))


def test_a_date_to_come_is_no_date_of_an_answer() -> None:
    assert not told(NOON - 9 * SECOND).hold(since("Tue, 31 Mar 2026 12:00:01 GMT"))


@given(instants, moments, moments, moments)
def test_a_date_hides_no_change_of_the_same_second(
    changed: datetime, until_read: timedelta, until_changed: timedelta, until_asked: timedelta
) -> None:
    """Read at some time after one change, and asked about at some time after another, at which it could be read."""
    read = changed + until_read
    date = told(changed, read).headers["Last-Modified"]
    again = read + until_changed

    assert not told(again, again + until_asked).hold(since(date))


@given(instants, moments, moments)
def test_a_date_saves_an_answer_once_the_second_has_passed(
    changed: datetime, until_read: timedelta, until_asked: timedelta
) -> None:
    read = changed + 2 * SECOND + until_read
    date = told(changed, read).headers["Last-Modified"]

    assert told(changed, read + until_asked).hold(since(date))


@given(instants, moments)
def test_the_date_is_never_later_than_now_nor_more_than_a_second_from_the_change(
    changed: datetime, since_then: timedelta
) -> None:
    date = parsedate_to_datetime(told(changed, changed + since_then).headers["Last-Modified"])

    assert date <= changed + since_then
    assert abs(date - changed) < SECOND
    assert format_datetime(date, usegmt=True).endswith("GMT")


@given(st.tuples(st.text(), st.integers()), st.tuples(st.text(), st.integers()))
def test_two_answers_that_depend_on_different_things_have_different_tags(
    one: tuple[str, int], other: tuple[str, int]
) -> None:
    assert (entity_tag(*one) == entity_tag(*other)) == (one == other)


def test_a_tag_shows_nothing_of_what_it_is_made_of() -> None:
    assert entity_tag("brics", 4711).isalnum()
    assert len(entity_tag("brics", 4711)) == 32
    assert "4711" not in entity_tag("brics", 4711)
