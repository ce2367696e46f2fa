"""A report as one page that can be mailed: whole in itself, and nothing in it runs or loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nodehours.ledger.closing import close_month
from nodehours.ledger.people import User, add_user
from nodehours.ledger.store import Connection
from tests.faces.cli.conftest import Run
from tests.faces.web.reading import read_page
from tests.ledger.moving import MARCH, OCEAN, STAFF, report, whole_month

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def reported(connection: Connection) -> Connection:
    """March as it was reported, late jobs, March closed, another project, and somebody with a hostile name."""
    add_user(connection, User("alice", HOSTILE, "", False, False, True, ["alice.brics"]))
    report(connection, whole_month(MARCH, al=3600, old=60), alice="al")
    report(connection, {"2026-03-01": {"bo": 36}}, OCEAN, "tigris", bob="bo")
    report(connection, {"2026-03-02": {"al": 7200}})
    close_month(connection, "climate.brics", MARCH, STAFF)
    return connection


@pytest.mark.usefixtures("reported")
def test_a_report_is_one_page_with_its_charts_and_every_figure(
    nodehours: Run, tmp_path: Path
) -> None:
    done = nodehours("report", "--users", "--html", "march.html")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "wrote 2 statements to march.html\n"
    text = (tmp_path / "march.html").read_text()
    page = read_page(text)
    rows = page.table("Statements")[1:]
    assert [[cell.text for cell in row[1:5]] for row in rows if len(row) == 7] == [
        ["climate.brics", "isca", "3.02", "0.02"],
        ["ocean.brics", "tigris", "0.01", "0.00"],
    ]
    assert text.count("data:image/svg+xml;base64,") == 2
    assert "Usage of all projects" in page.text
    assert "3.03" in page.text


@pytest.mark.usefixtures("reported")
def test_nothing_in_it_runs_and_nothing_is_loaded(nodehours: Run, tmp_path: Path) -> None:
    nodehours("report", "--users", "--html", "march.html")

    text = (tmp_path / "march.html").read_text()
    assert "<script" not in text
    assert HOSTILE in read_page(text).text
    assert re.findall(r'(?:src|href)="(?!data:)([^"]*)"', text) == []
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


@pytest.mark.usefixtures("reported")
def test_as_of_then_it_says_what_was_reported_then(nodehours: Run, tmp_path: Path) -> None:
    nodehours("report", "climate.brics", "2026-03", "--as-of", "1", "--html", "then.html")

    page = read_page((tmp_path / "then.html").read_text())
    ((_, _, _, hours, *_),) = page.table("Statements")[1:]
    assert hours.value == "1.02"
    assert "Usage of climate.brics in March 2026" in page.text
    assert "As of revision 1" in page.text


def test_of_nothing_there_is_a_page_that_says_so(nodehours: Run, tmp_path: Path) -> None:
    done = nodehours("report", "--html", "nothing.html")

    assert done.returncode == 0
    assert "Nothing was reported" in read_page((tmp_path / "nothing.html").read_text()).text


@pytest.mark.usefixtures("reported")
def test_a_file_that_cannot_be_written_is_named(nodehours: Run) -> None:
    done = nodehours("report", "--html", "no/such/march.html")

    assert done.returncode == 3
    assert "cannot write no/such/march.html" in done.stderr
    assert "Traceback" not in done.stderr
