"""A dry run says what a run would do, to the second, and leaves no trace."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.intake.openportal import Run, ingest
from nodehours.ledger.store import Connection
from nodehours.terms.usage import ProjectUsage
from tests.intake.files import as_report, portal, report, written
from tests.ledger.reports import reports
from tests.ledger.written import assert_holds, empty, everything


def outcome(run: Run) -> tuple[object, ...]:
    """What came of a run, but for the ids that it was given."""
    left_out = [(one.fault, one.reason, one.held and one.held[1:]) for one in run.left_out]
    return run.projects, left_out, run.counts


def twice(connection: Connection, names: list[str], resource: str = "isca") -> Run:
    """Run it dry, see that nothing was touched, and then run it."""
    before = everything(connection)
    dry = ingest(connection, names, resource, dry_run=True)
    assert everything(connection) == before

    run = ingest(connection, names, resource)

    assert outcome(dry) == outcome(run)
    assert_holds(connection)
    return run


@given(st.lists(st.tuples(reports(), st.sampled_from(("isca", "tamar"))), max_size=4))
@settings(max_examples=40)
def test_a_dry_run_gives_the_figures_of_the_run_after_it_and_leaves_no_trace(
    scratch: Connection, told: list[tuple[ProjectUsage, str]]
) -> None:
    """Not even users, projects or allocations; no row of any table is written anew."""
    empty(scratch)
    with tempfile.TemporaryDirectory() as directory:
        for usage, resource in told:
            twice(scratch, [written(Path(directory) / "report.json", as_report(usage))], resource)


def test_a_dry_run_sees_what_its_earlier_documents_would_have_done(
    connection: Connection, tmp_path: Path
) -> None:
    """The second document is the first one again, and changes nothing; the third restates it."""
    march = report("climate.brics", {"2026-03-01": {"al": 60}}, alice="al")
    first = written(tmp_path / "first.json", march)
    restated = written(
        tmp_path / "restated.json", report("climate.brics", {"2026-03-01": {"al": 50}})
    )

    run = twice(connection, [first, first, restated])

    assert [(month.former, month.total, month.revision) for month in run.months] == [
        (None, 60, 1),
        (60, 60, None),
        (60, 50, 2),
    ]


def test_a_dry_run_finds_the_faults_of_the_run_after_it_and_goes_on_behind_them(
    connection: Connection, tmp_path: Path
) -> None:
    large = report("large.brics", {f"2026-03-0{day}": {"al": 2**62} for day in (1, 2)}, alice="al")
    good = report("good.brics", {"2026-03-01": {"al": 1}}, alice="al")
    bad = report("bad.brics", {"2026-13-01": {"al": 1}}, alice="al")
    names = [
        str(tmp_path / "missing.json"),
        written(tmp_path / "portal.json", portal(large, bad, good)),
    ]

    run = twice(connection, names)

    assert [fault.project for fault in run.faults] == [None, "large.brics", "bad.brics"]
    assert [posted.project for posted in run.projects] == ["good.brics"]
