"""What holds whatever is renamed, moved, merged, mapped and closed, in any order with postings in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.ledger.closing import close_month, reopen_month
from nodehours.ledger.errors import LedgerError
from nodehours.ledger.inventory import add_organisation
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import move_project, rename_project
from nodehours.ledger.people import User, add_user
from nodehours.ledger.post import Origin, post
from nodehours.ledger.store import Connection
from nodehours.ledger.verify import verify
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import ProjectUsage
from tests.ledger.moving import STAFF, assert_still_told, places, report, told, totals
from tests.ledger.reports import DAYS, LOCAL_USERS, USERS, reports
from tests.ledger.written import assert_holds, empty

PROJECTS = tuple(ProjectIdentifier(name, "brics") for name in ("climate", "weather", "ocean"))
RESOURCES = ("isca", "tamar")
IDENTITIES = tuple(f"{user}.brics" for user in USERS)
MONTHS = (Month(2025, 12), Month(2026, 1), Month(2026, 2))
# Who has what, told from days and associations alone; where a month was ever closed, rows may say what they said.
_OWNED = """
with owner as (
    select allocation_id, local_user, min(user_id) as user_id from associations
    where retired_revision is null and local_user <> 'unknown'
    group by 1, 2 having count(distinct user_id) = 1
),
owned as (
    select allocation_id, year, month, user_id, sum(used.node_seconds) as node_seconds
    from daily_usage as used join usage_days using (allocation_id, day)
    left join owner using (allocation_id, local_user)
    group by 1, 2, 3, 4 having sum(used.node_seconds) > 0
),
rows as (
    select allocation_id, year, month, user_id, node_seconds from usage_rows where node_seconds > 0
),
wrong as ((table owned except table rows) union all (table rows except table owned))
select * from wrong where (year, month) not in (select year, month from closings)
"""
_MISNAMED = """
select row.id from usage_rows as row
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
where user_id is not null and node_seconds > 0 and username not like '%.' || projects.identifier
and (year, month) not in (select year, month from closings)
"""

Step = Callable[[Connection], object]


def _post(usage: ProjectUsage, project: ProjectIdentifier, resource: str) -> Step:
    return lambda connection: post(connection, replace(usage, project=project), resource, Origin())


def _map(project: ProjectIdentifier, resource: str, local_user: str, user: str | None) -> Step:
    def step(connection: Connection) -> object:
        whose = UserIdentifier(user, project.project, "brics") if user else None
        return map_local_user(connection, project, resource, local_user, whose, STAFF)

    return step


def _name(identity: str, full_name: str) -> Step:
    user = User(identity, full_name, "", False, False, True, [identity])
    return lambda connection: add_user(connection, user, "carol")


def postings() -> st.SearchStrategy[Step]:
    """Any report, under any name a project may have by then."""
    return st.builds(_post, reports(), st.sampled_from(PROJECTS), st.sampled_from(RESOURCES))


def changes() -> st.SearchStrategy[Step]:
    """Anything staff may say; some of it will be refused."""
    projects, identities = st.sampled_from(PROJECTS), st.sampled_from(IDENTITIES)
    of = st.sampled_from([*map(str, PROJECTS[:2]), "brics", "uk"])

    def said(
        change: Callable[..., object], *of: st.SearchStrategy[object]
    ) -> st.SearchStrategy[Step]:
        return st.tuples(*of).map(
            lambda values: lambda connection: change(connection, *values, STAFF)
        )

    return st.one_of(
        said(rename_project, projects, projects),
        said(move_project, projects, st.sampled_from(("brics", "uk"))),
        said(merge_users, identities, identities),
        st.builds(_map, projects, st.sampled_from(RESOURCES), st.sampled_from(LOCAL_USERS),
                  st.sampled_from([*USERS, None])),
        st.builds(_name, identities, st.sampled_from(("", "A", "B"))),
        said(close_month, of, st.sampled_from(MONTHS)),
        said(reopen_month, of, st.sampled_from(MONTHS)),
    )  # fmt: skip


def carry_out(connection: Connection, step: Step) -> bool:
    """Do *step*; False if it was refused."""
    try:
        step(connection)
    except LedgerError:
        return False
    return True


def begun(connection: Connection) -> None:
    """Begin with a project in which everybody has used something, and two claim the same."""
    empty(connection)
    add_organisation(connection, "uk")
    used = {str(day): dict.fromkeys(LOCAL_USERS, place) for place, day in enumerate(DAYS, 1)}
    report(connection, used, alice="al", alicia="bo", bob="shared", carol="shared")


@given(st.lists(st.one_of(postings(), changes()), min_size=3, max_size=12))
@settings(max_examples=40)
def test_sums_hold_rows_stay_and_everything_told_before_is_still_told_as_of_then(
    scratch: Connection, steps: list[Step]
) -> None:
    begun(scratch)
    moments = [told(scratch)]
    for step in steps:
        if not carry_out(scratch, step):
            assert told(scratch) == moments[-1]
            continue
        moments.append(told(scratch))

        assert_holds(scratch)
        assert places(moments[-2]).items() <= places(moments[-1]).items()
        assert scratch.execute(_OWNED).fetchall() == []
        assert scratch.execute(_MISNAMED).fetchall() == []
    for then in moments:
        assert_still_told(scratch, then)
    assert verify(scratch).differences == ()


@given(st.lists(postings(), max_size=3), st.lists(changes(), min_size=1, max_size=6))
@settings(max_examples=40)
def test_what_staff_say_moves_no_sum_and_is_one_revision_at_most(
    scratch: Connection, posted: list[Step], said: list[Step]
) -> None:
    begun(scratch)
    for step in posted:
        step(scratch)
    for step in said:
        before = told(scratch)

        carry_out(scratch, step)

        after = told(scratch)
        assert totals(after) == totals(before)
        assert after.revision - before.revision in (0, 1)
