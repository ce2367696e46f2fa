"""How did this figure come to be?"""

from __future__ import annotations

import json

import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month
from nodehours.ledger.decisions import accept
from nodehours.ledger.moves import rename_project
from nodehours.ledger.store import Connection
from tests.faces.cli.conftest import Run, dump
from tests.faces.cli.conftest import report as document
from tests.faces.cli.told import told, widest
from tests.ledger.months import waiting
from tests.ledger.moving import CLIMATE, MARCH, OCEAN, WEATHER, report, whole_month

HEAD = "revision  recorded (UTC)  kind  state  before h  after h  difference h"
UNIT = "node-hours are node-seconds / 3600, rounded to 2 places, half to even"
STAFF = Origin(None, "", "carol")


@pytest.fixture
def changed(connection: Connection) -> Connection:
    """Reported, late jobs, closed, a correction accepted, renamed, opened never again."""
    report(connection, whole_month(MARCH, al=3600, old=60), alice="al")
    report(connection, {"2026-03-02": {"al": 7200}})
    close_month(connection, "climate.brics", MARCH, STAFF)
    report(connection, {"2026-03-02": {"al": 3600}})
    accept(connection, waiting(connection)[0], Origin(None, "the portal's mistake", "carol"))
    return connection


@pytest.mark.usefixtures("changed")
def test_each_version_of_a_statement_has_its_figures_and_why(nodehours: Run) -> None:
    done = nodehours("history", "climate.brics", "2026-03")

    assert done.returncode == 0
    lines = told(done.stdout)
    assert lines == [
        "climate.brics on isca, 2026-03: all usage",
        "",
        HEAD,
        "       1  WHEN  posting  complete  -  1.02  +1.02",
        "          first report",
        "       2  WHEN  posting  restated  1.02  3.02  +2.00",
        "          late jobs",
        "       3  WHEN  closing  restated, closed  3.02  3.02  0.00",
        "          2026-03 of climate.brics closed; by carol",
        "       4  WHEN  acceptance  restated, closed  3.02  2.02  -1.00",
        "          the portal's mistake; by carol",
        "",
        f"7260 node-seconds since revision 4; {UNIT}",
    ]
    assert widest(done.stdout.splitlines()[:-1]) <= 100


@pytest.mark.usefixtures("changed")
def test_a_row_has_its_own_versions_by_user_and_by_id(nodehours: Run) -> None:
    """Its month was closed between two of them."""
    by_user = nodehours("history", "climate.brics", "2026-03", "alice.climate.brics")
    by_id = nodehours("history", "1")
    nobody = nodehours("history", "climate.brics", "2026-03", "unknown")

    assert by_user.stdout == by_id.stdout
    lines = told(by_user.stdout)
    assert lines[0] == "climate.brics on isca, 2026-03: alice.climate.brics, row 1"
    assert [*lines[3:11:2], lines[-1]] == [
        "       1  WHEN  posting  complete  -  1.00  +1.00",
        "       2  WHEN  posting  restated  1.00  3.00  +2.00",
        "       3  WHEN  closing  restated, closed  3.00  3.00  0.00",
        "       4  WHEN  acceptance  restated, closed  3.00  2.00  -1.00",
        f"7200 node-seconds since revision 4; {UNIT}",
    ]
    assert told(nobody.stdout)[-1].startswith("60 node-seconds since revision 1; ")


def test_a_new_name_of_the_project_is_told_beside_the_figures(
    connection: Connection, nodehours: Run
) -> None:
    report(connection, whole_month(MARCH, bo=36), OCEAN, bob="bo")
    rename_project(connection, OCEAN, WEATHER, Origin(None, "a new grant", "carol"))

    statement = told(nodehours("history", "ocean.brics", "2026-03").stdout)
    row = told(nodehours("history", "1").stdout)

    assert statement[0] == "weather.brics on isca, 2026-03: all usage"
    assert statement[5:7] == [
        "       2  WHEN  renaming  complete  0.01  0.01  0.00",
        "          a new grant; weather.brics, before ocean.brics; by carol",
    ]
    assert row[6] == "          a new grant; bob.weather.brics, before bob.ocean.brics; by carol"


def test_the_document_and_the_run_of_each_version_are_named(nodehours: Run) -> None:
    arguments = ("ingest", "openportal", "-", "--resource", "isca")
    nodehours(*arguments, stdin=dump(document("climate.brics", {"2026-03-01": {"al": 36}})))

    plain = nodehours("history", "climate.brics", "2026-03")
    found = json.loads(nodehours("history", "climate.brics", "2026-03", "--json").stdout)

    assert "          first report; run 1 (openportal), <stdin>" in plain.stdout
    assert (found["project"], found["month"], found["row"]) == ("climate.brics", "2026-03", None)
    (version,) = found["versions"]
    assert (version["document"], version["source"], version["run"]) == ("<stdin>", "openportal", 1)
    assert (version["before_node_seconds"], version["after_node_seconds"]) == (None, 36)
    assert (version["kind"], version["state"], version["is_closed"]) == (
        "posting",
        "provisional",
        False,
    )
    assert len(version["document_sha256"]) == 64


def test_of_a_project_on_several_resources_one_must_be_said(
    connection: Connection, nodehours: Run
) -> None:
    for resource in ("isca", "tigris"):
        report(connection, {"2026-03-01": {"al": 36}}, CLIMATE, resource)

    unsaid = nodehours("history", "climate.brics", "2026-03")
    said = nodehours("history", "climate.brics", "2026-03", "--resource", "tigris")
    wrong = nodehours("history", "climate.brics", "2026-03", "--resource", "moon")

    assert unsaid.returncode == 2
    assert "climate.brics has allocations on isca and tigris: say which with --resource" in (
        unsaid.stderr
    )
    assert told(said.stdout)[0] == "climate.brics on tigris, 2026-03: all usage"
    assert wrong.returncode == 3
    assert "no allocation on 'moon', only on isca and tigris" in wrong.stderr


@pytest.mark.usefixtures("changed")
@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("climat.brics", "2026-03"), 3, "there is no project 'climat.brics': is it climate.brics?"),
        (("zzz.zzz", "2026-03"), 3, "`nodehours report` lists those there are"),
        (("climate.brics", "2026-05"), 3, "climate.brics has no usage on isca in 2026-05: it has 2026-03"),
        (("climate.brics", "2026-03", "alise.climate.brics"), 3, "there is alice.climate.brics"),
        (("climate.brics", "2026-03", "=1+1"), 3, "nobody called '=1+1'"),
        (("climate.brics",), 2, "'climate.brics' is no row's id, so say which month too"),
        (("99",), 3, "there is no usage row '99': `nodehours report PROJECT YYYY-MM --users`"),
        (("9" * 40,), 3, "there is no usage row"),
        (("climate.brics", "March"), 2, "'March' is not a month of the form YYYY-MM"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_said_with_the_nearest_thing_to_do(
    nodehours: Run, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    done = nodehours("history", *arguments)

    assert done.returncode == status
    assert sentence in done.stderr
    assert done.stdout == ""


def test_in_an_empty_ledger_it_says_how_usage_comes_in(nodehours: Run) -> None:
    done = nodehours("history", "climate.brics", "2026-03")

    assert done.returncode == 3
    assert "the ledger is empty, and `nodehours ingest` takes usage in" in done.stderr


def test_a_reason_or_a_files_name_steers_no_terminal(
    connection: Connection, nodehours: Run
) -> None:
    report(connection, {"2026-03-01": {"al": 36}}, alice="al")
    hostile = Origin(None, "\x1b[31mred\nnew line", "ca\rrol")
    rename_project(connection, CLIMATE, WEATHER, hostile)

    lines = nodehours("history", "climate.brics", "2026-03").stdout.splitlines()

    assert lines[6].strip() == (
        r"\x1b[31mred\nnew line; weather.brics, before climate.brics; by ca\rrol"
    )


def test_an_allocation_may_be_named_as_the_api_names_it(
    changed: Connection, nodehours: Run
) -> None:
    ((uuid,),) = changed.execute("select uuid from allocations")
    wanted = nodehours("history", "climate.brics", "2026-03").stdout

    for name in (str(uuid), uuid.hex, f"http://hpc.example/api/openportal-allocations/{uuid.hex}/"):
        assert nodehours("history", name, "2026-03").stdout == wanted
    assert nodehours("explain", uuid.hex, "2026-03", "alice.climate.brics").returncode == 0
