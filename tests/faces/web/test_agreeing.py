"""The dashboard and the API say the same, to the node-second: every table, every figure, for everybody."""

from __future__ import annotations

import json
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from nodehours.faces.charts.wording import per_cent
from nodehours.terms.node_seconds import whole_node_hours
from tests.faces.web.reading import read_page
from tests.faces.web.taking import drawn_rows, table, taken
from tests.faces.web.world import PERIOD, World

everyone = pytest.mark.parametrize("who", ["staff", "owner", "member", "researcher"])
SINCE, UNTIL = "2025-12", "2026-11"
Row = dict[str, Any]


def month(row: Row) -> str:
    return f"{row['year']}-{row['month']:02}"


def project(row: Row) -> str:
    return str(row["project_identifier"])


def summed(rows: Iterable[Row], by: Callable[[Row], Any]) -> dict[Any, int]:
    """The node-seconds of the API's rows in the period that pages show, summed; what used nothing left out."""
    sums: Counter[Any] = Counter()
    for row in rows:
        if SINCE <= month(row) <= UNTIL:
            sums[by(row)] += row["node_seconds"]
    return {key: node_seconds for key, node_seconds in sums.items() if node_seconds}


def told(rows: Iterable[Row], *keys: str, figure: str = "node_seconds") -> dict[Any, int]:
    """The figures of a table by its *keys*; each has one row."""
    found = [(tuple(row[key] for key in keys), row[figure]) for row in rows if row[figure]]
    assert len(dict(found)) == len(found)
    return {key if len(keys) > 1 else key[0]: figure for key, figure in found}


@everyone
@pytest.mark.parametrize("by", ["organisation", "project", "resource"])
def test_the_months_of_the_overview(world: World, who: str, by: str) -> None:
    rows = table(world, who, f"/?{PERIOD}&by={by}", "months-by")

    assert told(rows, "month", figure="total_node_seconds") == summed(world.rows(who), month)
    parts = [
        sum(figure for name, figure in row.items() if name.endswith("_node_seconds"))
        for row in rows
    ]
    assert parts == [2 * row["total_node_seconds"] for row in rows]


@everyone
def test_the_projects_and_resources_of_the_overview(world: World, who: str) -> None:
    """The largest are told one by one, in the chart's table and in their own."""
    for by, key in (("project", project), ("resource", lambda row: row["resource_name"])):
        sums = summed(world.rows(who), key)
        largest = table(world, who, f"/?{PERIOD}&by={by}", "largest")
        parts = table(world, who, f"/?{PERIOD}&by={by}", "months-by")
        assert told(largest, "name") == sums
        assert [row["node_seconds"] for row in largest] == sorted(sums.values(), reverse=True)
        for name, node_seconds in sums.items():
            if f"{name}_node_seconds" in parts[0]:
                assert sum(row[f"{name}_node_seconds"] for row in parts) == node_seconds


@everyone
def test_the_organisations_of_the_overview(world: World, who: str) -> None:
    names = dict(
        world.ask(
            "select projects.identifier, organisations.name from projects"
            " join organisations on organisations.id = organisation_id"
        )
    )
    largest = table(world, who, f"/?{PERIOD}", "largest")

    assert told(largest, "name") == summed(world.rows(who), lambda row: names[project(row)])


@everyone
def test_the_states_of_months(world: World, who: str) -> None:
    """Of those who see whole statements: how many there are, and how much is in them."""
    whole = {row["allocation_uuid"] for row in world.rows(who) if row["user_uuid"] is None}
    seen = [row for row in world.rows(who) if row["allocation_uuid"] in whole]
    rows = table(world, who, f"/?{PERIOD}", "months")

    if who != "researcher":
        assert told(rows, "month", figure="used_node_seconds") == summed(seen, month)
    for row in rows:
        here = [one for one in seen if month(one) == row["month"]]
        assert row["statements"] == len({one["allocation_uuid"] for one in here})
        for state in ("provisional", "restated"):
            assert row[state] == len(
                {one["allocation_uuid"] for one in here if is_so(one, state, row["state"])}
            )
        assert row["closed"] == len({one["allocation_uuid"] for one in here if one["is_closed"]})


def is_so(row: Row, state: str, of_month: str) -> bool:
    """While a month runs, every statement of it is provisional."""
    return bool(row["state"] == state or (state == "provisional" and of_month == "open"))


@everyone
def test_the_matrix_and_the_pages_of_months(world: World, who: str) -> None:
    rows = table(world, who, f"/months/?{PERIOD}", "matrix")
    sums = summed(world.rows(who), lambda row: (project(row), month(row)))

    found = {
        (row["project"], key.removesuffix("_node_seconds")): figure
        for row in rows
        for key, figure in row.items()
        if key[:2] == "20" and key.endswith("_node_seconds") and figure
    }
    assert found == sums
    assert told(rows, "project", figure="total_node_seconds") == summed(world.rows(who), project)
    for of in (SINCE, "2026-06", UNTIL):
        month_page = table(world, who, f"/months/{of}/", "projects")
        assert told(month_page, "project") == {
            p: figure for (p, m), figure in sums.items() if m == of
        }


@everyone
def test_a_project_by_month_and_by_user(world: World, who: str) -> None:
    for identifier in sorted({project(row) for row in world.rows(who)})[:4]:
        rows = [row for row in world.rows(who) if project(row) == identifier]
        months = table(world, who, f"/projects/{identifier}/?{PERIOD}", "by-month")
        users = table(world, who, f"/projects/{identifier}/?{PERIOD}", "by-user")

        assert told(months, "month") == summed(rows, month)
        nobodys = {month(row): row["node_seconds"] for row in rows if row["user_uuid"] is None}
        assert {row["month"] for row in months if row["unattributed_node_seconds"] is None} == (
            set() if nobodys else {row["month"] for row in months}
        )
        if nobodys:
            of_nobody = summed((row for row in rows if row["user_uuid"] is None), month)
            assert told(months, "month", figure="unattributed_node_seconds") == of_nobody
        assert sorted(row["node_seconds"] for row in users if row["node_seconds"]) == sorted(
            summed(rows, lambda row: row["user_uuid"]).values()
        )
        assert told(users, "username") == summed(rows, lambda row: row["username"])


@everyone
def test_a_project_by_day(world: World, who: str) -> None:
    """As far as days are shown: the last ninety-two."""
    for identifier in sorted({project(row) for row in world.rows(who)})[:2]:
        period = "from=2026-08&to=2026-09&per=day"
        days = table(world, who, f"/projects/{identifier}/?{period}", "by-day")
        rows = [row for row in world.rows(who) if project(row) == identifier]
        sums = summed(rows, month)

        found: Counter[str] = Counter()
        for row in days:
            found[row["day"][:7]] += row["node_seconds"]
        assert found == Counter({of: sums[of] for of in ("2026-08", "2026-09") if of in sums})


@everyone
def test_an_allocation(world: World, who: str) -> None:
    for uuid in sorted({row["allocation_uuid"] for row in world.rows(who)})[:3]:
        rows = [row for row in world.rows(who) if row["allocation_uuid"] == uuid]
        months = table(world, who, f"/allocations/{uuid}/?{PERIOD}", "by-month")
        states = {month(row): (row["state"], row["is_closed"]) for row in rows}

        assert told(months, "month") == summed(rows, month)
        assert {row["month"]: (row["state"], row["state_is_closed"]) for row in months} == {
            of: state for of, state in states.items() if SINCE <= of <= UNTIL
        }


@everyone
def test_a_user(world: World, who: str) -> None:
    """The one who used most of what the reader sees."""
    sums = summed(world.rows(who), lambda row: row["user_uuid"])
    uuid = max((of for of in sums if of), key=lambda of: (sums[of], of))
    rows = table(world, who, f"/users/{uuid}/?{PERIOD}", "rows")
    grants = table(world, who, f"/users/{uuid}/?{PERIOD}", "allocations")
    theirs = [row for row in world.rows(who) if row["user_uuid"] == uuid]

    def of_grant(row: Row) -> tuple[str, str]:
        return project(row), row["resource_name"]

    assert told(rows, "month", "project", "resource") == summed(
        theirs, lambda row: (month(row), *of_grant(row))
    )
    assert told(grants, "project", "resource") == summed(theirs, of_grant)


@everyone
def test_what_explains_a_figure_comes_to_it(world: World, who: str) -> None:
    for identifier in sorted({project(row) for row in world.rows(who)})[:3]:
        address = f"/months/2026-03/{identifier}/"
        rows = [
            row for row in world.rows(who) if (project(row), month(row)) == (identifier, "2026-03")
        ]
        names = sorted({row["resource_name"] for row in rows})
        for number, resource in enumerate(names, 1):
            here = [row for row in rows if row["resource_name"] == resource]
            figure = sum(row["node_seconds"] for row in here)
            days = table(world, who, address, f"days-{number}")
            versions = table(world, who, address, f"versions-{number}")
            whose = table(world, who, address, f"rows-{number}")
            assert sum(row["node_seconds"] for row in days) == figure
            assert versions[0]["node_seconds"] == figure
            assert sorted(row["node_seconds"] for row in whose) == sorted(
                row["node_seconds"] for row in here
            )


@everyone
def test_charts_are_drawn_from_these_figures(world: World, who: str) -> None:
    """Rounded to no less than a node-second."""
    identifier = min(project(row) for row in world.rows(who))
    rows = [row for row in world.rows(who) if project(row) == identifier]
    for address, figure, seen in (
        (f"/?{PERIOD}", "monthly", world.rows(who)),
        (f"/?{PERIOD}&by=project&unit=share", "monthly", world.rows(who)),
        (f"/projects/{identifier}/?{PERIOD}", "use", rows),
        (f"/projects/{identifier}/?{PERIOD}&split=user", "use", rows),
        (f"/projects/{identifier}/?{PERIOD}", "users", rows),
        (f"/months/?{PERIOD}", "heat", world.rows(who)),
    ):
        spec = json.loads(taken(world, who, address, figure=f"{figure}.json"))
        hours = sum(row["hours"] for row in drawn_rows(spec))
        assert round(hours * 3600) == sum(summed(seen, month).values()), address


@everyone
def test_pages_show_what_their_tables_say(world: World, who: str) -> None:
    """Node-hours as the API rounds them, in the cells that people read."""
    exact = table(world, who, f"/?{PERIOD}&by=project", "months-by")
    with world.client(who) as client:
        shown = read_page(client.get(f"/?{PERIOD}&by=project").text)
    head, *lines = shown.table("Node-hours by month and project")

    assert [line[-1].value for line in lines] == [row["total_node_hours"] for row in exact]
    assert [line[-1].text.replace(",", "") for line in lines] == [line[-1].value for line in lines]
    for place, cell in enumerate(head[2:-1], 2):
        name = "(others)" if cell.text == "all others" else cell.text
        assert [line[place].value for line in lines] == [row[f"{name}_node_hours"] for row in exact]


@everyone
def test_finished_months_are_compared_with_as_many_before(world: World, who: str) -> None:
    """The ledger reaches back to October 2025: half a year can be compared, and two thirds of one not."""
    rows = world.rows(who)
    now, before = (
        sum(row["node_seconds"] for row in rows if first <= month(row) <= last)
        for first, last in (("2026-05", "2026-10"), ("2025-11", "2026-04"))
    )

    with world.client(who) as client:
        comparable = read_page(client.get("/?from=2026-05&to=2026-10").text).text
        not_so = read_page(client.get("/?from=2026-03&to=2026-10").text).text

    word = "more" if now >= before else "less"
    assert f"6 finished months: {whole_node_hours(now):,}" in comparable
    assert f"before them {whole_node_hours(before):,}" in comparable
    assert f"{per_cent(abs(now - before), before)} {word}" in comparable
    assert "does not reach back" in not_so


def test_the_use_against_the_even_burn_line_comes_to_what_was_used(world: World) -> None:
    """Each month's use, what it came to, and the even-burn line, which is the whole limit at the grant's end."""
    (grant,) = world.ask(
        """
        select allocations.uuid, node_limit_node_seconds, starts, ends
        from allocations join projects on projects.id = project_id join resources on resources.id = resource_id
        where projects.identifier = 'climate.demo' and resources.name = 'isca'
        """
    )
    uuid, limit, starts, ends = grant
    rows = table(world, "staff", f"/allocations/{uuid.hex}/", "burn-by-month")

    used = 0
    for row in rows:
        used += row["node_seconds"]
        assert row["until_then_node_seconds"] == used
        assert row["difference_node_seconds"] == used - row["even_burn_node_seconds"]
    of_month = [row for row in world.rows("staff") if row["allocation_uuid"] == uuid.hex]
    assert used == sum(row["node_seconds"] for row in of_month)
    first = rows[0]
    days = monthrange(starts.year, starts.month)[1] - starts.day + 1
    assert first["even_burn_node_seconds"] == limit * days // ((ends - starts).days + 1)
