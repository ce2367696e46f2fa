from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path

import psycopg
import pytest

from nodehours.ledger.store import Connection
from nodehours.queries import pool
from nodehours.queries.runs import find_run, list_runs
from nodehours.terms.scope import Scope
from tests.faces.cli.conftest import Run, dump, report
from tests.ledger.commands import await_that, ended, held_up, start, waiting

MARCH = report("climate.brics", {"2026-03-01": {"al": 7200}}, alice="al")
APRIL = report("climate.brics", {"2026-04-01": {"al": 3600}}, alice="al")
INGEST = ("ingest", "openportal", "--resource", "isca")


def verdicts(nodehours: Run) -> list[tuple[int, str]]:
    return [
        (one["id"], one["verdict"])
        for one in json.loads(nodehours("runs", "list", "--json").stdout)
    ]


def test_before_the_first_run_the_list_says_how_to_begin(nodehours: Run) -> None:
    done = nodehours("runs", "list")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "No source was read yet: `nodehours ingest --help` says how.\n"


def test_runs_are_listed_newest_first_a_page_at_a_time(nodehours: Run) -> None:
    for content in (MARCH, APRIL, MARCH):
        nodehours(*INGEST, "-", "--reason", "nightly", stdin=dump(content))

    page = nodehours("runs", "list", "--limit", "2")
    rest = nodehours("runs", "list", "--limit", "2", "--before", "2")

    head, *lines = (line.split() for line in page.stdout.splitlines())
    assert head[:2] == ["id", "started"]
    assert [(line[0], *line[5:11], line[-1]) for line in lines] == [
        ("3", "openportal", "isca", "complete", "0", "0", "0", "nightly"),
        ("2", "openportal", "isca", "complete", "1", "0", "0", "nightly"),
    ]
    assert page.stderr == "older ones: `nodehours runs list --before 2`\n"
    assert [line.split()[0] for line in rest.stdout.splitlines()[1:]] == ["1"]
    assert rest.stderr == ""


def test_a_run_shows_its_documents_its_messages_and_what_it_changed(
    nodehours: Run, tmp_path: Path
) -> None:
    content = dump({"portal": "brics", "reports": {"climate.brics": MARCH, "ocean.brics": {}}})
    (tmp_path / "portal.json").write_bytes(content)
    nodehours(*INGEST, "portal.json", "--reason", "late jobs of March")

    done = nodehours("runs", "show", "1")
    told = json.loads(nodehours("runs", "show", "1", "--json").stdout)

    assert done.stdout.splitlines()[0] == "run 1: openportal on isca, partial"
    assert "reason   late jobs of March" in done.stdout.splitlines()
    assert told["documents"] == [
        {
            "name": "portal.json",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
        }
    ]
    assert told["messages"] == [
        "quarantined 1: portal.json: ocean.brics: $: Object missing required field `project`"
    ]
    (posting,) = told["postings"]
    assert posting | {"recorded": "", "by_whom": ""} == {
        "revision": 1, "recorded": "", "kind": "posting", "project": "climate.brics", "resource": "isca",
        "month": "2026-03", "before_node_seconds": None, "after_node_seconds": 7200,
        "reason": "late jobs of March", "by_whom": "",
    }  # fmt: skip
    assert posting["by_whom"] == told["by_whom"] != ""
    assert told["counts"]["quarantined"] == 1
    assert (
        "counts   projects 1, months posted 1, months unchanged 0, days posted 1, days unchanged 0, days kept 0,"
        " days waiting 0, quarantined 1, dropped 0, refused 0\n"
    ) in done.stdout
    assert told["messages"][0] in done.stdout
    assert hashlib.sha256(content).hexdigest() in done.stdout


def test_a_run_that_is_not_there_is_a_sentence(nodehours: Run) -> None:
    done = nodehours("runs", "show", "7")

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "Error: there is no run 7: see `nodehours runs list`\n"


def test_a_dry_run_is_no_run(nodehours: Run) -> None:
    nodehours(*INGEST, "-", "--dry-run", stdin=dump(MARCH))

    assert verdicts(nodehours) == []


def test_a_run_is_running_for_as_long_as_it_lives_and_interrupted_when_it_was_killed(
    nodehours: Run, database_url: str, connection: Connection, tmp_path: Path
) -> None:
    (tmp_path / "march.json").write_bytes(dump(MARCH))
    with psycopg.connect(database_url) as holder:
        holder.execute("select from ledger for update")
        killed = start(*INGEST, str(tmp_path / "march.json"), NODEHOURS_DATABASE_URL=database_url)
        await_that(lambda: waiting(connection) == 1, "it is in the middle of its work")
        assert verdicts(nodehours) == [(1, "running")]
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
    await_that(lambda: not locks(connection), "the database has noticed")

    assert verdicts(nodehours) == [(1, "interrupted")]
    assert nodehours("runs", "show", "1").stdout.startswith(
        "run 1: openportal on isca, interrupted"
    )
    assert nodehours(*INGEST, "march.json").returncode == 0
    assert verdicts(nodehours) == [(2, "complete"), (1, "interrupted")]


def locks(connection: Connection) -> int:
    """How many runs hold the lock that says that they live."""
    ((count,),) = connection.execute("select count(*) from pg_locks where locktype = 'advisory'")
    return int(count)


def test_two_runs_at_once_of_the_same_doubtful_report_hold_it_once(
    nodehours: Run, database_url: str, connection: Connection, tmp_path: Path
) -> None:
    future = report("climate.brics", {"2200-01-01": {"al": 60}, "2026-03-01": {"al": 1}})
    (tmp_path / "report.json").write_bytes(dump(future))
    command = (*INGEST, str(tmp_path / "report.json"))

    with held_up(database_url, 2):
        both = [start(*command, NODEHOURS_DATABASE_URL=database_url) for _ in range(2)]
        await_that(lambda: waiting(connection) == 2, "both are in the middle of their work")
        assert verdicts(nodehours) == [(2, "running"), (1, "running")]
    done = [ended(process) for process in both]

    assert [one.returncode for one in done] == [1, 1]
    assert verdicts(nodehours) == [(2, "partial"), (1, "partial")]
    assert connection.execute("select count(*) from quarantine").fetchall() == [(1,)]
    assert connection.execute("select revision from ledger").fetchall() == [(1,)]


def test_what_a_file_is_called_and_what_it_says_cannot_steer_a_terminal(
    nodehours: Run, tmp_path: Path
) -> None:
    name = "\x1b[31mred\n\x9b2J\u202e.json"
    (tmp_path / name).write_bytes(b'{"\x1b]0;title\x07": 1}')

    told = [
        nodehours(*INGEST, name, f"{name}~"),
        nodehours(*INGEST, name, "--json"),
        nodehours("runs", "list"),
        nodehours("runs", "show", "1"),
        nodehours("runs", "show", "1", "--json"),
        nodehours("quarantine", "list"),
        nodehours("quarantine", "show", "1"),
        nodehours("quarantine", "show", "1", "--json"),
    ]

    for done in told:
        assert all(line.isprintable() for line in (done.stdout + done.stderr).split("\n"))
    assert "\\x1b[31mred\\n\\x9b2J\\u202e.json" in told[3].stdout
    assert json.loads(told[4].stdout)["documents"][0]["name"] == name


@pytest.mark.anyio
async def test_only_who_sees_everything_is_told_of_runs(
    nodehours: Run, database_url: str, connection: Connection
) -> None:
    """alice's project is all that was read, and what else the run read is not hers to know."""
    nodehours(*INGEST, "-", stdin=dump(MARCH))
    ((allocation,),) = connection.execute("select id from allocations")
    alice, support = Scope(1, False, (allocation,)), Scope(2, True)

    async with pool.reading_pool(database_url, 1) as reading, reading.connection() as reader:
        assert await list_runs(reader, alice, limit=5) == []
        assert await find_run(reader, alice, 1) is None
        assert [run.id for run in await list_runs(reader, support, limit=5)] == [1]
