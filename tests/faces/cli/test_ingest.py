from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
from pathlib import Path

from nodehours.ledger.post import current_revision
from nodehours.ledger.store import Connection
from tests.faces.cli.conftest import NODEHOURS, Run, dump, report

MARCH = report("climate.brics", {"2026-03-01": {"al": 7200, "unknown": 900}}, alice="al")
APRIL = report("climate.brics", {"2026-04-01": {"al": 36}}, alice="al")


def test_the_summary_has_a_line_for_each_project_and_month(nodehours: Run) -> None:
    done = nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(MARCH))

    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "project        month    state        posted  unchanged  kept  unattributed h  before h  after h",
        "climate.brics  2026-03  provisional       1          0     0            0.25         -     2.25",
        "months posted 1, unchanged 0; days kept 0, refused 0; the ledger is now at revision 1",
    ]


def test_the_same_report_again_says_that_nothing_changed(nodehours: Run) -> None:
    nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(MARCH))

    done = nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(MARCH))

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == (
        "months posted 0, unchanged 1; days kept 0, refused 0; "
        "nothing changed, the ledger stays at revision 1"
    )


def test_a_failed_query_upstream_lowers_nothing_and_is_counted(nodehours: Run) -> None:
    """The day comes again, empty and incomplete."""
    nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(MARCH))
    failed = MARCH | {"reports": {"2026-03-01": {"reports": {}, "is_complete": False}}}

    done = nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(failed))

    assert done.stdout.splitlines()[1].split() == (
        "climate.brics 2026-03 provisional 0 0 1 0.25 2.25 2.25".split()
    )
    assert "days kept 1" in done.stdout


def test_a_gzip_file_and_a_plain_one_are_read_alike(nodehours: Run, tmp_path: Path) -> None:
    (tmp_path / "march.json.gz").write_bytes(gzip.compress(dump(MARCH)))
    (tmp_path / "april.json").write_bytes(dump(APRIL))

    done = nodehours("ingest", "openportal", "march.json.gz", "april.json", "--resource", "isca")

    assert done.returncode == 0
    assert "months posted 2" in done.stdout


def test_what_is_wrong_is_named_and_stops_nothing_else(nodehours: Run, tmp_path: Path) -> None:
    bad = report("genome.brics", {"2026-03-01": {"dave": -1}})
    portal = {"portal": "brics", "reports": {"genome.brics": bad, "climate.brics": MARCH}}
    (tmp_path / "portal.json").write_bytes(dump(portal))

    done = nodehours("ingest", "openportal", "nowhere.json", "portal.json", "--resource", "isca")

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "refused: nowhere.json: No such file or directory",
        (
            'quarantined 1: portal.json: genome.brics: $.reports["2026-03-01"].reports.dave.seconds:'
            " Expected `int` >= 0"
        ),
        "what waits for a decision: `nodehours quarantine list`",
    ]
    assert "months posted 1, unchanged 0; days kept 0, quarantined 1, refused 1" in done.stdout


def test_a_dry_run_prints_the_same_and_writes_nothing(nodehours: Run) -> None:
    arguments = ("ingest", "openportal", "-", "--resource", "isca")

    dry = nodehours(*arguments, "--dry-run", stdin=dump(MARCH))
    real = nodehours(*arguments, stdin=dump(MARCH))

    assert dry.stdout.splitlines()[:-1] == real.stdout.splitlines()[:-1]
    assert dry.stdout.splitlines()[-1].endswith(
        "dry run: nothing was written, the ledger is at revision 0"
    )


def test_machines_get_the_summary_as_json(nodehours: Run) -> None:
    done = nodehours("ingest", "openportal", "-", "--resource", "isca", "--json", stdin=dump(MARCH))

    assert json.loads(done.stdout) == {
        "run": 1,
        "resource": "isca",
        "dry_run": False,
        "revision": 1,
        "months_posted": 1,
        "months_unchanged": 0,
        "projects": [
            {
                "project": "climate.brics",
                "document": "<stdin>",
                "months": [
                    {
                        "month": "2026-03",
                        "state": "provisional",
                        "is_closed": False,
                        "days_posted": 1,
                        "days_unchanged": 0,
                        "days_kept": 0,
                        "days_waiting": 0,
                        "days_doubted": 0,
                        "pending": None,
                        "unattributed_node_seconds": 900,
                        "before_node_seconds": None,
                        "after_node_seconds": 8100,
                        "revision": 1,
                    }
                ],
            }
        ],
        "quarantined": [],
        "refused": [],
        "dropped": 0,
    }


def test_a_project_without_days_is_known_and_said_to_be_idle(nodehours: Run) -> None:
    idle = report("idle.brics", {}, ivan="ivan.idle")

    done = nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(idle))

    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "no days reported: idle.brics"
    assert "ivan.brics" in nodehours("user", "list").stdout


def test_without_a_file_or_a_resource_the_command_says_what_it_needs(nodehours: Run) -> None:
    assert nodehours("ingest", "openportal", "--resource", "isca").returncode == 2
    assert "--resource" in nodehours("ingest", "openportal", "report.json").stderr
    assert "resource" in nodehours("ingest", "openportal", "-", "--resource", "a\nb").stderr


def test_a_hostile_name_reaches_the_terminal_harmless(nodehours: Run) -> None:
    """A key with an escape sequence in it must not be written to the terminal as it is."""
    hostile = {"project": "\x1b[31mclimate.brics", "reports": {}}

    done = nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(hostile))

    assert done.returncode == 1
    assert "\x1b" not in done.stderr


def test_ctrl_c_says_that_what_was_posted_stands_and_the_same_again_brings_the_rest(
    connection: Connection, nodehours: Run, database_url: str, tmp_path: Path
) -> None:
    """The first document is posted, and of the second nothing has come yet."""
    (tmp_path / "march.json").write_bytes(dump(MARCH))
    command = ("ingest", "openportal", "march.json", "-", "--resource", "isca")
    with subprocess.Popen(
        [NODEHOURS, *command],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"NODEHOURS_DATABASE_URL": database_url},
        cwd=tmp_path,
    ) as process:
        while process.poll() is None and not current_revision(connection):
            pass
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()

    assert (process.returncode, said.decode()) == (
        130,
        "interrupted: what was posted stands, see `nodehours runs list`; the same command again brings the rest\n",
    )
    (run,) = json.loads(nodehours("runs", "list", "--json").stdout)
    assert (run["verdict"], run["ended"]) == ("interrupted", None)
    again = nodehours(*command, stdin=dump(APRIL))
    assert "months posted 1, unchanged 1; " in again.stdout
