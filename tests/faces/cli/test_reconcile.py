"""The ledger beside files of every form: what is printed, and how the command ends.

climate.brics on isca    March: alice 2 h on the 1st, 1 h on the 2nd; nobody 0.25 h · April: alice 0.01 h
ocean.brics on isca      March: bob 10 h
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from nodehours.ledger.store import Connection
from nodehours.terms.node_seconds import node_hours
from tests.faces.cli.conftest import NODEHOURS, Run, dump, report
from tests.serving import served

CLIMATE = report(
    "climate.brics",
    {
        "2026-03-01": {"al": 7200, "unknown": 900},
        "2026-03-02": {"al": 3600},
        "2026-04-01": {"al": 36},
    },
    alice="al",
)
OCEAN = report("ocean.brics", {"2026-03-01": {"bo": 36_000}}, bob="bo")
PORTAL = {"portal": "brics", "reports": {"climate.brics": CLIMATE, "ocean.brics": OCEAN}}
AGREEING = """\
project,month,user,node_hours
climate.brics,2026-03,alice.climate.brics,3.00
climate.brics,2026-03,unknown,0.25
climate.brics,2026-04,alice.climate.brics,0.01
ocean.brics,2026-03,bob.ocean.brics,10.00
"""


@pytest.fixture
def filled(nodehours: Run) -> Run:
    """The command on a ledger with the usage above, posted as any report is."""
    done = nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(PORTAL))
    assert done.returncode == 0, done.stderr
    return nodehours


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def as_json(run: Run, *arguments: str, stdin: str | bytes = AGREEING) -> dict[str, Any]:
    content = stdin if isinstance(stdin, bytes) else stdin.encode()
    done = run("reconcile", "--against", "-", *arguments, "--output", "json", stdin=content)
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["is_ok"] else 1)
    return found


def verdicts(found: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(one["project"], one["month"]): one["verdict"] for one in found["projects"]}


def test_where_both_sides_agree_every_line_is_ok_and_so_is_the_exit_status(filled: Run) -> None:
    done = filled("reconcile", "--against", "-", stdin=AGREEING.encode())

    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout == (
        "project        month    ledger h  theirs h  difference h  verdict\n"
        "climate.brics  2026-03      3.25      3.25          0.00  ok\n"
        "ocean.brics    2026-03     10.00     10.00          0.00  ok\n"
        "all projects   2026-03     13.25     13.25          0.00  ok\n"
        "climate.brics  2026-04      0.01      0.01          0.00  ok\n"
        "\n"
        "ledger: revision 3, all resources\n"
        "theirs: <stdin>, hours with 2 places, each off by up to 18 node-seconds; user identifiers\n"
        "tolerance: 0 node-seconds or 0 %, whichever is more\n"
        "\n"
        "ok 3, ledger high 0, ledger low 0, missing here 0, missing there 0; not read 0\n"
    )


def test_what_differs_is_named_with_its_users_and_days(filled: Run, tmp_path: Path) -> None:
    (tmp_path / "days.csv").write_text(
        "project;day;user;node_seconds\n"
        "climate.brics;2026-03-01;alice.climate.brics;7200\n"
        "climate.brics;2026-03-02;alice.climate.brics;3000\n"
        "climate.brics;2026-03-03;carol.climate.brics;100\n"
        "climate.brics;2026-03-01;;900\n"
        "ocean.brics;2026-03-01;bob.ocean.brics;36000\n"
        "ice.brics;2026-03-01;dave.ice.brics;7200\n"
    )

    done = filled("reconcile", "--against", "days.csv")

    assert done.returncode == 1
    assert done.stdout == (
        "project        month    ledger h  theirs h  difference h  verdict\n"
        "climate.brics  2026-03      3.25      3.11         +0.14  ledger high\n"
        "ice.brics      2026-03         -      2.00         -2.00  missing here\n"
        "ocean.brics    2026-03     10.00     10.00          0.00  ok\n"
        "all projects   2026-03     13.25     15.11         -1.86  ledger low\n"
        "\n"
        "climate.brics 2026-03: ledger high by 500 node-seconds, 0 allowed\n"
        "  user                 ledger h  theirs h  difference h  node-seconds\n"
        "  alice.climate.brics      3.00      2.83         +0.17          +600\n"
        "  carol.climate.brics         -      0.03         -0.03          -100\n"
        "  day         ledger h  theirs h  difference h  node-seconds\n"
        "  2026-03-02      1.00      0.83         +0.17          +600\n"
        "  2026-03-03         -      0.03         -0.03          -100\n"
        "\n"
        "ice.brics 2026-03: missing here by 7200 node-seconds, 0 allowed\n"
        "  user            ledger h  theirs h  difference h  node-seconds\n"
        "  dave.ice.brics         -      2.00         -2.00         -7200\n"
        "  day         ledger h  theirs h  difference h  node-seconds\n"
        "  2026-03-01         -      2.00         -2.00         -7200\n"
        "\n"
        "ledger: revision 3, all resources\n"
        "theirs: days.csv, whole seconds; user identifiers\n"
        "tolerance: 0 node-seconds or 0 %, whichever is more\n"
        "\n"
        "ok 1, ledger high 1, ledger low 0, missing here 1, missing there 0; not read 0\n"
    )


def test_without_details_only_the_lines_of_the_months_are_printed(filled: Run) -> None:
    changed = AGREEING.replace("3.00", "4.00").encode()

    done = filled("reconcile", "--against", "-", "--no-details", stdin=changed)

    assert "ledger low" in done.stdout
    assert "alice" not in done.stdout


def test_invoices_name_no_users_and_their_totals_are_compared(filled: Run) -> None:
    invoices = "Project\tMonth\tNode-Hours\nclimate.brics\t2026-03\t3.25\nocean.brics\t2026-03\t9\n"

    found = as_json(filled, stdin=invoices)

    assert verdicts(found) == {
        ("climate.brics", "2026-03"): "ok",
        ("ocean.brics", "2026-03"): "ledger high",
    }
    assert found["projects"][1]["users"] == []
    assert found["naming"] == "no users"


def test_the_tolerance_is_in_hours_or_per_cent(filled: Run) -> None:
    high = "project,month,hours\nocean.brics,2026-03,9.0000\n"
    arguments = ("--project", "ocean.brics")

    assert as_json(filled, *arguments, stdin=high)["counts"]["ledger high"] == 1
    assert as_json(filled, *arguments, "--tolerance-hours", "0.999", stdin=high)["is_ok"] is False
    assert as_json(filled, *arguments, "--tolerance-hours", "1", stdin=high)["is_ok"] is True
    assert as_json(filled, *arguments, "--tolerance-percent", "9.99", stdin=high)["is_ok"] is False
    assert as_json(filled, *arguments, "--tolerance-percent", "10", stdin=high)["is_ok"] is True


def test_only_the_months_that_the_other_side_spans_are_compared_unless_others_are_asked_for(
    filled: Run,
) -> None:
    march = "\n".join(AGREEING.splitlines()[:3])

    spanned = as_json(filled, stdin=march)
    asked = as_json(filled, "--month", "2026-03", "--month", "2026-04", stdin=march)

    assert verdicts(spanned) == {
        ("climate.brics", "2026-03"): "ok",
        ("ocean.brics", "2026-03"): "missing there",
    }
    assert verdicts(asked)["climate.brics", "2026-04"] == "missing there"
    assert [one["month"] for one in asked["months"]] == ["2026-03", "2026-04"]


def test_only_the_projects_asked_for_are_compared(filled: Run) -> None:
    found = as_json(filled, "--project", "ocean.brics")

    assert list(verdicts(found)) == [("ocean.brics", "2026-03")]


def test_a_project_that_neither_side_knows_is_named(filled: Run) -> None:
    done = filled("reconcile", "--against", "-", "--project", "typo.brics", stdin=AGREEING.encode())

    assert done.returncode == 1
    assert done.stderr == "note: neither side has usage of typo.brics\n"
    assert "nothing to compare" in done.stdout


def test_one_resource_is_compared_with_the_lines_of_that_resource(filled: Run) -> None:
    filled("ingest", "openportal", "-", "--resource", "tigris", stdin=dump(OCEAN))
    table = (
        "project,month,resource,hours\n"
        "ocean.brics,2026-03,isca,10.00\n"
        "ocean.brics,2026-03,tigris,10.00\n"
    )
    arguments = ("--project", "ocean.brics")

    both = as_json(filled, *arguments, stdin=table)
    one = as_json(filled, *arguments, "--resource", "tigris", stdin=table)

    assert both["is_ok"]
    assert both["projects"][0]["ledger_node_seconds"] == 72_000
    assert one["is_ok"]
    assert one["projects"][0]["ledger_node_seconds"] == 36_000
    assert one["resource"] == "tigris"


def test_usage_of_one_that_is_anothers_there_is_not_ok_unless_only_totals_count(
    filled: Run,
) -> None:
    swapped = AGREEING.replace("alice.climate", "carol.climate")

    done = filled("reconcile", "--against", "-", stdin=swapped.encode())

    assert done.returncode == 1
    assert (
        "climate.brics  2026-03      3.25      3.25          0.00  ok (not by user)" in done.stdout
    )
    assert "climate.brics 2026-03: agrees in total, but not by user" in done.stdout
    assert "ok 3 (2 not by user), ledger high 0" in done.stdout
    assert as_json(filled, "--totals-only", stdin=swapped)["is_ok"]


def test_sreport_is_compared_by_local_user(filled: Run) -> None:
    """The account brics.climate is the project climate.brics; alice's local user is al."""
    banner = "-" * 80
    sreport = (
        f"{banner}\n"
        "Cluster/Account/User Utilization 2026-03-01T00:00:00 - 2026-03-31T23:59:59 (2678400 secs)\n"
        "Usage reported in TRES Seconds\n"
        f"{banner}\n"
        "Cluster|Account|Login|Proper Name|TRES Name|Used\n"
        "isca|root|||cpu|999999\n"
        "isca|root|||node|999999\n"
        "isca|brics.climate|||node|11700\n"
        "isca|brics.climate|al|Alice|cpu|5\n"
        "isca|brics.climate|al|Alice|node|11700\n"
    )

    found = as_json(filled, "--project", "climate.brics", stdin=sreport)

    (march,) = found["projects"]
    assert found["naming"] == "local users"
    assert (march["verdict"], march["users_agree"]) == ("ok", False)
    assert [(one["user"], one["difference_node_seconds"]) for one in march["users"]] == [
        ("al", -900),
        ("unknown", 900),
    ]


def test_csv_has_a_line_for_each_month_and_for_what_makes_its_difference(filled: Run) -> None:
    changed = AGREEING.replace("10.00", "11.00").encode()

    done = filled("reconcile", "--against", "-", "--output", "csv", stdin=changed)

    assert list(csv.reader(io.StringIO(done.stdout))) == lines_of_csv(
        "kind,project,month,user,day,ledger_node_seconds,theirs_node_seconds,"
        "difference_node_seconds,allowed_node_seconds,verdict",
        "project,climate.brics,2026-03,,,11700,11700,0,36,ok",
        "project,ocean.brics,2026-03,,,36000,39600,-3600,18,ledger low",
        "user,ocean.brics,2026-03,bob.ocean.brics,,36000,39600,-3600,,",
        "project,climate.brics,2026-04,,,36,36,0,18,ok",
        "month,,2026-03,,,47700,51300,-3600,54,ledger low",
        "month,,2026-04,,,36,36,0,18,ok",
    )


def lines_of_csv(*expected: str) -> list[list[str]]:
    return [line.split(",") for line in expected]


def test_machines_get_all_of_it_as_json(filled: Run) -> None:
    found = as_json(filled, "--month", "2026-04", stdin=AGREEING.replace("0.01", "1.00"))

    assert found == {
        "is_ok": False,
        "revision": 3,
        "resource": None,
        "against": "<stdin>",
        "written": ["hours with 2 places"],
        "rounding_node_seconds": 18,
        "naming": "user identifiers",
        "tolerance_node_seconds": 0,
        "tolerance_percent": "0",
        "counts": {
            "ok": 0,
            "ledger high": 0,
            "ledger low": 1,
            "missing here": 0,
            "missing there": 0,
        },
        "projects": [
            {
                "project": "climate.brics",
                "month": "2026-04",
                "verdict": "ledger low",
                "ledger_node_seconds": 36,
                "theirs_node_seconds": 3600,
                "difference_node_seconds": -3564,
                "allowed_node_seconds": 18,
                "users_agree": False,
                "users": [
                    {
                        "user": "alice.climate.brics",
                        "ledger_node_seconds": 36,
                        "theirs_node_seconds": 3600,
                        "difference_node_seconds": -3564,
                    }
                ],
                "days": [],
            }
        ],
        "months": [
            {
                "month": "2026-04",
                "verdict": "ledger low",
                "ledger_node_seconds": 36,
                "theirs_node_seconds": 3600,
                "difference_node_seconds": -3564,
                "allowed_node_seconds": 18,
            }
        ],
        "notes": [],
        "not_read": [],
    }


def test_a_bad_line_is_named_and_stops_nothing_else(filled: Run, tmp_path: Path) -> None:
    (tmp_path / "usage.csv").write_text(AGREEING + "ocean.brics,2026-13,bob.ocean.brics,1\n")

    done = filled("reconcile", "--against", "usage.csv")

    assert done.returncode == 1
    assert done.stderr == "not read: usage.csv: line 6: month must be 1 to 12, not 13\n"
    assert done.stdout.splitlines()[-1] == (
        "ok 3, ledger high 0, ledger low 0, missing here 0, missing there 0; not read 1"
    )


def test_what_cannot_be_read_at_all_makes_nothing_missing(filled: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "other.csv").write_text("name,colour\nalice,blue\n")

    for name, sentence in (
        ("nowhere.csv", "No such file or directory"),
        ("empty.csv", "the document is empty"),
        ("other.csv", "line 1: no column project (or allocation) and no month or day"),
    ):
        done = filled("reconcile", "--against", name)
        assert done.returncode == 1
        assert done.stderr.startswith(f"not read: {name}: {sentence}")
        assert done.stdout == ""


def test_many_bad_lines_are_counted_and_the_first_are_shown(filled: Run) -> None:
    table = AGREEING + "nonsense\n" * 500

    done = filled("reconcile", "--against", "-", stdin=table.encode())

    assert len(done.stderr.splitlines()) == 21
    assert done.stderr.splitlines()[-1] == "not read: 480 more"
    assert done.stdout.splitlines()[-1].endswith("not read 500")


def test_a_gzip_file_is_read_alike(filled: Run, tmp_path: Path) -> None:
    (tmp_path / "usage.csv.gz").write_bytes(gzip.compress(AGREEING.encode()))

    assert filled("reconcile", "--against", "usage.csv.gz").returncode == 0


def test_a_ledger_without_usage_misses_all_of_theirs_here(nodehours: Run) -> None:
    found = as_json(nodehours)

    assert set(verdicts(found).values()) == {"missing here"}
    assert found["revision"] == 0


def test_an_export_without_rows_misses_all_of_ours_there(filled: Run) -> None:
    found = as_json(filled, stdin=b"[]")

    assert set(verdicts(found).values()) == {"missing there"}
    assert len(found["projects"]) == 3


def test_what_the_other_side_calls_a_project_can_be_said(filled: Run) -> None:
    invoices = "project,month,hours\nA-17/β,2026-03,10.00\n"
    arguments = ("--project", "ocean.brics", "--project-name", "A-17/β=ocean.brics")

    assert as_json(filled, *arguments, stdin=invoices)["is_ok"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--against", "-", "--month", "2026-3x"),
        ("--against", "-", "--month", "1969-12"),
        ("--against", "-", "--tolerance-hours", "-1"),
        ("--against", "-", "--tolerance-percent", "NaN"),
        ("--against", "-", "--project-name", "nothing"),
        ("--against", "https://waldur.example/", "--format", "csv"),
        ("--against", "-", "--output", "xml"),
    ],
)
def test_what_the_command_does_not_understand_ends_with_2(
    nodehours: Run, arguments: tuple[str, ...]
) -> None:
    done = nodehours("reconcile", *arguments)

    assert done.returncode == 2
    assert done.stdout == ""


def rows_of_waldur(connection: Connection, address: str) -> list[dict[str, Any]]:
    """The ledger's rows as a Waldur writes them that knows its allocations by the same UUIDs."""
    found = connection.execute(
        "select node_seconds, month, year, allocations.uuid, username from usage_rows"
        " join allocations on allocations.id = allocation_id order by usage_rows.id"
    )
    return [
        {
            "node_usage": node_hours(node_seconds), "month": month, "year": year,
            "allocation": f"{address}/api/openportal-allocations/{uuid.hex}/",
            "user": None, "username": username,
        }
        for node_seconds, month, year, uuid, username in found
    ]  # fmt: skip


def test_an_export_of_the_same_rows_agrees_and_one_without_the_unattributed_does_not(
    filled: Run, connection: Connection
) -> None:
    rows = rows_of_waldur(connection, "https://waldur.example")
    attributed = [row for row in rows if row["username"] != "unknown"]

    assert as_json(filled, stdin=dump(rows))["is_ok"]
    found = as_json(filled, stdin=dump(attributed))
    assert verdicts(found)["climate.brics", "2026-03"] == "ledger high"
    assert [user["user"] for user in found["projects"][0]["users"]] == ["unknown"]


def test_nobodys_row_alone_is_known_by_the_ledgers_own_allocation(
    filled: Run, connection: Connection
) -> None:
    rows = rows_of_waldur(connection, "https://waldur.example")
    of_nobody = [
        row for row in rows if row["username"] == "unknown" and row["node_usage"] != "0.00"
    ]
    of_another = [{**row, "allocation": f"{UUID(int=7)}"} for row in of_nobody]
    march = ("--month", "2026-03")

    known = as_json(filled, *march, "--project", "climate.brics", stdin=dump(of_nobody))
    unknown = as_json(filled, *march, stdin=dump(of_another))
    named = as_json(
        filled, *march, "--project-name", f"{UUID(int=7)}=climate.brics", stdin=dump(of_another)
    )

    assert verdicts(known) == {("climate.brics", "2026-03"): "ledger high"}
    assert verdicts(unknown)[UUID(int=7).hex, "2026-03"] == "missing here"
    assert unknown["notes"] == [
        f"nothing tells whose allocation {UUID(int=7).hex} is: say --project-name {UUID(int=7).hex}=PROJECT"
    ]
    assert named["notes"] == known["notes"] == []
    assert named["projects"][0]["theirs_node_seconds"] == 900


def signed_in(database_url: str, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command on the ledger at *database_url* with a token for whatever it asks."""
    environment = {"NODEHOURS_DATABASE_URL": database_url, "NODEHOURS_RECONCILE_TOKEN": token}
    return subprocess.run(
        [NODEHOURS, "reconcile", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )


def test_a_ledger_agrees_with_itself_over_http(filled: Run, database_url: str) -> None:
    filled("user", "add", "staff", "--staff")
    token = filled("token", "create", "staff").stdout.strip()
    with served(database_url) as address:
        refused = filled("reconcile", "--against", address)
        done = signed_in(database_url, token, "--against", address, "--output", "csv")
        march = signed_in(database_url, token, "--against", f"{address}/api/", "--month", "2026-03")

    assert refused.returncode == 1
    assert "status 401: the token is missing, unknown or expired" in refused.stderr
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(",ok\n") == 5
    assert march.returncode == 0
    assert "2026-04" not in march.stdout


def test_a_ledger_that_cannot_be_used_ends_with_3(empty_url: str, tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text(AGREEING)

    done = signed_in(empty_url, "", "--against", str(path))

    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")


def test_hostile_names_reach_the_terminal_harmless(filled: Run) -> None:
    table = AGREEING + '"\x1b[31mred",2026-03,bob,1\n' + "ice.brics,2026-03,\x9b2J,1\n"

    done = filled("reconcile", "--against", "-", stdin=table.encode())

    assert done.stderr.count("not read: <stdin>: line ") == 2
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x9b" not in done.stdout + done.stderr


def test_a_difference_tells_when_the_ledger_last_agreed_and_which_days_changed_since(
    nodehours: Run, tmp_path: Path
) -> None:
    """What was reported to the funder was right when it was reported; two hours came late."""
    first = report("climate.brics", {"2026-03-01": {"al": 7200}, "2026-03-02": {"al": 3600}})
    late = report("climate.brics", {"2026-03-02": {"al": 10800}})
    for document in (first, late):
        nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(document))
    (tmp_path / "funder.csv").write_text("project,month,node_hours\nclimate.brics,2026-03,3.00\n")

    done = nodehours("reconcile", "--against", "funder.csv")

    assert done.returncode == 1
    assert "ledger high by 7200 node-seconds" in done.stdout
    assert "the ledger agreed as of revision 1 (" in done.stdout
    assert "days changed since: 2026-03-02" in done.stdout
    told = json.loads(nodehours("reconcile", "--against", "funder.csv", "--output", "json").stdout)
    (month,) = told["projects"]
    assert month["agreed"]["revision"] == 1
    assert month["agreed"]["days_changed_since"] == ["2026-03-02"]


@pytest.mark.parametrize("closed", [False, True])
def test_books_kept_under_a_projects_former_name_agree_after_it_was_renamed(
    filled: Run, closed: bool
) -> None:
    """Rows of a closed month keep the user identifiers that it was closed with until the new ones are accepted."""
    if closed:
        assert filled("month", "close", "climate.brics", "2026-03").returncode == 0
    assert filled("project", "rename", "climate.brics", "weather.brics").returncode == 0
    renewed = AGREEING.replace("climate.brics", "weather.brics")

    before = filled("reconcile", "--against", "-", stdin=AGREEING.encode())
    after = filled("reconcile", "--against", "-", stdin=renewed.encode())
    alone = filled(
        "reconcile", "--against", "-", "--project", "climate.brics", stdin=AGREEING.encode()
    )

    assert [done.returncode for done in (before, after, alone)] == [0, 0, 0]
    assert lines(before.stdout)[2:4] == lines(after.stdout)[2:4]
    assert before.stderr == alone.stderr == "note: climate.brics is weather.brics today\n"
    assert after.stderr == ""


def test_a_slurm_account_may_be_named_as_slurm_does(filled: Run) -> None:
    """The account old.weather would be taken for the project weather.old."""
    sreport = (
        "--------------------------------------------------------------------------------\n"
        "Cluster/Account/User Utilization 2026-03-01T00:00:00 - 2026-03-31T23:59:59 (2678400 secs)\n"
        "Usage reported in TRES Seconds\n"
        "--------------------------------------------------------------------------------\n"
        "Cluster|Account|Login|Proper Name|TRES Name|Used\n"
        "isca|old.weather|bo|Bob|node|36000\n"
    )

    found = as_json(filled, "--project-name", "old.weather=ocean.brics",
                    "--project", "ocean.brics", stdin=sreport)  # fmt: skip

    assert found["is_ok"] is True


def test_a_name_for_a_project_that_the_other_side_does_not_have_is_noted(filled: Run) -> None:
    done = filled("reconcile", "--against", "-", "--project-name", "ozean=ocean.brics",
                  stdin=AGREEING.encode())  # fmt: skip

    assert "note: the other side has no project ozean, which --project-name tells of" in done.stderr


def test_of_a_file_that_is_not_there_one_sentence_is_said(nodehours: Run) -> None:
    done = nodehours("reconcile", "--against", "nothing.csv")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "not read: nothing.csv: No such file or directory\n"
