"""What cannot be believed is held and nothing else is; staff release it or drop it, and either stays decided."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from nodehours.intake.openportal import Run, ingest
from nodehours.intake.release import release_record
from nodehours.ledger.clock import Origin, locked_revision
from nodehours.ledger.closing import close_month
from nodehours.ledger.decisions import accept
from nodehours.ledger.errors import DecidedError, UnavailableError, UnpostableError
from nodehours.ledger.quarantine import drop_record
from nodehours.ledger.store import Connection
from nodehours.terms.doubt import DoubtReason
from nodehours.terms.month import Month
from tests.intake.files import portal, report, written
from tests.intake.quarantined import kept, know, total
from tests.ledger.commands import await_that, ended, start
from tests.ledger.commands import waiting as in_line
from tests.ledger.months import waiting
from tests.ledger.written import accounts, assert_holds

TODAY = date(2026, 6, 15)
DAY = 86_400
IDLE = report("climate.brics", {}, alice="al")


def june(first: int, last: int, **used: int) -> dict[str, dict[str, int]]:
    return {f"2026-06-{day:02d}": used for day in range(first, last + 1)}


@pytest.fixture
def inbox(connection: Connection, tmp_path: Path) -> Inbox:
    return Inbox(connection, tmp_path / "report.json")


class Inbox:
    """Reports come in as files, on a day in June."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def read(self, content: dict[str, Any], *, today: date = TODAY) -> Run:
        return self.read_text(json.dumps(content).encode(), today=today)

    def read_text(self, text: bytes, *, today: date = TODAY) -> Run:
        self._path.write_bytes(text)
        run = ingest(self._connection, [str(self._path)], "isca", today=today)
        assert_holds(self._connection)
        return run


def release_all(connection: Connection) -> None:
    for record in kept(connection):
        if record.status == "held":
            release_record(connection, record.id, "carol", "")
            assert_holds(connection)


@pytest.mark.parametrize(
    ("day", "used", "reason", "sentence"),
    [
        ("2026-06-16", {"al": 1}, DoubtReason.FUTURE,
         "2026-06-16 has not begun (it is 2026-06-15)"),
        ("2026-05-31", {"al": 1}, DoubtReason.BEFORE_START,
         "usage on 2026-05-31, before the allocation's start on 2026-06-01"),
        ("2026-06-02", {"al": 2 * DAY + 36, "bo": 1}, DoubtReason.BEYOND_CAPACITY,
         "on 2026-06-02 al used 48.01 node-hours, and 2 nodes can give 48.00 in a day"),
        ("2026-06-02", {"al": DAY, "bo": DAY, "unknown": 36}, DoubtReason.BEYOND_CAPACITY,
         "on 2026-06-02 all users together used 48.01 node-hours, and 2 nodes can give 48.00 in a day"),
    ],
)  # fmt: skip
def test_a_day_that_cannot_be_true_is_held_and_the_others_are_posted(
    connection: Connection,
    inbox: Inbox,
    day: str,
    used: dict[str, int],
    reason: DoubtReason,
    sentence: str,
) -> None:
    inbox.read(IDLE)
    know(connection, starts=date(2026, 6, 1), nodes=2)

    run = inbox.read(report("climate.brics", june(1, 1, al=60) | {day: used}, alice="al"))

    (one,) = run.quarantined
    assert (one.reason, one.fault.place, one.fault.sentence) == (reason, day, sentence)
    assert [(r.place, r.reason, r.sentence, list(r.days)) for r in kept(connection)] == [
        (day, reason.value, sentence, [day])
    ]
    assert total(connection) == 60


@pytest.mark.parametrize(
    ("day", "used"),
    [
        ("2026-06-15", {"al": 2 * DAY}),  # today, and all that two nodes can give
        ("2026-06-01", {"al": DAY, "bo": DAY}),  # the first day
        ("2026-05-31", {"al": 0}),  # nothing was used before the start
    ],
)
def test_what_is_just_possible_is_believed(
    connection: Connection, inbox: Inbox, day: str, used: dict[str, int]
) -> None:
    inbox.read(IDLE)
    know(connection, starts=date(2026, 6, 1), nodes=2)

    run = inbox.read(report("climate.brics", {day: used}))

    assert (run.faults, kept(connection)) == ([], [])
    assert total(connection) == sum(used.values())


def test_an_empty_page_of_a_day_to_come_is_no_doubt(inbox: Inbox) -> None:
    """A portal lists the whole month from its first day on."""
    run = inbox.read(report("climate.brics", june(16, 30), is_complete=False))

    assert run.faults == []


def test_without_a_start_and_a_size_only_the_calendar_is_known(inbox: Inbox) -> None:
    assert inbox.read(report("climate.brics", {"1970-01-01": {"al": 2**62}})).faults == []


def test_a_total_that_halves_is_held_but_for_the_days_that_do_not_lower_it(
    connection: Connection, inbox: Inbox
) -> None:
    """Two of three days fall to nothing; the third has late jobs, and a fourth is new."""
    inbox.read(report("climate.brics", june(1, 3, al=100)))

    run = inbox.read(
        report("climate.brics", june(1, 2, al=0) | june(3, 3, al=110) | june(4, 4, al=5))
    )

    (one,) = run.quarantined
    assert (one.reason, one.fault.place) == (DoubtReason.HALVED, "2026-06-01..2026-06-02")
    assert one.fault.sentence == "the total of 2026-06 would fall from 0.08 to 0.03 node-hours"
    assert total(connection) == 100 + 100 + 110 + 5


def test_a_downward_correction_that_leaves_more_than_half_is_ordinary(
    connection: Connection, inbox: Inbox
) -> None:
    inbox.read(report("climate.brics", june(1, 2, al=100)))

    run = inbox.read(report("climate.brics", june(1, 1, al=1)))

    assert (run.faults, total(connection)) == ([], 101)


def test_what_halved_a_total_stays_in_doubt_when_later_days_raise_the_total(
    connection: Connection, inbox: Inbox
) -> None:
    """Else it would only have to wait: beside a whole month, a lost week is less than half."""
    inbox.read(report("climate.brics", june(1, 3, al=100)))
    lost = june(1, 3, al=10)

    for night in range(4, 15):
        run = inbox.read(report("climate.brics", lost | june(4, night, al=100)))
        assert [one.held and one.held.id for one in run.quarantined] == [1]

    assert total(connection) == 14 * 100
    release_all(connection)
    assert total(connection) == 3 * 10 + 11 * 100


def test_what_halved_a_total_and_was_dropped_does_not_come_in_later(
    connection: Connection, inbox: Inbox
) -> None:
    inbox.read(report("climate.brics", june(1, 3, al=100)))
    lost = june(1, 3, al=10)
    inbox.read(report("climate.brics", lost))
    drop_record(connection, 1, "carol", "their database was restored")

    run = inbox.read(report("climate.brics", lost | june(4, 15, al=100)))

    assert (run.faults, len(run.dropped)) == ([], 1)
    assert total(connection) == 15 * 100


def test_a_first_figure_that_was_wrong_gives_way_when_the_halved_one_is_released(
    connection: Connection, inbox: Inbox
) -> None:
    right = report("climate.brics", june(1, 3, al=10), alice="al")
    inbox.read(report("climate.brics", june(1, 3, al=1000), alice="al"))
    inbox.read(right)

    ((project, (month,)),) = release_record(connection, 1, "carol", "counted in cores until now")

    assert (project, month.posted, month.former, month.total) == ("climate.brics", 3, 3000, 30)
    assert inbox.read(right).faults == []
    ((reason, by_whom),) = connection.execute(
        "select reason, by_whom from revisions order by revision desc limit 1"
    )
    assert (reason, by_whom) == ("counted in cores until now", "carol")


def test_the_value_of_a_day_is_kept_byte_by_byte(connection: Connection, inbox: Inbox) -> None:
    """Whatever blanks, escapes and unknown fields are in it."""
    day = b'{ "reports" : {"\\u0061l":{"seconds": 7,"later":1.50}},\n\t"is_complete":true , "x":[1e3]}'
    good = b'{"reports":{"al":{"seconds":1}},"is_complete":true}'
    project = (
        b'{"users":{"alice.climate.brics":"al"},"project" :  "climate.brics","reports":\n{"2026-06-01":'
        + good + b',\n" 2026-6-16 ": ' + day + b" }}"
    )  # fmt: skip

    run = inbox.read_text(b'{"portal":"brics", "reports": {"climate.brics":' + project + b"}}")

    (one,) = kept(connection)
    assert one.record == (b'{"project": "climate.brics", "reports": {" 2026-6-16 ": ' + day + b"}}")
    assert [month.posted for month in run.months] == [1]


def test_the_same_night_after_night_is_one_record(connection: Connection, inbox: Inbox) -> None:
    """Days come with others beside them, users are added, and members stand in another order each time."""
    inbox.read(IDLE)
    know(connection, starts=date(2026, 6, 1), nodes=1)
    early = {"2026-05-30": {"al": 1, "bo": 2}}
    inbox.read(report("climate.brics", early, alice="al"))

    for night in range(1, 6):
        turned = dict(reversed((early["2026-05-30"] | {}).items()))
        days = june(1, night, al=60) | {"2026-05-30": turned}
        run = inbox.read(report("climate.brics", days, alice="al", bob="bo"))
        assert [one.held for one in run.quarantined] == [(1, "held", False)]

    assert len(kept(connection)) == 1
    assert total(connection) == 5 * 60


def test_of_days_that_are_doubted_only_the_new_ones_make_a_new_record(
    connection: Connection, inbox: Inbox
) -> None:
    early = {"2026-05-29": {"al": 1}, "2026-05-30": {"al": 1}}
    inbox.read(IDLE)
    know(connection, starts=date(2026, 6, 1))
    inbox.read(report("climate.brics", early))

    inbox.read(report("climate.brics", early | {"2026-05-31": {"al": 1}}))

    assert [(one.place, list(one.days)) for one in kept(connection)] == [
        ("2026-05-29..2026-05-30", ["2026-05-29", "2026-05-30"]),
        ("2026-05-31", ["2026-05-31"]),
    ]


def test_what_was_dropped_is_counted_and_not_brought_up_again(
    connection: Connection, inbox: Inbox
) -> None:
    future = report("climate.brics", june(16, 16, al=1))
    inbox.read(future)

    drop_record(connection, 1, "carol", "a clock was wrong")
    run = inbox.read(future)

    assert (run.faults, run.counts["dropped"], run.outcome.verdict.value) == ([], 1, "complete")
    assert total(connection) == 0
    ((status, by_whom, reason),) = connection.execute(
        "select status, decided_by, decision_reason from quarantine where decided is not null"
    )
    assert (status, by_whom, reason) == ("dropped", "carol", "a clock was wrong")


def test_what_is_no_longer_doubted_is_believed_when_it_comes_again(
    connection: Connection, inbox: Inbox
) -> None:
    """The size of the machine was wrong; with the right one, nobody has to decide on each record."""
    large = report("climate.brics", june(1, 2, al=3 * DAY))
    inbox.read(IDLE)
    know(connection, nodes=2)
    inbox.read(large)
    know(connection, nodes=4)

    run = inbox.read(large)

    assert (run.faults, total(connection)) == ([], 6 * DAY)
    ((status, why),) = connection.execute("select status, decision_reason from quarantine")
    assert (status, why) == ("released", "believed when it came again")


def test_a_day_that_was_in_the_future_is_believed_on_that_day(
    connection: Connection, inbox: Inbox
) -> None:
    early = report("climate.brics", june(16, 16, al=60))
    inbox.read(early)

    inbox.read(early, today=TODAY + timedelta(days=1))

    assert total(connection) == 60
    assert [one.status for one in kept(connection)] == ["released"]


def test_released_into_a_closed_month_it_waits_for_another_decision(
    connection: Connection, inbox: Inbox
) -> None:
    inbox.read(report("climate.brics", {"2026-05-01": {"al": 100}}))
    close_month(connection, "climate.brics", Month(2026, 5), Origin(by_whom="carol"))
    inbox.read(report("climate.brics", {"2026-05-01": {"al": 10}}))
    assert waiting(connection) == []

    ((_, (month,)),) = release_record(connection, 1, "carol", "")

    assert (month.is_closed, month.waiting, month.pending) == (True, 1, 1)
    assert total(connection) == 100
    accept(connection, 1, Origin(by_whom="carol"))
    assert total(connection) == 10


def test_a_document_that_is_broken_as_a_whole_is_held_whole(
    connection: Connection, inbox: Inbox
) -> None:
    broken = json.dumps(report("climate.brics", june(1, 1, al=1))).encode()[:-9]

    for _ in range(2):
        run = inbox.read_text(broken)

    (one,) = kept(connection)
    assert (one.record, one.reason, one.project) == (broken, "unknown shape", "")
    assert [refused.held for refused in run.quarantined] == [(one.id, "held", False)]


def test_what_is_too_large_to_be_kept_is_refused_and_says_so(
    connection: Connection, inbox: Inbox
) -> None:
    run = inbox.read_text(b'{"project": "' + b"x" * 2**26)

    assert kept(connection) == []
    (one,) = run.refused
    assert one.fault.sentence.endswith("(too large to be kept in quarantine: 67108877 bytes)")


def test_a_project_that_is_not_understood_is_held_alone_in_a_report_of_its_own(
    connection: Connection, inbox: Inbox
) -> None:
    bad = report("ocean.brics", {"2026-06-31": {"bo": 1}})
    good = report("climate.brics", june(1, 1, al=1))

    for night in (1, 2):
        inbox.read(portal(good, bad) if night == 1 else portal(dict(reversed(bad.items())), good))

    (one,) = kept(connection)
    assert (one.project, one.reason) == ("ocean.brics", "unknown shape")
    assert json.loads(one.record) == portal(bad)
    assert total(connection) == 1


def test_a_project_that_stands_twice_is_held_with_both_its_reports(
    connection: Connection, inbox: Inbox
) -> None:
    one, two = (json.dumps(report("climate.brics", june(1, 1, al=n))) for n in (1, 2))

    inbox.read_text(
        f'{{"portal": "brics", "reports": {{"climate.brics": {one}, "climate . brics": {two}}}}}'.encode()
    )

    (record,) = kept(connection)
    assert one.encode() in record.record
    assert two.encode() in record.record


def test_of_a_key_that_names_no_project_only_its_own_report_is_held(
    connection: Connection, inbox: Inbox
) -> None:
    good, bad = report("climate.brics", june(1, 1, al=1)), report("ocean.brics", {})

    inbox.read({"portal": "brics", "reports": {"climate.brics": good, "ocean": bad}})

    (record,) = kept(connection)
    assert json.loads(record.record) == {"portal": "brics", "reports": {"ocean": bad}}


def test_what_is_still_not_understood_cannot_be_released_and_stays_held(
    connection: Connection, inbox: Inbox
) -> None:
    inbox.read(portal(report("ocean.brics", {"2026-06-31": {"bo": 1}})))

    with pytest.raises(
        UnpostableError, match=r"still not understood: .* not a day of the calendar"
    ):
        release_record(connection, 1, "carol", "")

    assert [one.status for one in kept(connection)] == ["held"]
    drop_record(connection, 1, "carol", "")
    with pytest.raises(DecidedError, match="record 1 was dropped already"):
        release_record(connection, 1, "carol", "")


def test_releasing_gives_the_ledger_that_believing_at_once_would_have_given(
    connection: Connection, inbox: Inbox
) -> None:
    days = {f"2026-{month:02d}-{day:02d}": {"al": 2 * DAY, "old": 5}
            for month in (4, 5, 6) for day in (1, 2, 20)}  # fmt: skip
    everything = report("climate.brics", days, alice="al")
    inbox.read(IDLE)
    know(connection, starts=date(2026, 5, 1), nodes=2)
    inbox.read(everything)
    assert {one.reason for one in kept(connection)} == {
        "day in the future", "before the allocation's start", "more than the resource could give",
    }  # fmt: skip

    release_all(connection)

    found = accounts(connection)[("climate.brics", "isca")]
    assert found.days == [(date.fromisoformat(day), True, 0, 0, "") for day in sorted(days)]
    assert sum(row[3] for row in found.rows) == 9 * (2 * DAY + 5)
    assert inbox.read(everything).counts["days_unchanged"] == 9


def test_a_run_that_could_not_go_on_says_why_if_the_database_still_takes_it(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    name = written(tmp_path / "report.json", report("climate.brics", june(1, 1, al=1)))
    connection.execute("set lock_timeout = '10ms'")

    with psycopg.connect(database_url) as holder:
        holder.execute("select from ledger for update")
        with pytest.raises(UnavailableError):
            ingest(connection, [name], "isca", today=TODAY)

    ((verdict, messages),) = connection.execute("select verdict, messages from runs")
    assert verdict == "failed"
    assert messages[-1].startswith("the database failed while climate.brics was posted: ")


def test_a_record_that_staff_release_while_a_run_brings_it_again_stays_their_decision(
    database_url: str, connection: Connection, inbox: Inbox, tmp_path: Path
) -> None:
    """The run waits for the clock that the release holds, and looks at the project's records after it."""
    inbox.read(report("climate.brics", {"2024-06-01": {"al": 3600}}, alice="al"))
    halving = report("climate.brics", {"2024-06-01": {"al": 36}}, alice="al")
    inbox.read(halving)
    (held,) = kept(connection)
    again = written(tmp_path / "again.json", halving)
    command = ("ingest", "openportal", again, "--resource", "isca")

    with connection.transaction():
        locked_revision(connection)
        run = start(*command, NODEHOURS_DATABASE_URL=database_url)
        with psycopg.connect(database_url, autocommit=True) as watcher:
            await_that(lambda: in_line(watcher) == 1, "the run waits for the clock")
        release_record(connection, held.id, "carol", "they were given back")
    assert ended(run).returncode == 0

    decided = "select status, decided_by, decision_reason from quarantine"
    assert connection.execute(decided).fetchall() == [("released", "carol", "they were given back")]
    assert total(connection) == 36
