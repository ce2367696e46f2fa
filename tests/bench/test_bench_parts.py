from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.bare import NUMBER, write_replies
from bench.heard import Statement
from bench.http_client import Reply, client, request
from bench.ledger import allocations_for
from bench.pgbench import Scripts
from bench.portal import cells, write_report
from bench.scratch import serving
from bench.tables import Result, Wanted, shown
from nodehours.sources.document import opened
from nodehours.sources.openportal import Report
from nodehours.terms.usage import ProjectUsage


def read(path: Path) -> list[ProjectUsage]:
    with opened(str(path)) as document:
        found = [one for one in Report(document) if isinstance(one, ProjectUsage)]
        assert len(found) == len(Report(document))
    return found


@pytest.mark.parametrize("components", [False, True])
def test_the_report_is_one_that_the_ledger_reads_and_has_the_cells_it_says(
    tmp_path: Path, *, components: bool
) -> None:
    write_report(tmp_path / "report.json", 3, components=components)

    days = [day for usage in read(tmp_path / "report.json") for day in usage.days.values()]

    assert len(days) == 3 * 31
    assert sum(len(day.usage) + len(day.components) for day in days) == cells(
        3, components=components
    )


def test_the_changed_report_differs_on_one_day_of_each_project(tmp_path: Path) -> None:
    write_report(tmp_path / "report.json", 3, components=True)
    write_report(tmp_path / "changed.json", 3, components=True, changed=True)

    for before, after in zip(
        read(tmp_path / "report.json"), read(tmp_path / "changed.json"), strict=True
    ):
        assert before.claims == after.claims
        assert [day for day in before.days if before.days[day] != after.days[day]] == [
            list(before.days)[14]
        ]


def test_pgbench_is_given_the_statement_with_the_types_psycopg_declares(tmp_path: Path) -> None:
    scripts = Scripts(tmp_path / "scripts")

    scripts.add(
        "both",
        [
            Statement("select %s where a %% 2 = 0", [b"\x00\xff"]),
            Statement("select %(names)s, %(n)s", {"n": 70_000, "names": [1, 2], "more": None}),
        ],
    )

    assert (tmp_path / "scripts" / "0.sql").read_text() == (
        "select :v0::bytea where a % 2 = 0;\n\nselect :v1::int2[], :v2::int4;\n"
    )


def test_a_bound_that_is_kept_is_ok_and_one_that_is_not_is_missed() -> None:
    wanted = [Wanted("walk", 1.5, 1.5), Wanted("run", 1.51, 1.5, "s")]

    text = shown(Result("Speed", ["on foot"], [{"way": "walk", "ms": 1500.0}], wanted))

    assert text.splitlines()[0] == "Speed"
    assert [line.split()[-1] for line in text.splitlines()[-2:]] == ["ok", "MISSED"]


def test_nothing_is_said_of_promises_where_there_are_none() -> None:
    text = shown(Result("Speed", ["on foot"], [{"way": "walk", "ms": 1500.0}], []))

    assert text.splitlines()[-1].split() == ["walk", "1,500"]


def test_a_bare_server_sends_the_very_reply_that_was_recorded(tmp_path: Path) -> None:
    """What the server sets itself, its name and the time, is not sent twice."""
    head = (
        b"HTTP/1.1 200 OK\r\nx-result-count: 2\r\ncontent-type: application/json\r\ncontent-length: 2\r\n"
        b"server: granian\r\ndate: Wed, 25 Nov 2026 04:30:38 GMT\r\n\r\n"
    )
    replies = [Reply(0.0, head, b"[]"), Reply(0.0, head.replace(b": 2\r", b": 7\r"), b'["one"]')]
    write_replies(tmp_path / "replies", replies)

    bare = [sys.executable, "-m", "bench.bare", str(tmp_path / "replies")]
    with serving(bare, tmp_path) as port, client(port) as asking:
        sent = [asking.ask(request("/", port, "", {NUMBER: str(at)})) for at in (0, 1)]

    assert [(one.undated_head, one.body) for one in sent] == [
        (one.undated_head, one.body) for one in replies
    ]


def test_the_ledger_has_at_least_the_rows_asked_for() -> None:
    """20 usage rows a month and allocation; ten organisations need ten allocations."""
    assert [allocations_for(rows, 60) for rows in (1, 12_001, 1_000_000)] == [10, 11, 834]
    assert allocations_for(1_000_000, 6) == 8334
