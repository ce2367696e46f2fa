"""A run of reports: what was posted, what was wrong, and that neither stops the other."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from nodehours.intake.openportal import ingest
from nodehours.ledger.store import Connection
from nodehours.terms.fault import Fault
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from tests.intake.files import portal, report, written
from tests.ledger.written import accounts, assert_holds, everything

CLIMATE = report("climate.brics", {"2026-03-01": {"al": 7200, "old": 900}}, alice="al")
OCEAN = report("ocean.brics", {"2026-03-01": {"bo": 60}, "2026-04-01": {"bo": 36}}, bob="bo")


def rows(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "select year, month, username, node_seconds from usage_rows order by 1, 2, username"
    ).fetchall()


def test_a_run_counts_the_days_of_each_project_and_month(
    connection: Connection, tmp_path: Path
) -> None:
    """March comes again: one day as it was, one restated, one new, one empty because a query failed."""
    ingest(
        connection,
        [
            written(
                tmp_path / "first.json",
                report(
                    "climate.brics",
                    {f"2026-03-0{day}": {"al": 100} for day in (1, 2, 3)},
                    alice="al",
                ),
            )
        ],
        "isca",
    )
    again = report("climate.brics", {"2026-03-01": {"al": 100}, "2026-03-02": {"al": 90}})
    again["reports"]["2026-03-03"] = {"reports": {}, "is_complete": False}
    again["reports"]["2026-03-04"] = {"reports": {"old": {"seconds": 5}}, "is_complete": True}

    run = ingest(connection, [written(tmp_path / "again.json", again)], "isca")

    (project,) = run.projects
    (month,) = project.months
    assert (project.project, str(month.month)) == ("climate.brics", "2026-03")
    assert (month.posted, month.unchanged, month.kept) == (2, 1, 1)
    assert (month.former, month.total, month.unattributed) == (300, 295, 5)
    assert (month.complete_days, month.revision) == (4, 2)
    assert run.faults == []


def test_projects_come_in_the_order_of_the_documents_and_of_the_reports_in_them(
    connection: Connection, tmp_path: Path
) -> None:
    first = written(tmp_path / "first.json", portal(OCEAN, CLIMATE))
    second = written(tmp_path / "second.json", CLIMATE)

    run = ingest(connection, [first, second, first], "isca")

    assert [(posted.document, posted.project) for posted in run.projects] == [
        (first, "ocean.brics"),
        (first, "climate.brics"),
        (second, "climate.brics"),
        (first, "ocean.brics"),
        (first, "climate.brics"),
    ]
    assert [month.revision for month in run.months] == [1, 2, 3, None, None, None, None]


def test_of_two_documents_that_contradict_each_other_the_later_one_stands(
    connection: Connection, tmp_path: Path
) -> None:
    low = written(tmp_path / "low.json", report("climate.brics", {"2026-03-01": {"al": 2}}))
    high = written(tmp_path / "high.json", report("climate.brics", {"2026-03-01": {"al": 3}}))

    ingest(connection, [high, low], "isca")

    assert rows(connection) == [(2026, 3, "unknown", 2)]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ({"reports": {"2026-03-02": {"reports": {"al": {"seconds": -1}}}}}, ">= 0"),
        ({"reports": {"2026-02-30": {"reports": {}}}}, "not a day of the calendar"),
        ({"users": {"alice.ocean.brics": "al"}}, "not of climate.brics"),
        (
            {"reports": {"2026-03-02": {"reports": {"al": {"seconds": 2**63}}}}},
            "9223372036854775807",
        ),
    ],
)
def test_one_bad_project_stays_as_it_was_and_the_others_are_posted(
    connection: Connection, tmp_path: Path, damage: dict[str, Any], sentence: str
) -> None:
    ingest(connection, [written(tmp_path / "before.json", CLIMATE)], "isca")
    before = accounts(connection)[("climate.brics", "isca")]
    fusion = report("fusion.brics", {"2026-03-01": {"fu": 1}})
    name = written(tmp_path / "portal.json", portal(fusion, CLIMATE | damage, OCEAN))

    run = ingest(connection, [name], "isca")

    (fault,) = run.faults
    assert (fault.document, fault.project) == (name, "climate.brics")
    assert sentence in fault.sentence
    assert [posted.project for posted in run.projects] == ["fusion.brics", "ocean.brics"]
    assert accounts(connection)[("climate.brics", "isca")] == before
    assert_holds(connection)


def test_a_total_beyond_what_the_ledger_can_keep_is_its_projects_fault(
    connection: Connection, tmp_path: Path
) -> None:
    """Every figure fits, and so does every day; the month does not. Nothing of the project is written."""
    days = {f"2026-03-0{day}": {"al": MAX_NODE_SECONDS // 2 + 1} for day in (1, 2)}
    large = report("climate.brics", days | {"2026-04-01": {"al": 1}}, alice="al")
    name = written(tmp_path / "portal.json", portal(large, OCEAN))

    run = ingest(connection, [name], "isca")

    assert run.faults == [
        Fault(
            name,
            "the total of 2026-03 is 9223372036854775808 node-seconds, more than the ledger can keep",
            "climate.brics",
        )
    ]
    assert list(accounts(connection)) == [("ocean.brics", "isca")]
    assert connection.execute("select identity from identities").fetchall() == [("bob.brics",)]
    assert_holds(connection)


def test_a_document_that_cannot_be_read_stops_no_other(
    connection: Connection, tmp_path: Path
) -> None:
    good = written(tmp_path / "good.json", CLIMATE)
    bad = tmp_path / "bad.json.gz"
    bad.write_bytes(gzip.compress(b"{" * 1000)[:-9])
    missing = str(tmp_path / "missing.json")
    wrong = written(tmp_path / "wrong.json", ["no report"])

    run = ingest(connection, [missing, str(bad), wrong, good], "isca")

    assert [fault.document for fault in run.faults] == [missing, str(bad), wrong]
    assert [posted.document for posted in run.projects] == [good]
    assert rows(connection) == [
        (2026, 3, "alice.climate.brics", 7200),
        (2026, 3, "unknown", 900),
    ]


def test_a_report_without_days_posts_nothing_and_its_people_are_known(
    connection: Connection, tmp_path: Path
) -> None:
    name = written(tmp_path / "idle.json", report("idle.brics", {}, alice="al"))

    run = ingest(connection, [name], "isca")

    assert [(posted.project, posted.months) for posted in run.projects] == [("idle.brics", [])]
    assert rows(connection) == []
    assert accounts(connection)[("idle.brics", "isca")].associations == [("alice.idle.brics", "al")]


def test_each_posting_names_its_document_and_the_hash_of_what_was_read(
    connection: Connection, tmp_path: Path
) -> None:
    """The hash is that of the report, not of how it was packed."""
    plain = written(tmp_path / "plain.json", CLIMATE)
    packed = tmp_path / "packed.json.gz"
    content = Path(written(tmp_path / "ocean.json", OCEAN)).read_bytes()
    packed.write_bytes(gzip.compress(content))

    ingest(connection, [plain, str(packed)], "isca")

    postings = connection.execute(
        "select distinct source, name, sha256 from revisions"
        " join run_documents on run_documents.id = document_id join runs on runs.id = run_id order by 2 desc"
    )
    assert postings.fetchall() == [
        ("openportal", plain, hashlib.sha256(Path(plain).read_bytes()).digest()),
        ("openportal", str(packed), hashlib.sha256(content).digest()),
    ]


def test_a_name_that_is_no_text_is_written_with_its_bytes_escaped(
    connection: Connection, tmp_path: Path
) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/report-\xff.json")
    written(Path(name), CLIMATE)

    run = ingest(connection, [name, name + "~"], "isca")

    legible = f"{tmp_path}/report-\\udcff.json"
    assert [posted.document for posted in run.projects] == [legible]
    assert [fault.document for fault in run.faults] == [legible + "~"]
    assert connection.execute("select name from run_documents").fetchall() == [(legible,)]


def test_whoever_watches_is_told_before_each_project(
    connection: Connection, tmp_path: Path
) -> None:
    first = written(tmp_path / "first.json", portal(CLIMATE, OCEAN))
    second = written(tmp_path / "second.json", CLIMATE)
    seen: list[tuple[str, int, int, int]] = []

    def watch(document: str, done: int, count: int) -> None:
        seen.append((document, done, count, len(everything(connection)["allocations"])))

    ingest(connection, [first, second], "isca", watch=watch)

    assert seen == [(first, 0, 2, 0), (first, 1, 2, 1), (second, 0, 1, 2)]
