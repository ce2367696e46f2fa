"""Everything at once: eight writers give all commands to one ledger, and are killed again and again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Any

import anyio
import psycopg
import pytest

from nodehours.ledger.clock import Kind, Origin, current_revision
from nodehours.ledger.closing import close_month
from nodehours.ledger.inventory import add_organisation
from nodehours.ledger.store import Connection
from nodehours.ledger.verify import MAX_DIFFERENCES, verify
from nodehours.queries.access import operator_scope
from nodehours.queries.usage import list_usage
from nodehours.sources.openportal import record_sha256
from nodehours.terms.month import Month
from nodehours.terms.row import UsageFilter
from tests.intake.quarantined import know
from tests.ledger.accounted import assert_accounted
from tests.ledger.commands import PATIENCE_SECONDS, await_that
from tests.ledger.moving import Told, assert_still_told, places, told
from tests.ledger.writers import NODES, RESOURCE, Command, given, read_journal, write_report
from tests.ledger.written import assert_holds

WRITERS = 8
COMMANDS_EACH = 30
BETWEEN_KILLS = 20
ALL_AT_ONCE = 6
"""One kill of so many is of all writers at the same moment."""
REMEMBERED = 4
"""One moment of so many is asked about again at the end."""
ROOT = Path(__file__).parents[2]

# Of every statement at every revision there ever was: where its sums do not hold.
_BROKEN_STATEMENTS = """
select at, allocation_id, year, month, said.node_seconds, by_row.total, by_day.total, by_user.total
from generate_series(1, (select revision from ledger)) as at
cross join statements as s
cross join lateral (select make_date(year, month, 1) as since) as month_start
cross join lateral (select (since + interval '1 month')::date as before) as month_end
left join lateral statement_at(allocation_id, year, month, at) as said on true
cross join lateral (
    select sum(node_seconds) as total from usage_rows_at(allocation_id, year, month, at)) as by_row
cross join lateral (
    select sum(node_seconds) as total from usage_days_at(allocation_id, since, before, at)) as by_day
cross join lateral (
    select coalesce(sum(node_seconds), 0) as total from daily_usage_at(allocation_id, since, before, at)) as by_user
where said.node_seconds is distinct from by_row.total or said.node_seconds is distinct from by_day.total
   or coalesce(said.node_seconds, 0) <> by_user.total
"""
# Of the whole ledger at every revision: by statement, and by day whether or not it has a statement.
_TOTALS = """
select at,
       (select coalesce(sum(said.node_seconds), 0) from statements,
               statement_at(allocation_id, year, month, at) as said),
       (select coalesce(sum(used.node_seconds), 0) from allocations,
               daily_usage_at(allocations.id, '1970-01-01', '2201-01-01', at) as used)
from generate_series(1, (select revision from ledger)) as at
order by at
"""
# Of what was told anew since anything last waited: rows that are not what those used who have a local user alone.
_MISATTRIBUTED = """
with told as (
    select allocation_id, year, month from postings
    group by 1, 2, 3
    having max(revision) > coalesce((
        select max(base_revision) from pending
        where (pending.allocation_id, pending.year, pending.month)
            = (postings.allocation_id, postings.year, postings.month)), 0)
),
owners as (
    select allocation_id, local_user, min(user_id) as user_id from associations
    where retired_revision is null and local_user <> 'unknown'
    group by 1, 2 having count(distinct user_id) = 1
),
used as (
    select told.*, user_id, sum(node_seconds) as total
    from told
    join daily_usage using (allocation_id)
    left join owners using (allocation_id, local_user)
    where (extract(year from day), extract(month from day)) = (year, month)
    group by 1, 2, 3, 4
)
select told.*, users.user_id, node_seconds, total
from told
cross join lateral (
    select user_id, node_seconds from usage_rows as row
    where (row.allocation_id, row.year, row.month) = (told.allocation_id, told.year, told.month)
) as users
full join used on (used.allocation_id, used.year, used.month) = (told.allocation_id, told.year, told.month)
    and used.user_id is not distinct from users.user_id
where coalesce(node_seconds, 0) <> coalesce(total, 0)
"""
_DEADLOCKS = "select deadlocks from pg_stat_database where datname = current_database()"
_AT_WORK = """
select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""
_KINDS = "select distinct kind from revisions"


@dataclass
class Writer:
    """One of the writers: the process that it is now, and the journals of all that it was."""

    number: int
    directory: Path
    database_url: str
    journals: list[Path] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def commands(self) -> list[Command]:
        """All that it did so far."""
        return [command for journal in self.journals for command in read_journal(journal)]

    @property
    def is_at_work(self) -> bool:
        """Whether it runs; one that ended by itself has done all that it had to."""
        assert self.process
        if (status := self.process.poll()) is not None:
            assert status == 0, self.journals[-1].with_suffix(".err").read_text()
        return status is None

    def start(self) -> None:
        """Begin, or go on after it was killed."""
        left = COMMANDS_EACH - len(self.commands)
        name = f"{self.number}-{len(self.journals)}"
        self.journals.append(self.directory / f"{name}.journal")
        self.journals[-1].touch()
        with self.journals[-1].with_suffix(".err").open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.ledger.writers", self.journals[-1], name, str(left)],
                cwd=ROOT,
                env=os.environ | {"NODEHOURS_DATABASE_URL": self.database_url},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def kill(self) -> None:
        """Kill it wherever it is."""
        assert self.process
        self.process.send_signal(SIGKILL)

    def bury(self) -> None:
        """Wait until it is no more."""
        assert self.process
        self.process.wait(timeout=PATIENCE_SECONDS)


@contextmanager
def writing(database_url: str, directory: Path) -> Iterator[list[Writer]]:
    """Let all writers begin, and leave none behind."""
    writers = [Writer(number, directory, database_url) for number in range(WRITERS)]
    try:
        for writer in writers:
            writer.start()
        yield writers
    finally:
        for writer in writers:
            if writer.process:
                writer.kill()
                writer.bury()


def killed(victims: list[Writer]) -> None:
    """Kill all *victims* at the same moment, and have them go on."""
    for writer in victims:
        writer.kill()
    for writer in victims:
        writer.bury()
        writer.start()


def begin(connection: Connection, directory: Path) -> Command:
    """Tell the ledger of a first day, of a second organisation, and of how much the resource can give in a day."""
    day = {"reports": {"al": {"seconds": 10**6}, "old": {"seconds": 10**5}}, "is_complete": True}
    report = {"project": "climate.brics", "reports": {"2025-10-01": day}}
    path = write_report(directory / "first.json", report)
    command = Command(("ingest", "openportal", "--resource", RESOURCE, path), 0)
    status, said = given(command.words)
    add_organisation(connection, "met", "Met")
    know(connection, nodes=NODES)
    return command._replace(ended=1, status=status, said=said)


def seen(connection: Connection) -> Told:
    """Check all sums in one moment, as a reader sees it, and return what the ledger told then."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        assert_holds(connection)
        return told(connection)


def watched(connection: Connection, writers: list[Writer]) -> list[Told]:
    """Look at the ledger whenever it has moved, and kill one of the *writers* now and then, or all of them at once."""
    chance = Random(8)
    moments = [seen(connection)]
    kills = 0
    while at_work := [writer for writer in writers if writer.is_at_work]:
        await_that(lambda: has_moved(connection, moments[-1], at_work), "a command is carried out")
        moments.append(seen(connection))
        if sum(len(writer.commands) for writer in writers) > BETWEEN_KILLS * (kills + 1):
            kills += 1
            killed(at_work if kills % ALL_AT_ONCE == 0 else [chance.choice(at_work)])
    return moments


def has_moved(connection: Connection, moment: Told, at_work: list[Writer]) -> bool:
    """Whether the ledger has another revision than at *moment*, or one who was at work is no more."""
    return current_revision(connection) > moment.revision or not all(
        writer.is_at_work for writer in at_work
    )


async def _page(url: str, revision: int) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as reading:
        page = await list_usage(
            reading, operator_scope(), UsageFilter(), offset=0, limit=10_000, at=revision
        )
    return [
        (row.id, row.year, row.month, row.username, row.node_seconds, row.full_name)
        for row in page.rows
    ]


@pytest.mark.slow
def test_eight_writers_of_everything_killed_at_random_lose_no_second(
    database_url: str, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader beside them sees sums that hold at every moment, and as of then the ledger tells the same ever after."""
    monkeypatch.setenv("NODEHOURS_DATABASE_URL", database_url)
    first = begin(connection, tmp_path)

    with writing(database_url, tmp_path) as writers:
        moments = watched(connection, writers)
        commands = [first, *(command for writer in writers for command in writer.commands)]
    await_that(
        lambda: connection.execute(_AT_WORK).fetchall() == [(0,)], "all connections are closed"
    )

    assert_as_told(connection, commands)
    assert_sums(connection)
    assert_remembered(database_url, connection, moments[::REMEMBERED])
    assert_accounted(connection, commands)


def assert_as_told(connection: Connection, commands: list[Command]) -> None:
    """Much was tried, and some were killed at work; nobody else met with more than a refusal in a sentence."""
    kinds = {Kind(kind) for (kind,) in connection.execute(_KINDS)}
    assert kinds >= {Kind.POSTING, Kind.ACCEPTANCE, Kind.CLOSING, Kind.MAPPING}
    assert any(command.status is None for command in commands), "none was killed at work"
    assert {command.status for command in commands} == {None, 0, 1, 3}
    for command in commands:
        assert command.status != 3 or command.words[0] != "ingest", command
        assert "database" not in command.said, command
    assert connection.execute(_DEADLOCKS).fetchall() == [(0,)]


def assert_sums(connection: Connection) -> None:
    """Every sum of the ledger holds, and did at every revision; what is somebody's is in their rows."""
    assert_holds(connection)
    found = verify(connection, limit=MAX_DIFFERENCES, record_sha256=record_sha256)
    assert found.differences == ()
    assert connection.execute(_BROKEN_STATEMENTS).fetchall() == []
    assert connection.execute(_MISATTRIBUTED).fetchall() == []
    totals = connection.execute(_TOTALS).fetchall()
    assert [at for at, *_ in totals] == list(range(1, found.revision + 1))
    assert [at for at, by_statement, by_day in totals if by_statement != by_day] == []


def assert_remembered(url: str, connection: Connection, moments: list[Told]) -> None:
    """All that a reader saw is told again as of then, and no usage row has become another's."""
    known = places(told(connection))
    for moment in moments:
        assert_still_told(connection, moment)
        assert places(moment).items() <= known.items()
        rows = {(n, *of[1:3], name, total, full) for n, *of, name, total, full in moment.rows}
        assert set(anyio.run(_page, url, moment.revision)) == rows


LOSSES = {
    "the ledger": "delete from usage_days where day = '2025-10-02'",
    "what waits": "delete from pending",
    "quarantine": "delete from quarantine",
}


@pytest.mark.parametrize("place", LOSSES)
def test_a_word_that_is_nowhere_any_more_is_missed(
    database_url: str,
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    """The reckoning that finds nothing lost would find it."""
    monkeypatch.setenv("NODEHOURS_DATABASE_URL", database_url)
    first = begin(connection, tmp_path)
    close_month(connection, "brics", Month(2025, 11), Origin())
    days = {
        day: {"reports": {"al": {"seconds": seconds}}, "is_complete": True}
        for day, seconds in (("2025-10-02", 7), ("2025-11-01", 8), ("2150-06-01", 9))
    }
    report = {"project": "climate.brics", "reports": days}
    words = (*first.words[:-1], write_report(tmp_path / "second.json", report))
    second = Command(words, 1, 3, *given(words))
    assert_accounted(connection, [first, second])

    connection.execute("set session_replication_role = replica")
    connection.execute(LOSSES[place])

    with pytest.raises(AssertionError, match=r"second\.json"):
        assert_accounted(connection, [first, second])
