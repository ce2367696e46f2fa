"""From a figure to what it is made of: the days add up to it to the second, whoever had which local user."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import event, given, settings

from nodehours.intake.openportal import ingest
from nodehours.ledger.closing import close_month
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import rename_project
from nodehours.ledger.store import Connection, connected
from nodehours.queries import pool
from nodehours.queries.access import operator_scope
from nodehours.queries.explain import explain_row, explain_statement
from nodehours.queries.explanation import Explanation
from nodehours.queries.moment import find_moment
from nodehours.queries.names import allocations_of, find_row, find_row_of
from nodehours.queries.statements import StatementFilter, list_rows, list_statements
from nodehours.queries.versions import row_versions, statement_versions
from nodehours.terms.as_of import AtRevision
from nodehours.terms.identifiers import UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.scope import Scope
from nodehours.terms.statement import State
from tests.databases import database
from tests.intake.files import report as as_file
from tests.intake.files import written
from tests.ledger.moving import CLIMATE, MARCH, STAFF, WEATHER, report, whole_month
from tests.ledger.reports import know_alice
from tests.queries.changes import Step, answer, steps, take

EVERYTHING = operator_scope()
BOB = UserIdentifier.parse("bob.climate.brics")


def explained(
    url: str,
    user: str | None,
    at: int | None = None,
    scope: Scope = EVERYTHING,
    month: Month = MARCH,
) -> Explanation | None:
    """Explain the figure of *user* in climate.brics, or the statement; the only allocation there is."""

    async def ask(reading: pool.Connection) -> Explanation | None:
        moment = None if at is None else AtRevision(at)
        snapshot = await find_moment(reading, EVERYTHING, moment)
        (allocation,) = await allocations_of(reading, EVERYTHING, "climate.brics")
        if user is None:
            return await explain_statement(reading, scope, allocation.id, month, snapshot)
        row = await find_row_of(reading, EVERYTHING, allocation.id, month, user)
        assert row is not None
        return await explain_row(reading, scope, row, snapshot)

    return answer(url, ask)


def known(found: Explanation | None) -> Explanation:
    assert found is not None
    return found


def by_day(found: Explanation) -> list[tuple[int, str, int, int]]:
    """Day of the month, local user, node-seconds, since which revision."""
    return [(one.day.day, one.local_user, one.node_seconds, one.revision) for one in found.used]


def whose(found: Explanation) -> dict[str, tuple[list[str], bool]]:
    """Of each local user that is told of: who claims it, and whether it is somebody's."""
    return {
        one.attribution.local_user: (
            [claim.user_identifier for claim in one.attribution.claims],
            one.attribution.owner is not None,
        )
        for one in found.local_users
    }


async def check_everything(reading: pool.Connection, at: int) -> int:
    """Every row and every statement as of *at* is made of its days; return how many rows there are."""
    snapshot = await find_moment(reading, EVERYTHING, AtRevision(at))
    rows = await list_rows(reading, EVERYTHING, StatementFilter(), at=at)
    for row in rows:
        key = await find_row(reading, EVERYTHING, row.id)
        assert key is not None
        found = known(await explain_row(reading, EVERYTHING, key, snapshot))
        assert found.adds_up
        assert found.row is not None
        assert (found.row.username, found.node_seconds) == (row.username, row.node_seconds)
        versions = await row_versions(reading, EVERYTHING, key, at=at)
        assert versions[-1].node_seconds == row.node_seconds
        assert sum(one.difference for one in versions) == row.node_seconds
    for one in await list_statements(reading, EVERYTHING, StatementFilter(), at=at):
        whole = known(await explain_statement(reading, EVERYTHING, one.id, one.month, snapshot))
        assert whole.adds_up
        assert whole.node_seconds == one.node_seconds
        assert sum(row.node_seconds for row in whole.rows) == one.node_seconds
        versions = await statement_versions(reading, EVERYTHING, one.id, one.month, at=at)
        assert versions[-1].node_seconds == one.node_seconds
    return len(rows)


@settings(max_examples=25)
@given(taken=steps)
def test_every_figure_at_every_revision_is_made_of_its_days(
    server_url: str, template: str, taken: list[Step]
) -> None:
    with database(server_url, template) as url:
        with connected(url) as connection:
            know_alice(connection)
            remembered = take(connection, taken)

        async def check(reading: pool.Connection) -> None:
            for at in sorted(remembered):
                n = await check_everything(reading, at)
                event("rows" if n else "nothing")

        answer(url, check)


def test_a_row_is_the_days_of_its_local_users_each_with_its_revision(
    connection: Connection, database_url: str
) -> None:
    """Late jobs change one day of two."""
    days = {"2026-03-01": {"al": 100, "bo": 7}, "2026-03-02": {"al": 30}}
    report(connection, days, alice="al", bob="bo")
    report(connection, {"2026-03-02": {"al": 40}})

    found = known(explained(database_url, "alice.climate.brics"))

    assert by_day(found) == [(1, "al", 100, 1), (2, "al", 40, 2)]
    assert found.adds_up
    assert found.node_seconds == 140
    assert whose(found) == {"al": (["alice.climate.brics"], True)}
    assert [one.revision for one in found.origins] == [1, 2]
    assert [(one.former, one.node_seconds) for one in found.versions] == [(None, 130), (130, 140)]
    assert (found.state, found.statement.complete_days) == (State.PROVISIONAL, 2)


def test_as_of_then_it_is_made_of_the_days_of_then(
    connection: Connection, database_url: str
) -> None:
    report(connection, {"2026-03-01": {"al": 100}, "2026-03-02": {"al": 30}}, alice="al")
    report(connection, {"2026-03-02": {"al": 40}})
    rename_project(connection, CLIMATE, WEATHER, STAFF)

    then = known(explained(database_url, "alice.climate.brics", at=1))

    assert by_day(then) == [(1, "al", 100, 1), (2, "al", 30, 1)]
    assert then.row is not None
    assert (then.row.username, then.statement.project) == ("alice.climate.brics", "climate.brics")
    assert [one.revision for one in then.versions] == [1]
    now = known(explained(database_url, "alice.weather.brics"))
    assert (now.statement.project, now.node_seconds) == ("weather.brics", 140)
    assert explained(database_url, "alice.weather.brics", at=0) is None
    assert explained(database_url, None, at=0) is None


def test_a_local_user_that_two_claim_is_told_of_beside_the_rows_of_both_and_of_nobody(
    connection: Connection, database_url: str
) -> None:
    days = {"2026-03-01": {"al": 100, "sh": 60, "old": 5, "unknown": 9}}
    report(connection, days, alice="al", bob="sh")
    report(connection, {}, carol="sh")
    disputed = ["bob.climate.brics", "carol.climate.brics"]

    bob = known(explained(database_url, "bob.climate.brics"))
    nobody = known(explained(database_url, "unknown"))
    whole = known(explained(database_url, None))

    assert (bob.node_seconds, bob.used) == (0, [])
    assert whose(bob) == {"sh": (disputed, False)}
    assert [one.node_seconds for one in bob.local_users] == [60]
    assert whose(nobody) == {"old": ([], False), "sh": (disputed, False), "unknown": ([], False)}
    assert nobody.node_seconds == 74
    assert whose(whole).keys() == {"al", "old", "sh", "unknown"}
    assert (whole.row, len(whole.rows), whole.node_seconds) == (None, 4, 174)


def test_of_a_local_user_that_staff_decided_on_the_decision_is_told(
    connection: Connection, database_url: str
) -> None:
    report(connection, {"2026-03-01": {"old": 100}}, alice="old")
    map_local_user(connection, CLIMATE, "isca", "old", BOB, STAFF)

    (then,) = known(explained(database_url, "alice.climate.brics", at=1)).local_users
    (now,) = known(explained(database_url, "bob.climate.brics")).local_users

    assert then.attribution.decision is None
    assert now.attribution.decision == ("bob.climate.brics", 2)
    assert known(explained(database_url, "alice.climate.brics")).node_seconds == 0


def test_what_a_merge_gave_is_explained_by_the_claims_of_the_one_that_was_merged(
    connection: Connection, database_url: str
) -> None:
    report(connection, {"2026-03-01": {"al": 100, "bo": 11}}, alice="al", bob="bo")
    merge_users(connection, "bob.brics", "alice.brics", STAFF)

    alice = known(explained(database_url, "alice.climate.brics"))
    then = known(explained(database_url, "bob.climate.brics", at=1))

    assert by_day(alice) == [(1, "al", 100, 1), (1, "bo", 11, 1)]
    assert by_day(then) == [(1, "bo", 11, 1)]
    assert [one.kind for one in alice.versions] == ["posting", "merging"]


def test_in_a_closed_month_the_claims_of_its_last_telling_count_and_the_rest_waits(
    connection: Connection, database_url: str
) -> None:
    """Whose old is was learnt after March was closed; in April it counts."""
    report(connection, whole_month(MARCH, old=100))
    close_month(connection, "climate.brics", MARCH, STAFF)
    report(connection, {"2026-03-02": {"old": 7}, "2026-04-01": {"old": 1}}, bob="old")

    found = known(explained(database_url, "unknown"))

    assert found.snapshot.revision == 3
    assert whose(found) == {"old": ([], False)}
    assert found.adds_up
    assert found.statement.is_closed
    april = known(explained(database_url, "bob.climate.brics", month=Month(2026, 4)))
    assert whose(april) == {"old": (["bob.climate.brics"], True)}
    (waiting,) = found.pending
    assert (waiting.former, waiting.node_seconds) == (100, 107)
    assert waiting.days == ["2026-03-02"]
    assert known(explained(database_url, "unknown", at=2)).pending == []
    assert [one.kind for one in found.versions] == ["posting", "closing"]


def test_a_claim_holds_from_its_posting_on_however_early_that_transaction_began(
    connection: Connection, database_url: str
) -> None:
    """Bob's report waits for its turn behind the one in which old is nobody's yet."""
    with connected(database_url) as late, late.transaction():
        late.execute("select now()")
        report(connection, {"2026-03-01": {"old": 100}})
        report(late, {}, bob="old")

    then = known(explained(database_url, "unknown", at=1))
    now = known(explained(database_url, "bob.climate.brics", at=2))

    assert (whose(then), then.adds_up) == ({"old": ([], False)}, True)
    assert whose(now) == {"old": (["bob.climate.brics"], True)}


def test_components_stand_beside_the_days_and_documents_behind_them(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    said = as_file("climate.brics", {"2026-03-01": {"al": 100}}, alice="al")
    said["reports"]["2026-03-01"]["components"] = {"cpu": {"al": {"seconds": 800}}}
    name = written(tmp_path / "march.json", said)
    ingest(connection, [name], "isca")

    found = known(explained(database_url, "alice.climate.brics"))

    assert [dict(one.components) for one in found.used] == [{"cpu": 800}]
    (origin,) = found.origins
    ((sha256,),) = connection.execute("select sha256 from run_documents")
    assert (origin.document, origin.sha256, origin.source) == (name, sha256, "openportal")


def test_what_was_not_believed_of_the_month_is_told_until_it_is_decided(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    """A day in the future is of another month; a day before the allocation's start is of this one."""
    ingest(
        connection,
        [written(tmp_path / "a.json", as_file("climate.brics", {"2026-03-09": {"al": 1}}))],
        "isca",
    )
    connection.execute("update allocations set starts = '2026-03-05'")
    days = {"2026-03-01": {"al": 5}, "2199-03-01": {"al": 5}}
    ingest(connection, [written(tmp_path / "b.json", as_file("climate.brics", days))], "isca")

    (doubted,) = known(explained(database_url, None)).quarantined

    assert doubted.place == "2026-03-01"
    assert "before the allocation's start" in doubted.sentence
    connection.execute(
        "update quarantine set status = 'dropped', decided = now(), decided_by = 'carol'"
    )
    assert known(explained(database_url, None)).quarantined == []


def test_a_member_is_told_all_but_what_is_staffs(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    name = written(tmp_path / "march.json", as_file("climate.brics", {"2026-03-01": {"al": 1}}))
    ingest(connection, [name], "isca", by_whom="carol")
    ((allocation,),) = connection.execute("select id from allocations")
    member = Scope(10**9, everything=False, allocations=(allocation,))

    found = known(explained(database_url, None, scope=member))

    assert found.adds_up
    assert [(one.document, one.sha256, one.source) for one in found.origins] == [
        (None, None, "openportal")
    ]
    assert [(one.document, one.by_whom) for one in found.versions] == [(None, "")]


def test_the_owner_of_a_row_is_told_of_their_own_usage_only(
    connection: Connection, database_url: str
) -> None:
    """Neither the total, nor others' rows, nor who else claims what."""
    days = {"2026-03-01": {"al": 100, "sh": 60}}
    report(connection, days, alice="al", bob="sh")
    report(connection, {}, alice="sh")
    ((alice,),) = connection.execute(
        "select user_id from identities where identity = 'alice.brics'"
    )
    scope = Scope(alice, everything=False)

    own = known(explained(database_url, "alice.climate.brics", scope=scope))

    assert (own.node_seconds, own.statement.node_seconds) == (100, None)
    assert whose(own) == {"al": (["alice.climate.brics"], True)}
    assert [row.username for row in own.rows] == ["alice.climate.brics"]
    assert own.days == []
    for others in ("bob.climate.brics", "unknown", None):
        assert explained(database_url, others, scope=scope) is None


def test_a_stranger_is_told_nothing(connection: Connection, database_url: str) -> None:
    report(connection, {"2026-03-01": {"al": 100}}, alice="al")
    stranger = Scope(10**9, everything=False)

    for user in ("alice.climate.brics", "unknown", None):
        assert explained(database_url, user, scope=stranger) is None

    async def ask(reading: pool.Connection) -> None:
        row = await find_row(reading, EVERYTHING, 1)
        assert row is not None
        assert await find_row(reading, stranger, 1) is None
        assert await row_versions(reading, stranger, row) == []
        assert await statement_versions(reading, stranger, row.allocation, MARCH) == []
        assert await allocations_of(reading, stranger, "climate.brics") == []

    answer(database_url, ask)


@pytest.mark.parametrize(
    "name", ["alice.weather.brics", "alice.climate.brics", "alice.brics", "alice"]
)
def test_a_user_is_found_by_identifier_of_today_or_of_then_by_identity_and_by_username(
    connection: Connection, database_url: str, name: str
) -> None:
    report(connection, {"2026-03-01": {"al": 100, "bo": 5}}, alice="al", bob="bo")
    rename_project(connection, CLIMATE, WEATHER, STAFF)
    connection.execute(
        "update users set username = 'alice'"
        " where id = (select user_id from identities where identity = 'alice.brics')"
    )

    assert known(explained(database_url, name)).node_seconds == 100


def test_whoever_sees_a_row_is_told_by_which_rule_its_days_were_reckoned(
    connection: Connection, database_url: str
) -> None:
    report(connection, {"2026-03-01": {"al": 60, "bo": 30}}, alice="al", bob="bo")
    report(connection, {"2026-03-01": {"al": 60, "bo": 30}}, rule="allocated-nodes")
    ((bob,),) = connection.execute("select user_id from associations where local_user = 'bo'")
    own = Scope(bob, everything=False)

    now = known(explained(database_url, str(BOB), scope=own))
    then = known(explained(database_url, str(BOB), at=1, scope=own))

    assert [tuple(one) for one in now.rules] == [(MARCH.start, "allocated-nodes")]
    assert [tuple(one) for one in then.rules] == [(MARCH.start, "")]
    assert now.adds_up
