"""The overview: every reader is told the sums of what they may see, and of nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial

import pytest

from nodehours.ledger.inventory import name_organisation, set_resource
from nodehours.ledger.store import Connection
from nodehours.queries.access import operator_scope
from nodehours.queries.overview import (
    ORDERS,
    OTHERS,
    By,
    Freshness,
    Largest,
    Part,
    Totals,
    freshness,
    largest,
    monthly_usage,
    totals,
)
from nodehours.queries.resource_use import ResourceUse, resource_use
from nodehours.queries.seen_usage import newest_month, sum_seen
from nodehours.terms.month import Month
from nodehours.terms.period import Period
from nodehours.terms.scope import Scope
from tests.centre import REPORTS, Centre
from tests.queries.seen import answered, walked
from tests.queries.summed import (
    ALWAYS,
    WINTER,
    Eyes,
    key_of,
    month_of,
    readers,
    total,
    totals_by,
    unserved,
)
from tests.reported import Reported, fill

DAY = 86_400
bys = pytest.mark.parametrize("by", By)


@pytest.fixture(scope="module", name="centre")
def kept_centre(server_url: str, template: str) -> Iterator[Centre]:
    with unserved(server_url, template) as centre:
        yield centre


@bys
@readers
def test_months_are_told_by_the_largest_and_all_the_others(
    centre: Centre, name: str, by: By
) -> None:
    eyes = Eyes.of(centre, name)
    parts = eyes.ask(lambda c, scope: monthly_usage(c, scope, by, ALWAYS, top=2))

    ranked = [key for key, used in _ranked(totals_by(eyes.rows(), by)) if used]
    expected: Counter[tuple[Month, int]] = Counter()
    for row in eyes.rows():
        expected[month_of(row), min(2, ranked.index(key_of(row, by)))] += row.told.node_seconds
    assert [(one.month, one.key, one.node_seconds) for one in parts] == [
        (month, [*ranked[:2], None][min(place, len(ranked))] if place < 2 else None, used)
        for (month, place), used in sorted(expected.items())
        if used
    ]
    assert all((one.name == OTHERS) == (one.key is None) for one in parts)


def _ranked(summed: Counter[str]) -> list[tuple[str, int]]:
    return sorted(summed.items(), key=lambda one: (-one[1], one[0]))


@readers
def test_the_totals_are_those_of_the_rows_that_are_seen(centre: Centre, name: str) -> None:
    eyes = Eyes.of(centre, name)
    rows, whole = eyes.rows(WINTER), eyes.whole_rows(WINTER)
    used = [row for row in rows if row.told.node_seconds]

    found = eyes.ask(lambda c, scope: totals(c, scope, WINTER))

    assert found == Totals(
        node_seconds=total(rows),
        unattributed=total(row for row in whole if row.user is None),
        projects=len({row.told.project for row in used}),
        users=len({row.user for row in used} - {None}),
        statements=len({(row.allocation, month_of(row)) for row in rows}),
        whole=total(whole),
    )
    assert all(type(figure) is int for figure in found)
    assert eyes.ask(lambda c, scope: sum_seen(c, scope, WINTER)) == total(rows)


@readers
def test_the_newest_month_is_the_last_of_which_anything_is_seen(centre: Centre, name: str) -> None:
    eyes = Eyes.of(centre, name)

    found = eyes.ask(newest_month)

    assert found == max(map(month_of, eyes.rows()), default=None)


def test_a_stranger_is_told_of_nothing(centre: Centre) -> None:
    eyes = Eyes.of(centre, "nobody")

    assert eyes.ask(lambda c, scope: totals(c, scope, ALWAYS)) == Totals(0, 0, 0, 0, 0, 0)
    assert eyes.ask(freshness) == Freshness(None, None, None)
    for by in By:
        assert eyes.ask(partial(monthly_usage, by=by, period=ALWAYS)) == []
        assert all_of(eyes, by, ALWAYS) == []


def all_of(
    eyes: Eyes, by: By, period: Period, *, search: str = "", order: str = "-node_seconds"
) -> list[Largest]:
    """Every page of the largest, however long pages are."""
    return eyes.ask(
        lambda c, scope: walked(
            lambda offset, limit: largest(
                c, scope, by, period, search=search, order=order, offset=offset, limit=limit
            )
        )
    )


@bys
@readers
def test_the_largest_come_first_beside_what_they_used_before(
    centre: Centre, name: str, by: By
) -> None:
    eyes = Eyes.of(centre, name)
    now, before = totals_by(eyes.rows(WINTER), by), totals_by(eyes.rows(WINTER.previous), by)

    found = all_of(eyes, by, WINTER)

    assert [(one.key, one.node_seconds, one.before) for one in found] == [
        (key, used, before[key]) for key, used in _ranked(now) if used
    ]


@bys
def test_they_come_in_any_order_that_is_asked_for(centre: Centre, by: By) -> None:
    eyes = Eyes.of(centre, "staff")
    by_key = sorted(all_of(eyes, by, WINTER), key=lambda one: one.key)

    for order in ORDERS:
        name = order.removeprefix("-")
        expected = sorted(by_key, key=lambda one: getattr(one, name), reverse=order != name)
        if order != name:  # what is equal comes by key all the same
            expected = sorted(by_key, key=lambda one: _falling(getattr(one, name)))
        assert all_of(eyes, by, WINTER, order=order) == expected


def _falling(value: int | str) -> list[int]:
    return [-value] if isinstance(value, int) else [-ord(letter) for letter in f"{value}\x00"]


def test_who_used_nothing_is_not_counted_and_not_among_the_largest(database_url: str) -> None:
    """Bob has a row of 0, and the project idle a statement of 0."""
    day = date(2024, 1, 1)
    both = {"alice": "al", "bob": "bo"}
    fill(database_url, [Reported("isca", "climate.brics", both, {day: {"al": 60, "bo": 0}})])
    fill(database_url, [Reported("isca", "idle.brics", {"bob": "bo"}, {day: {"bo": 0}})])

    for scope in (operator_scope(), Scope(0, everything=False, allocations=(1, 2))):
        told = answered(database_url, scope, partial(totals, period=WINTER))
        find = partial(largest, by=By.PROJECT, period=WINTER, offset=0, limit=9)
        assert told == Totals(60, 0, projects=1, users=1, statements=2, whole=60)
        assert [one.key for one in answered(database_url, scope, find).rows] == ["climate.brics"]
        parts = answered(database_url, scope, partial(monthly_usage, by=By.PROJECT, period=WINTER))
        assert parts == [Part(Month(2024, 1), "climate.brics", "climate.brics", 60)]


def test_rows_say_what_they_are_of(centre: Centre) -> None:
    eyes = Eyes.of(centre, "staff")
    climate = all_of(eyes, By.PROJECT, ALWAYS, search="CLIM")
    brics = all_of(eyes, By.ORGANISATION, ALWAYS, search="rIc")
    isca = all_of(eyes, By.RESOURCE, ALWAYS, search="isca")

    assert [one[::2][:2] + one[5:] for one in climate] == [
        ("climate.brics", "climate.brics", "brics", "brics")
    ]
    assert [(one.key, one.name, one.organisation) for one in brics] == [("brics", "brics", "brics")]
    assert [(one.key, one.name, one.organisation) for one in isca] == [("isca", "isca", "")]
    assert all_of(eyes, By.PROJECT, ALWAYS, search="%") == []


def test_an_organisation_is_found_by_its_name_too(
    database_url: str, connection: Connection
) -> None:
    fill(database_url, REPORTS)
    name_organisation(connection, "brics", "Bristol Centre")

    for search in ("ristol", "BRICS"):
        find = partial(largest, by=By.ORGANISATION, period=ALWAYS, search=search, offset=0, limit=9)
        found = answered(database_url, operator_scope(), find)
        assert [(one.key, one.name) for one in found.rows] == [("brics", "Bristol Centre")]
        assert found.total == 1


def test_the_capacity_is_that_of_the_past_days_of_resources_of_known_size(
    database_url: str, connection: Connection
) -> None:
    fill(database_url, REPORTS)
    set_resource(connection, "isca", 3)

    def told(scope: Scope, today: date) -> list[ResourceUse]:
        return answered(database_url, scope, lambda c, scope: resource_use(c, scope, WINTER, today))

    def capacities(today: date) -> list[int | None]:
        return [one.capacity for one in told(operator_scope(), today)]

    found = told(operator_scope(), date(2026, 1, 1))
    assert [one[:2] for one in found] == [("isca", 3), ("tigris", None)]
    assert sum(one.node_seconds for one in found) > 0
    assert capacities(date(2026, 1, 1)) == [3 * 60 * DAY, None]
    assert capacities(date(2024, 2, 1)) == [3 * 31 * DAY, None]
    assert capacities(date(2024, 1, 1)) == [0, None]
    assert capacities(date(2023, 1, 1)) == [0, None]
    assert told(Scope(0, everything=False, allocations=(1, 2, 3)), date(2026, 1, 1)) == []


@readers
def test_only_who_sees_everything_is_told_how_much_of_a_resource_is_used(
    centre: Centre, name: str
) -> None:
    eyes = Eyes.of(centre, name)
    found = eyes.ask(lambda c, scope: resource_use(c, scope, ALWAYS, date(2026, 1, 1)))

    expected = totals_by(eyes.rows(), By.RESOURCE) if eyes.scope.everything else {}
    assert {one.resource: one.node_seconds for one in found} == expected


@readers
def test_figures_are_as_fresh_as_what_is_seen_of_them(centre: Centre, name: str) -> None:
    """Reports tell of days 1 and 15, completely, and each came after those above it."""
    eyes = Eyes.of(centre, name)
    found = eyes.ask(freshness)

    months = [month_of(row) for row in eyes.whole_rows()]
    day = date(max(months).year, max(months).month, 15) if months else None
    assert found.complete_until == day
    assert (found.changed is None) == (eyes.rows() == [])
    assert (found.last_run is None) == (not eyes.scope.everything)
    assert all(one is None or one.tzinfo is UTC for one in (found.changed, found.last_run))


def test_a_change_that_is_not_seen_does_not_make_figures_fresher(
    database_url: str,
) -> None:
    fill(database_url, REPORTS[:3])
    climate = Scope(0, everything=False, allocations=(1,))
    before = (
        answered(database_url, climate, freshness),
        answered(database_url, operator_scope(), freshness),
    )

    fill(database_url, [Reported("isca", "ice.brics", {}, {date(2024, 5, 1): {"xy": 9}})])
    after = (
        answered(database_url, climate, freshness),
        answered(database_url, operator_scope(), freshness),
    )

    assert after[0] == before[0]
    assert _changed(after[1]) > _changed(before[1])
    assert after[1].complete_until == date(2024, 5, 1)


def _changed(fresh: Freshness) -> datetime:
    assert fresh.changed is not None
    return fresh.changed


def test_an_empty_ledger_has_nothing_to_tell(database_url: str) -> None:
    everything = operator_scope()

    assert answered(database_url, everything, freshness) == Freshness(None, None, None)
    assert answered(database_url, everything, newest_month) is None
    parts = answered(
        database_url, everything, lambda c, scope: monthly_usage(c, scope, By.PROJECT, ALWAYS)
    )
    assert parts == list[Part]()
