from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month
from nodehours.ledger.store import Connection
from nodehours.queries import pool
from nodehours.queries.quarantine import find_record, list_quarantine
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope
from tests.faces.cli.conftest import NODEHOURS, Run, dump, report

INGEST = ("ingest", "openportal", "--resource", "isca")
MARCH = report("climate.brics", {"2026-03-01": {"al": 7200}}, alice="al")
LOST = report("climate.brics", {"2026-03-01": {"al": 36}}, alice="al")
FUTURE = report("climate.brics", {"2200-12-31": {"al": 36}}, alice="al")


def statuses(nodehours: Run) -> list[tuple[int, str, str]]:
    found = json.loads(nodehours("quarantine", "list", "--all", "--json").stdout)
    return [(one["id"], one["status"], one["decision_reason"] or "") for one in found]


def test_when_nothing_is_held_the_list_says_so(nodehours: Run) -> None:
    done = nodehours("quarantine", "list")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("Nothing waits for a decision: ")
    assert nodehours("quarantine", "list", "--all").stderr == "Nothing was ever held.\n"


def test_the_ingest_says_what_it_holds_and_where_to_look(nodehours: Run, tmp_path: Path) -> None:
    nodehours(*INGEST, "-", stdin=dump(MARCH))
    (tmp_path / "lost.json").write_bytes(dump(LOST))

    done = nodehours(*INGEST, "lost.json")

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        (
            "quarantined 1: lost.json: climate.brics: 2026-03-01:"
            " the total of 2026-03 would fall from 2.00 to 0.01 node-hours"
        ),
        "what waits for a decision: `nodehours quarantine list`",
    ]
    assert done.stdout.splitlines()[-1] == (
        "months posted 0, unchanged 1; days kept 0, quarantined 1, refused 0; "
        "nothing changed, the ledger stays at revision 1"
    )


def test_a_dry_run_says_what_would_be_held_and_holds_nothing(nodehours: Run) -> None:
    done = nodehours(*INGEST, "-", "--dry-run", "--json", stdin=dump(FUTURE))

    assert done.returncode == 1
    assert done.stderr.startswith("would be quarantined: <stdin>: climate.brics: 2200-12-31: ")
    (one,) = json.loads(done.stdout)["quarantined"]
    assert (one["id"], one["reason"], one["place"]) == (None, "day in the future", "2200-12-31")
    assert statuses(nodehours) == []


def test_a_month_of_which_everything_is_held_has_no_figures(nodehours: Run) -> None:
    done = nodehours(*INGEST, "-", stdin=dump(FUTURE))

    assert done.stdout.splitlines()[1].split() == "climate.brics 2200-12 open 0 0 0 - - -".split()


def test_machines_get_what_was_held_with_its_id_reason_and_place(nodehours: Run) -> None:
    done = nodehours(*INGEST, "-", "--json", stdin=dump(FUTURE))

    summary = json.loads(done.stdout)
    (one,) = summary["quarantined"]
    assert one["sentence"].startswith("2200-12-31 has not begun (it is ")
    assert one | {"sentence": ""} == {
        "id": 1, "reason": "day in the future", "document": "<stdin>", "sentence": "",
        "project": "climate.brics", "place": "2200-12-31",
    }  # fmt: skip
    assert (summary["refused"], summary["dropped"]) == ([], 0)


def test_the_list_has_what_is_held_and_all_has_what_was_decided(nodehours: Run) -> None:
    nodehours(*INGEST, "-", stdin=dump(FUTURE))
    nodehours(*INGEST, "-", stdin=b"{}")
    nodehours("quarantine", "drop", "2", "--reason", "an empty file")

    held = nodehours("quarantine", "list").stdout.splitlines()
    everything = nodehours("quarantine", "list", "--all").stdout.splitlines()

    assert held[0].split()[3:7] == ["resource", "project", "document", "place"]
    assert held[1].split()[3:7] == ["isca", "climate.brics", "<stdin>", "2200-12-31"]
    assert [line.split()[0] for line in held[1:]] == ["1"]
    assert "day in the future  2200-12-31 has not begun" in held[1]
    assert [line.split()[:4:3] for line in everything[1:]] == [["1", "held"], ["2", "dropped"]]


def test_one_record_is_shown_whole_and_raw_as_it_came(
    nodehours: Run, database_url: str, tmp_path: Path
) -> None:
    broken = b'{"project": "climate.brics",\n\t\xff'
    (tmp_path / "broken.json").write_bytes(broken)
    nodehours(*INGEST, "broken.json")

    shown = nodehours("quarantine", "show", "1").stdout.splitlines()

    assert shown[0] == "record 1: unknown shape, held"
    assert "what is wrong  not JSON: expected a key and a colon" in shown
    assert any(line.startswith("document       broken.json, SHA-256 ") for line in shown)
    assert raw(database_url) == broken


def raw(database_url: str) -> bytes:
    """What --raw writes, in bytes."""
    command = [NODEHOURS, "quarantine", "show", "1", "--raw"]
    environment = os.environ | {"NODEHOURS_DATABASE_URL": database_url}
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout


def test_raw_on_a_terminal_cannot_steer_it(nodehours: Run, database_url: str) -> None:
    nodehours(*INGEST, "-", stdin=b'{"\x1b[2J\xc2\x9b":\n1}')
    command = [NODEHOURS, "quarantine", "show", "1", "--raw"]
    leader, follower = os.openpty()
    environment = os.environ | {"NODEHOURS_DATABASE_URL": database_url}

    subprocess.run(command, env=environment, stdin=follower, stdout=follower, check=True)

    assert os.read(leader, 1000) == b'{"\\x1b[2J\\x9b":\r\n1}\r\n'
    os.close(leader)
    os.close(follower)


def test_a_release_posts_and_says_what_it_changed_and_stays_decided(nodehours: Run) -> None:
    nodehours(*INGEST, "-", stdin=dump(MARCH))
    nodehours(*INGEST, "-", stdin=dump(LOST))

    done = nodehours("quarantine", "release", "1", "--reason", "the first figure was wrong")
    again = nodehours("quarantine", "release", "1")
    shown = nodehours("quarantine", "show", "1").stdout

    assert done.stdout == (
        "released 1: climate.brics 2026-03: 1 day posted, from 2.00 to 0.01 node-hours\n"
    )
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "Error: record 1 was released already\n"
    assert "why            the first figure was wrong" in shown.splitlines()
    assert nodehours(*INGEST, "-", stdin=dump(LOST)).returncode == 0


def test_a_release_into_a_closed_month_waits_and_says_so(
    nodehours: Run, connection: Connection
) -> None:
    nodehours(*INGEST, "-", stdin=dump(MARCH))
    close_month(connection, "climate.brics", Month(2026, 3), Origin())
    held = nodehours(*INGEST, "-", stdin=dump(LOST))

    done = nodehours("quarantine", "release", "1")

    assert "provisional (closed)" in held.stdout
    assert done.stdout == (
        "released 1: climate.brics 2026-03: 1 day waiting as pending 1, since the month is closed:"
        " see `nodehours pending list`\n"
    )


def test_days_that_wait_since_their_month_is_closed_are_counted_and_named(
    nodehours: Run, connection: Connection
) -> None:
    """That is no failure: the figures are kept, and somebody is asked."""
    nodehours(*INGEST, "-", stdin=dump(MARCH))
    close_month(connection, "climate.brics", Month(2026, 3), Origin())
    more = report("climate.brics", {"2026-03-02": {"al": 60}, "2026-03-03": {"al": 60}})

    done = nodehours(*INGEST, "-", stdin=dump(more))

    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "waiting 1: climate.brics: 2026-03: 2 days, since the month is closed",
        "what waits for a decision: `nodehours pending list`",
    ]
    head, line, verdict = done.stdout.splitlines()
    assert head.split()[3:7] == ["posted", "unchanged", "kept", "waiting"]
    assert line.split()[2:8] == ["provisional", "(closed)", "0", "0", "0", "2"]
    assert "days kept 0, waiting 2, refused 0" in verdict


def test_a_month_that_changed_after_it_was_complete_is_shown_as_restated(nodehours: Run) -> None:
    february = {f"2026-02-{day:02d}": {"al": 3600} for day in range(1, 29)}
    nodehours(*INGEST, "-", stdin=dump(report("climate.brics", february)))
    late = report("climate.brics", {"2026-02-28": {"al": 7200}})

    done = nodehours(*INGEST, "-", stdin=dump(late))

    assert done.stdout.splitlines()[1].split()[1:3] == ["2026-02", "restated"]


def test_what_was_dropped_is_but_a_count_when_it_comes_again(nodehours: Run) -> None:
    nodehours(*INGEST, "-", stdin=dump(FUTURE))

    done = nodehours("quarantine", "drop", "1", "--reason", "a clock was wrong")
    again = nodehours(*INGEST, "-", stdin=dump(FUTURE))

    assert done.stdout == "dropped 1: climate.brics 2200-12-31\n"
    assert (again.returncode, again.stderr) == (0, "dropped before, and left out again: 1\n")
    assert "dropped 1, refused 0" in again.stdout
    assert statuses(nodehours) == [(1, "dropped", "a clock was wrong")]


def test_several_are_decided_at_once_and_one_that_cannot_be_stops_no_other(nodehours: Run) -> None:
    nodehours(*INGEST, "-", stdin=dump(FUTURE))
    nodehours(*INGEST, "-", stdin=b"{}")

    done = nodehours("quarantine", "release", "2", "9", "1", "1")

    assert done.returncode == 1
    assert done.stdout == (
        "released 1: climate.brics 2200-12: 1 day posted, from nothing to 0.01 node-hours\n"
    )
    assert [line[:24] for line in done.stderr.splitlines()] == [
        "Error: it is still not u", "Error: there is no recor",
    ]  # fmt: skip
    assert statuses(nodehours) == [(1, "released", ""), (2, "held", "")]


def test_a_decision_names_who_took_it(nodehours: Run, connection: Connection) -> None:
    nodehours(*INGEST, "-", stdin=dump(FUTURE))
    nodehours("quarantine", "release", "1", "--reason", "we know the future")

    ((decided_by, by_whom, reason),) = connection.execute(
        "select decided_by, by_whom, revisions.reason from quarantine, revisions"
    )
    assert decided_by == by_whom != ""
    assert reason == "we know the future"


@pytest.mark.anyio
async def test_only_who_sees_everything_is_told_what_is_in_quarantine(
    nodehours: Run, database_url: str, connection: Connection
) -> None:
    nodehours(*INGEST, "-", stdin=dump(FUTURE))
    ((allocation,),) = connection.execute("select id from allocations")
    alice, support = Scope(1, False, (allocation,)), Scope(2, True)

    async with pool.reading_pool(database_url, 1) as reading, reading.connection() as reader:
        assert await list_quarantine(reader, alice, decided=True) == []
        assert await find_record(reader, alice, 1) is None
        told = await find_record(reader, support, 1)

    assert told is not None
    assert json.loads(told.record)["reports"] == FUTURE["reports"]
