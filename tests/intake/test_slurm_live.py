"""Asking Slurm's commands, for which scripts stand: in windows answered in time, from where the last run ended."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nodehours.intake.slurm import SOURCE, JobLog, Wanted, ingest
from nodehours.intake.slurm_live import Live, ingest_live
from nodehours.ledger.reckoning import bookmark_of
from nodehours.ledger.runs import Verdict
from nodehours.ledger.store import Connection
from nodehours.sources.slurm.fields import RECOMMENDED
from nodehours.sources.slurm.sacct import SacctError
from tests.intake.job_logs import used

HOUR = 3600
SACCT = f"""#!/bin/sh
HEAD='{RECOMMENDED.replace(",", "|")}'
for word in "$@"; do
  case $word in
    --starttime=*) start=$(date -u -d "${{word#*=}}" +%s) ;;
    --endtime=*) end=$(date -u -d "${{word#*=}}" +%s) ;;
    --jobs=*) echo "${{word#*=}}" >> "$ASKED.again"; echo "$HEAD"; cat "$ENDED"; exit ;;
  esac
done
echo "$start $end" >> "$ASKED"
[ $((end - start)) -le "${{MOST:-999999}}" ] || exec sleep 20
[ ! -e "$BROKEN" ] || {{ echo 'sacct: error: slurmdbd is away' >&2; exit 1; }}
echo '{RECOMMENDED.replace(",", "|")}'
at=$((start + 60))
echo "$start|lab|brics.climate|al|COMPLETED|$start|$start|$start|$at|60|00:00:00|1|8|cpu=8,node=1"
"""
SACCTMGR = "#!/bin/sh\necho lab\n"


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, script in (("sacct", SACCT), ("sacctmgr", SACCTMGR)):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    monkeypatch.setenv("BROKEN", str(tmp_path / "broken"))
    monkeypatch.setenv("ENDED", str(tmp_path / "ended"))
    return tmp_path


def windows(slurm: Path) -> list[tuple[int, int]]:
    lines = (slurm / "asked").read_text().splitlines()
    (slurm / "asked").unlink()
    return [(int(start), int(end)) for start, end in map(str.split, lines)]


def began(hours: int) -> int:
    return int((datetime.now(UTC) - timedelta(hours=hours)).timestamp())


def wanted(slurm: Path) -> Wanted:
    return Wanted("isca", slurm / "archive")


def test_windows_follow_each_other_until_now_and_the_next_run_goes_back_a_little(
    connection: Connection, slurm: Path
) -> None:
    since = began(60)
    told = ingest_live(connection, Live(since=since), wanted(slurm))

    first = windows(slurm)
    assert first[0][0] == since
    assert all(one[1] == other[0] for one, other in itertools.pairwise(first))
    assert [end - start for start, end in first[:2]] == [24 * HOUR] * 2
    assert told.run.outcome.verdict is Verdict.COMPLETE
    bookmark = bookmark_of(connection, "isca", SOURCE, "lab")
    assert bookmark
    assert int(bookmark.timestamp()) == first[-1][1]

    ingest_live(connection, Live(overlap=2 * HOUR), wanted(slurm))
    assert windows(slurm)[0][0] == first[-1][1] - 2 * HOUR


def test_a_window_that_takes_too_long_is_asked_for_in_parts(
    connection: Connection, slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOST", str(6 * HOUR))
    ingest_live(connection, Live(since=began(20), patience=2), wanted(slurm))

    asked = windows(slurm)
    answered = [one for one in asked if one[1] - one[0] <= 6 * HOUR]
    assert 0 < len(asked) - len(answered) < len(asked)
    assert all(one[1] == other[0] for one, other in itertools.pairwise(answered))
    bookmark = bookmark_of(connection, "isca", SOURCE, "lab")
    assert bookmark
    assert int(bookmark.timestamp()) == answered[-1][1]


def test_what_slurm_refuses_is_said_and_nothing_is_passed_over(
    connection: Connection, slurm: Path
) -> None:
    ingest_live(connection, Live(since=began(2)), wanted(slurm))
    before = bookmark_of(connection, "isca", SOURCE, "lab")
    (slurm / "broken").touch()

    with pytest.raises(SacctError, match="slurmdbd is away"):
        ingest_live(connection, Live(), wanted(slurm))

    assert bookmark_of(connection, "isca", SOURCE, "lab") == before
    verdicts = connection.execute("select verdict from runs order by id").fetchall()
    assert verdicts == [("complete",), ("failed",)]


def test_what_slurm_ended_in_the_past_is_asked_for_by_its_number(
    connection: Connection, slurm: Path
) -> None:
    """A runaway job that was mended is in no window any more."""
    start = began(24 * 9)
    job = f"lab|brics.climate|al|%s|{start}|{start}|{start}|%s|%s|00:00:00|1|8|cpu=8,node=1\n"
    running = "".join(
        f"{name}|{job % ('RUNNING', 'Unknown', 24 * HOUR)}" for name in ("40_17", "7")
    )
    (slurm / "log").write_text(f"{RECOMMENDED.replace(',', '|')}\n{running}")
    ingest(connection, [str(slurm / "log")], JobLog(), wanted(slurm))
    assert sum(used(connection).values()) == 2 * 24 * HOUR
    ended = (("40_17", 0), ("40_18", 60), ("7", 120))
    (slurm / "ended").write_text(
        "".join(f"{name}|{job % ('COMPLETED', start + ran, ran)}" for name, ran in ended)
    )

    ingest_live(connection, Live(since=began(2)), wanted(slurm))
    ingest_live(connection, Live(since=began(2)), wanted(slurm))

    assert (slurm / "asked.again").read_text().splitlines() == ["7,40"]
    assert sum(used(connection).values()) == 60 + 120 + 60 * len(set(windows(slurm)))


def test_more_than_slurmdbd_gives_at_once_is_asked_for_in_parts(
    connection: Connection, slurm: Path
) -> None:
    """As its MaxQueryTimeRange has it."""
    refuses = "sacct: error: slurmdbd: Too wide of a date range in query"
    is_wide = f'[ $((end - start)) -le {6 * HOUR} ] || {{ echo "{refuses}" >&2; exit 1; }}\n'
    script = SACCT.replace("[ ! -e", f"{is_wide}[ ! -e")
    (slurm / "sacct").write_text(script)

    ingest_live(connection, Live(since=began(20)), wanted(slurm))

    asked = windows(slurm)
    assert any(end - start > 6 * HOUR for start, end in asked)
    assert sum(end - start for start, end in asked if end - start <= 6 * HOUR) >= 20 * HOUR


def test_a_cluster_that_slurmdbd_does_not_know_is_not_taken_for_one_without_jobs(
    connection: Connection, slurm: Path
) -> None:
    with pytest.raises(SacctError, match="slurmdbd does not know nowhere, but lab"):
        ingest_live(connection, Live(["nowhere"]), wanted(slurm))

    assert not (slurm / "asked").exists()
