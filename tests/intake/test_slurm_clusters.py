"""Jobs of which nobody says what cluster they are of: they are not taken for others a second time."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from nodehours.intake.slurm import JobLog, Wanted, ingest
from nodehours.ledger.store import Connection
from tests.intake.job_logs import HISTORY, used

NAMED = HISTORY / "2026-09" / "sacct_X_D.parsable2.txt"
UNNAMED = HISTORY / "2026-09" / "sacct_X_unixtime.txt"


def take(connection: Connection, archive: Path, file: Path, log: JobLog) -> list[str]:
    return ingest(connection, [str(file)], log, Wanted("isca", archive)).run.messages


def local(cluster: str | None = None) -> JobLog:
    return JobLog(cluster, ZoneInfo("UTC"))


def test_they_are_of_the_only_cluster_that_is_known(connection: Connection, tmp_path: Path) -> None:
    take(connection, tmp_path, NAMED, local())
    before = used(connection)

    assert take(connection, tmp_path, UNNAMED, local()) == []
    assert used(connection) == before


def test_where_none_is_known_it_is_called_as_the_resource_and_no_other_comes_after(
    connection: Connection, tmp_path: Path
) -> None:
    take(connection, tmp_path, UNNAMED, local())
    before = used(connection)

    (said,) = take(connection, tmp_path, NAMED, local())

    assert "taken to be of isca, and these are of lab" in said
    assert used(connection) == before


def test_who_says_which_one_is_believed(connection: Connection, tmp_path: Path) -> None:
    take(connection, tmp_path, UNNAMED, local(cluster="lab"))
    before = used(connection)

    assert take(connection, tmp_path, NAMED, local()) == []
    assert used(connection) == before


def test_local_times_of_no_zone_are_refused_at_once(connection: Connection, tmp_path: Path) -> None:
    (said,) = take(connection, tmp_path, NAMED, JobLog())

    assert "its times are local" in said
    assert "--timezone" in said
    assert connection.execute("select count(*) from quarantine").fetchall() == [(0,)]
