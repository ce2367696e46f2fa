"""What did we report for March, and when?"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from nodehours.faces.cli.reported import Reported, as_csv, as_table
from nodehours.faces.cli.shown import inert
from nodehours.ledger.closing import close_month
from nodehours.ledger.moves import rename_project
from nodehours.ledger.people import User, add_user
from nodehours.ledger.store import Connection
from nodehours.queries.clock import Snapshot
from nodehours.queries.statements import RowThen, StatementThen
from nodehours.terms.month import Month
from tests.faces.cli.conftest import Run, dump
from tests.faces.cli.conftest import report as document
from tests.faces.cli.told import told
from tests.ledger.moving import MARCH, OCEAN, STAFF, WEATHER, report, whole_month

UNIT = "node-hours are node-seconds / 3600, rounded to 2 places, half to even"


@pytest.fixture
def reported(connection: Connection) -> Connection:
    """March as it was reported, late jobs, March closed, and another project renamed."""
    report(connection, whole_month(MARCH, al=3600, old=60), alice="al")
    report(connection, {"2026-03-01": {"bo": 36}}, OCEAN, "tigris", bob="bo")
    report(connection, {"2026-03-02": {"al": 7200}})
    close_month(connection, "climate.brics", MARCH, STAFF)
    rename_project(connection, OCEAN, WEATHER, STAFF)
    return connection


@pytest.mark.usefixtures("reported")
def test_each_statement_has_a_line_and_the_last_line_says_as_of_when(nodehours: Run) -> None:
    done = nodehours("report")

    assert done.returncode == 0
    assert told(done.stdout) == [
        "project  resource  month  state  closed  node-hours  unattributed h  complete days  revision  recorded (UTC)",
        "climate.brics  isca  2026-03  restated  yes  3.02  0.02  31/31  4  WHEN",
        "weather.brics  tigris  2026-03  provisional  no  0.01  0.00  1/31  5  WHEN",
        "all  3.03  0.02",
        "",
        f"as of revision 5, WHEN UTC; {UNIT}",
    ]


@pytest.mark.usefixtures("reported")
def test_as_of_then_it_is_what_was_reported_then(nodehours: Run) -> None:
    """Before the late jobs, before the closing, and by the name of then."""
    done = nodehours("report", "weather.brics", "2026-03", "--as-of", "2")
    climate = nodehours("report", "climate.brics", "--as-of", "2")

    assert told(done.stdout)[1] == (
        "ocean.brics  tigris  2026-03  provisional  no  0.01  0.00  1/31  2  WHEN"
    )
    assert told(climate.stdout) == [
        "project  resource  month  state  closed  node-hours  unattributed h  complete days  revision  recorded (UTC)",
        "climate.brics  isca  2026-03  complete  no  1.02  0.02  31/31  1  WHEN",
        "",
        f"as of revision 2, WHEN UTC; {UNIT}",
    ]


@pytest.mark.usefixtures("reported")
def test_an_instant_that_a_report_names_gives_that_report_again(nodehours: Run) -> None:
    """By revision and by instant."""
    then = nodehours("report", "--format", "json", "--as-of", "3")
    instant = json.loads(then.stdout)["as_of"]

    again = nodehours("report", "--format", "json", "--as-of", instant)

    assert json.loads(again.stdout) == json.loads(then.stdout)


def test_with_users_each_statement_has_its_rows_and_its_hash(
    reported: Connection, nodehours: Run
) -> None:
    add_user(
        reported, User("alice", "Älice Ångström 山田", "", False, False, True, ["alice.brics"])
    )

    done = nodehours("report", "climate.brics", "--users")

    assert told(done.stdout) == [
        "climate.brics on isca, 2026-03: restated, closed, 31 of 31 days complete",
        "user  full name  node-hours  row  revision",
        "alice.climate.brics  Älice Ångström 山田  3.00  1  3",
        "unknown  -  0.02  2  1",
        "all  3.02",
        "revision 4, WHEN UTC; content sha256 SHA256",
        "rule: as reported",
        "",
        f"as of revision 6, WHEN UTC; {UNIT}",
    ]


def test_csv_has_exact_figures_and_the_unit_in_its_head(
    reported: Connection, nodehours: Run
) -> None:
    ((sha256,),) = reported.execute("select sha256 from statements order by allocation_id limit 1")

    totals = list(csv.DictReader(io.StringIO(nodehours("report", "--format", "csv").stdout)))
    users = nodehours("report", "2026-03", "--users", "--format", "csv").stdout

    assert [one["node_seconds"] for one in totals] == ["10860", "36"]
    first = totals[0]
    assert (first["node_hours"], first["unattributed_node_seconds"]) == ("3.02", "60")
    assert (first["is_closed"], first["content_sha256"]) == ("yes", sha256.hex())
    assert (first["as_of_revision"], first["as_of"][-1]) == ("5", "Z")
    rows = list(csv.DictReader(io.StringIO(users)))
    assert [(one["user"], one["node_seconds"], one["node_hours"]) for one in rows] == [
        ("alice.climate.brics", "10800", "3.00"),
        ("unknown", "60", "0.02"),
        ("bob.weather.brics", "36", "0.01"),
        ("unknown", "0", "0.00"),
    ]


def test_a_statement_says_by_which_rules_its_days_were_reckoned_as_it_was_then(
    reported: Connection, nodehours: Run
) -> None:
    days = {f"2026-03-0{day}": {"bo": 36} for day in (1, 2)}
    report(reported, days, WEATHER, "tigris", rule="allocated-nodes")
    report(reported, {"2026-03-02": {"bo": 9}}, WEATHER, "tigris", rule="tres:gres/gpu*1/4")
    rules = "allocated-nodes, from 2026-03-02 tres:gres/gpu*1/4"

    block = told(nodehours("report", "weather.brics", "--users").stdout)
    (line,) = csv.DictReader(
        io.StringIO(nodehours("report", "weather.brics", "--format", "csv").stdout)
    )
    (one,) = json.loads(nodehours("report", "weather.brics", "--format", "json").stdout)[
        "statements"
    ]
    before = told(nodehours("report", "weather.brics", "--users", "--as-of", "5").stdout)

    assert block[-3] == f"rule: {rules}"
    assert line["rule"] == rules
    assert one["rules"] == [
        {"since": "2026-03-01", "rule": "allocated-nodes"},
        {"since": "2026-03-02", "rule": "tres:gres/gpu*1/4"},
    ]
    assert before[-3] == "rule: as reported"


def test_json_tells_a_statement_with_all_that_is_known_of_it(
    reported: Connection, nodehours: Run
) -> None:
    ((uuid,),) = reported.execute("select uuid from allocations order by id limit 1")

    found = json.loads(nodehours("report", "climate.brics", "--format", "json", "--users").stdout)

    (one,) = found["statements"]
    assert (one["allocation"], one["state"], one["is_closed"]) == (uuid.hex, "restated", True)
    assert (one["node_seconds"], one["node_hours"], one["revision"]) == (10860, "3.02", 4)
    assert (one["complete_days"], one["days"], len(one["content_sha256"])) == (31, 31, 64)
    assert [row["user"] for row in one["rows"]] == ["alice.climate.brics", "unknown"]
    assert sum(row["node_seconds"] for row in one["rows"]) == 10860
    assert (found["as_of_revision"], found["unit"]) == (5, UNIT)


def test_an_empty_ledger_says_what_to_do_next(nodehours: Run) -> None:
    plain = nodehours("report")
    lines = nodehours("report", "--format", "csv")

    assert (plain.returncode, plain.stdout) == (0, "")
    assert plain.stderr == (
        "Nothing was reported yet as of revision 0: `nodehours ingest` takes usage in.\n"
    )
    assert lines.stdout.startswith("project,resource,month,")
    assert len(lines.stdout.splitlines()) == 1


@pytest.mark.usefixtures("reported")
@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("climat.brics",), 3, "there is no project or organisation 'climat.brics': is it climate.brics"),
        (("2026-13",), 3, "there is no project or organisation '2026-13': `nodehours report` lists"),
        (("climate.brics", "2026-13"), 2, "month must be 1 to 12, not 13"),
        (("--as-of", "99"), 2, "there is no revision 99 yet: the ledger is at revision 5"),
        (("--as-of", "soon"), 2, "'soon' is not a revision's number, a date"),
        (("climate.brics", "2026-05"), 0, "Nothing was reported of climate.brics in 2026-05"),
        (("--resource", "moon"), 0, "Nothing was reported on moon as of revision 5"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said_with_what_is_nearest(
    nodehours: Run, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    done = nodehours("report", *arguments)

    assert done.returncode == status
    assert sentence in done.stderr
    assert done.stdout == ""


def test_late_jobs_of_a_real_report_show_as_a_restatement(nodehours: Run) -> None:
    days = {f"2026-03-{day:02d}": {"al": 3600} for day in range(1, 32)}
    arguments = ("ingest", "openportal", "-", "--resource", "isca")
    nodehours(*arguments, stdin=dump(document("climate.brics", days, alice="al")))
    late = days | {"2026-03-31": {"al": 7200}}
    nodehours(*arguments, stdin=dump(document("climate.brics", late, alice="al")))

    before = told(nodehours("report", "--as-of", "1").stdout)[1]
    after = told(nodehours("report").stdout)[1]

    assert before == "climate.brics  isca  2026-03  complete  no  31.00  0.00  31/31  1  WHEN"
    assert after == "climate.brics  isca  2026-03  restated  no  32.00  0.00  31/31  2  WHEN"


NOW = datetime(2026, 4, 2, tzinfo=UTC)
MARCH_THEN = StatementThen(
    1, UUID(int=1), "climate.brics", "@isca", Month(2026, 3), 31, False, False, 36, 0, 2, 1, NOW, bytes(32)
)  # fmt: skip


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1", '=HYPERLINK("https://x.example";"a")']
)
def test_no_name_is_a_formula_in_csv(name: str) -> None:
    """People choose their own names; identifiers cannot begin so. JSON and the table have them as they are."""
    row = RowThen(1, Month(2026, 3), 1, UUID(int=2), "alice.climate.brics", name, 36, 1)
    found = Reported(Snapshot(1, NOW), [MARCH_THEN], [row])

    (line,) = csv.DictReader(io.StringIO(as_csv(found)))

    assert (line["full_name"], line["resource"]) == (f"'{name}", "'@isca")
    assert name in as_table(found)


@pytest.mark.parametrize("name", ["", "Älice", "山田", "O'Neil", "a=b", 'Anne-Marie, "Ann"'])
def test_every_other_name_comes_through_csv_as_it_is(name: str) -> None:
    row = RowThen(1, Month(2026, 3), 1, UUID(int=2), "alice.climate.brics", name, 36, 1)
    found = Reported(Snapshot(1, NOW), [MARCH_THEN], [row])

    (line,) = csv.DictReader(io.StringIO(as_csv(found)))

    assert line["full_name"] == name == inert(name)
