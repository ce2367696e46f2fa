from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.faces.cli.conftest import Run, dump, report

OLD = {"2026-03-01": {"al": 7200}}
LATE = {"2026-03-01": {"al": 9000}, "2026-03-02": {"bo": 1800}}


def ingest(nodehours: Run, days: dict[str, dict[str, int]], **users: str) -> None:
    document = dump(report("climate.brics", days, **users))
    assert (
        nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=document).returncode == 0
    )


@pytest.fixture
def late(nodehours: Run) -> Run:
    """March was closed with alice's 2 node-hours; late jobs of hers and bob's came after that."""
    ingest(nodehours, OLD, alice="al", bob="bo")
    assert nodehours("month", "close", "brics", "2026-03").returncode == 0
    ingest(nodehours, LATE, alice="al", bob="bo")
    return nodehours


def listed(nodehours: Run, *arguments: str) -> Any:
    return json.loads(nodehours("pending", "list", "--json", *arguments).stdout)


def shown(nodehours: Run, pending: str = "1") -> Any:
    return json.loads(nodehours("pending", "show", pending, "--json").stdout)


def test_what_waits_is_listed_with_what_it_would_change(late: Run) -> None:
    head, line = late("pending", "list").stdout.splitlines()

    assert head.split() == (
        "id since UTC month project resource days before h after h difference h reason".split()
    )
    assert re.fullmatch(
        r" 1  \d{4}-\d\d-\d\d \d\d:\d\d  2026-03  climate.brics  isca +2 +2.00 +3.00 +\+1.00  late jobs", line
    )  # fmt: skip


def test_one_is_shown_by_day_and_by_user(late: Run) -> None:
    head, days, users = late("pending", "show", "1").stdout.split("\n\n")

    assert (
        head.splitlines()[0] == "pending restatement 1: 2026-03 of climate.brics on isca, waiting"
    )
    assert (
        "from      <stdin>, run 2 of openportal" in head
        or "from      -, run 2 of openportal" in head
    )
    assert head.endswith("decide    `nodehours pending accept 1` or `nodehours pending decline 1`")
    assert [line.split() for line in days.splitlines()[1:]] == [
        ["2026-03-01", "2.00", "2.50", "+0.50"],
        ["2026-03-02", "-", "0.50", "+0.50", "complete"],
    ]
    assert [line.split() for line in users.splitlines()[1:]] == [
        ["alice.climate.brics", "2.00", "2.50", "+0.50"],
        ["bob.climate.brics", "-", "0.50", "+0.50", "new"],
    ]


def test_one_is_shown_as_json(late: Run) -> None:
    told = shown(late)

    assert (told["status"], told["former"], told["node_seconds"], told["revision"]) == (
        "waiting", 7200, 10800, None,
    )  # fmt: skip
    assert told["days"][1] == {
        "day": "2026-03-02", "before": None, "after": 1800, "was_complete": False, "is_complete": True,
        "is_overtaken": False,
    }  # fmt: skip
    assert told["users"][0] == {
        "username": "alice.climate.brics", "former": None, "before": 7200, "after": 9000,
    }  # fmt: skip


def test_accepting_says_what_was_written_and_the_history_keeps_who_and_why(late: Run) -> None:
    before = shown(late)

    done = late("pending", "accept", "1", "--reason", "agreed with the centre")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "accepted 1: 2026-03 of climate.brics on isca; from 2.00 to 3.00 node-hours, revision 3\n"
    )
    assert listed(late) == []
    (line,) = listed(late, "--all")
    assert (line["status"], line["decision_reason"], line["revision"]) == (
        "accepted", "agreed with the centre", 3,
    )  # fmt: skip
    assert line["decided_by"]
    after = shown(late)
    assert (after["days"], after["users"]) == (before["days"], before["users"])
    assert late("month", "list").stdout.splitlines()[1].split()[2] == "yes"


def test_declining_leaves_the_month_as_it_is_and_the_report_does_not_ask_again(late: Run) -> None:
    done = late("pending", "decline", "1", "--reason", "not agreed")
    ingest(late, LATE, alice="al", bob="bo")

    assert done.stdout == "declined 1: 2026-03 of climate.brics on isca stays as it is\n"
    assert listed(late) == []
    assert late("month", "list").stdout.splitlines()[1].split()[4] == "2.00"
    assert "declined" in late("pending", "list", "--all").stdout
    assert "why       not agreed" in late("pending", "show", "1").stdout


def test_what_was_declined_can_be_reconsidered_and_accepted(late: Run) -> None:
    late("pending", "decline", "1")

    done = late("pending", "reconsider", "1")

    assert done.stdout == "1 waits again as 2: see `nodehours pending show 2`\n"
    assert late("pending", "accept", "2").returncode == 0
    assert [line["status"] for line in listed(late, "--all")] == ["declined", "accepted"]


def test_a_day_posted_anew_since_is_said_to_keep_its_newer_figure(late: Run) -> None:
    late("month", "reopen", "brics", "2026-03")
    ingest(late, {"2026-03-01": {"al": 9900}})

    page = late("pending", "show", "1").stdout
    done = late("pending", "accept", "1")

    assert re.search(r"2026-03-01 +2.75 +2.50 +-0.25  posted anew since: that stands", page)
    assert done.stdout == (
        "accepted 1: 2026-03 of climate.brics on isca, of which 1 day keeps its newer figure;"
        " from 2.75 to 3.25 node-hours, revision 5\n"
    )


def test_what_the_ledger_says_already_is_accepted_without_a_revision(late: Run) -> None:
    late("month", "reopen", "brics", "2026-03")
    ingest(late, LATE, alice="al", bob="bo")

    assert "nobody's figure would change" in late("pending", "show", "1").stdout
    done = late("pending", "accept", "1")

    assert done.stdout == (
        "accepted 1: 2026-03 of climate.brics on isca, of which 2 days keep their newer figure;"
        " the ledger says all of it already\n"
    )
    assert "revision  -" in late("pending", "show", "1").stdout


def test_a_user_who_is_known_anew_is_shown_though_no_day_differs(nodehours: Run) -> None:
    ingest(nodehours, OLD)
    nodehours("month", "close", "climate.brics", "2026-03")
    ingest(nodehours, OLD, alice="al")

    page = nodehours("pending", "show", "1").stdout

    assert "reason    users known anew" in page
    assert "no day differs: whose the usage is does" in page
    assert [line.split() for line in page.splitlines()[-2:]] == [
        ["alice.climate.brics", "-", "2.00", "+2.00", "new"],
        ["unknown", "2.00", "0.00", "-2.00"],
    ]


def test_a_superseded_one_is_shown_by_its_days_alone(late: Run) -> None:
    ingest(late, {"2026-03-03": {"al": 60}})

    told, page = shown(late), late("pending", "show", "1").stdout

    assert (told["status"], told["users"], len(told["days"])) == ("superseded", None, 2)
    assert "why       a later report takes its place" in page
    assert listed(late)[0]["days"] == 3


def test_all_are_decided_or_none(late: Run) -> None:
    for decision in ("accept", "decline"):
        done = late("pending", decision, "1", "99")

        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == (
            "Error: there is no pending restatement 99: see `nodehours pending list`\n"
        )
    assert [line["id"] for line in listed(late)] == [1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("show 99", "there is no pending restatement 99: see `nodehours pending list --all`"),
        (
            "accept 1",
            "pending restatement 1 was declined already: `nodehours pending reconsider 1` has",
        ),
        ("decline 1", "pending restatement 1 was declined already"),
        ("reconsider 99", "there is no pending restatement 99"),
    ],
)
def test_what_cannot_be_decided_is_said_in_a_sentence(
    late: Run, arguments: str, sentence: str
) -> None:
    late("pending", "decline", "1")

    done = late("pending", *arguments.split())

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"Error: {sentence}")


def test_an_empty_list_says_what_to_do_next(nodehours: Run) -> None:
    done, everything = nodehours("pending", "list"), nodehours("pending", "list", "--all")

    assert done.stderr == (
        "Nothing waits for a decision: `nodehours pending list --all` shows what did.\n"
    )
    assert "nodehours month close --help" in everything.stderr
    assert (done.stdout, everything.stdout, done.returncode) == ("", "", 0)
    assert listed(nodehours) == []
