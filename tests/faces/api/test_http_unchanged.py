"""What has not changed is not sent again; and nobody learns from it that something changed that is not theirs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import httpx
import pytest

from nodehours.ledger import people
from nodehours.ledger.clock import Origin
from nodehours.ledger.closing import close_month
from nodehours.ledger.moves import move_project
from nodehours.ledger.store import connected
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month
from tests.centre import READERS, REPORTS, Centre, centre
from tests.databases import database
from tests.reported import fill

CLIMATE, OCEAN, MATHS = REPORTS[0], REPORTS[2], REPORTS[4]
ORIGIN = Origin()
LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"
TO_COME = "Tue, 24 Nov 2037 00:00:00 GMT"
ADDRESSES = ["", "?page_size=5&page=2", "?page=last", "?year=2024", "?user_uuid=", "?o=-username"]


@pytest.fixture
def changing(server_url: str, template: str) -> Iterator[Centre]:
    """A centre of the test's own."""
    with database(server_url, template) as url, centre(url, REPORTS) as found:
        yield found


def get(
    centre: Centre, name: str, path: str = "", method: str = "GET", **headers: str
) -> httpx.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    with centre.client(name) as client:
        return client.request(method, path, headers=named)


def tag(centre: Centre, name: str, path: str = "") -> str:
    return get(centre, name, path).headers["ETag"]


def tags(centre: Centre) -> dict[str, str]:
    """Each reader's tag of the list."""
    return {name: tag(centre, name) for name in READERS}


def dates(centre: Centre) -> dict[str, str]:
    """Each reader's date of the list, once the second of the last change has passed, in which it is told as it is."""
    time.sleep(1.3)
    return {name: get(centre, name).headers["Last-Modified"] for name in READERS}


@pytest.mark.parametrize("name", ["staff", "owner", "alice", "nobody"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_unchanged_answer_is_304_with_nothing_in_it(
    centre: Centre, name: str, method: str
) -> None:
    rows = [f"{row.id}/" for row in centre.seen_by(name)[:2]]
    for path in [*ADDRESSES[: None if name != "nobody" else 1], *rows]:
        known = get(centre, name, path, method)
        again = get(centre, name, path, method, if_none_match=known.headers["ETag"])

        assert known.status_code == 200
        assert (again.status_code, again.content) == (304, b"")
        assert "Content-Type" not in again.headers
        for header in ("ETag", "Last-Modified", "Cache-Control", "Vary", "Allow"):
            assert again.headers[header] == known.headers[header]


def test_head_and_get_have_the_same_tag(centre: Centre) -> None:
    assert tag(centre, "owner") == get(centre, "owner", method="HEAD").headers["ETag"]


def test_a_date_saves_an_answer_as_well(centre: Centre) -> None:
    """Once the second of the last change has passed."""
    time.sleep(1.3)
    modified = get(centre, "owner").headers["Last-Modified"]

    for path in ["", "?page=2", f"{centre.seen_by('owner')[0].id}/"]:
        assert get(centre, "owner", path, if_modified_since=modified).status_code == 304
        assert get(centre, "owner", path, if_modified_since=LONG_AGO).status_code == 200


def test_what_is_wrong_or_missing_is_not_unchanged(centre: Centre) -> None:
    """An answer that there is not is told as ever, whatever the client says that it has."""
    for headers in (
        {"if_none_match": "*"},
        {"if_modified_since": TO_COME},
        {"if_none_match": '"x"'},
    ):
        assert get(centre, "member", "?month=abc", **headers).status_code == 400
        assert get(centre, "member", "?page=99", **headers).status_code == 404
        assert get(centre, "member", "1000000/", **headers).status_code == 404
        assert get(centre, "member", "abc/", **headers).status_code == 404


def test_a_hidden_row_and_a_missing_one_are_the_same_to_any_condition(centre: Centre) -> None:
    hidden = next(row for row in centre.rows if row not in centre.seen_by("member"))
    seen = tag(centre, "staff", f"{hidden.id}/")
    for headers in (
        {"if_none_match": "*"},
        {"if_none_match": seen},
        {"if_modified_since": LONG_AGO},
    ):
        replies = [get(centre, "member", f"{row_id}/", **headers) for row_id in (hidden.id, 10**9)]
        for reply in replies:
            del reply.headers["Date"]
        assert replies[0].status_code == replies[1].status_code == 404
        assert (replies[0].headers, replies[0].content) == (replies[1].headers, replies[1].content)


def test_nobody_has_the_tag_of_somebody_else_or_of_another_address(centre: Centre) -> None:
    """So nothing follows from two of them being alike. Staff and support see the same, and may share it."""
    found = [
        tag(centre, name, path)
        for name in ("staff", "owner", "busy", "alice", "nobody")
        for path in ADDRESSES[:1] + ADDRESSES[3:5]
    ]

    assert len(set(found)) == len(found)


def test_an_answer_of_then_stays_what_it_was(changing: Centre) -> None:
    path = "?as_of=3"
    before = tag(changing, "staff", path)
    fill(changing.database_url, [MATHS._replace(days={date(2024, 2, 1): {"frank_ma": 5}})])

    assert tag(changing, "staff", path) == before


def test_a_posting_changes_the_answers_of_those_who_see_it_and_of_no_others(
    changing: Centre,
) -> None:
    """Neither tag nor date, nor where the links lead."""
    before, then = tags(changing), dates(changing)
    links = {name: get(changing, name, "?page_size=5").headers["Link"] for name in READERS}
    first = date(2024, 2, 1)
    more = {first: {**OCEAN.days[first], "dave_oc": 99_999}}
    fill(changing.database_url, [OCEAN._replace(days=more)])
    now = tags(changing)

    changed = {name for name in READERS if now[name] != before[name]}
    assert changed == {"staff", "support", "owner", "member", "dave", "busy"}
    assert {name for name, date in dates(changing).items() if date != then[name]} == changed
    assert {
        name
        for name in READERS
        if get(changing, name, "?page_size=5").headers["Link"] != links[name]
    } == changed


def test_another_name_changes_the_answers_that_have_it(changing: Centre) -> None:
    before = tags(changing)
    with connected(changing.database_url) as connection:
        people.add_user(
            connection, people.User("erin", "Erin Ö", "", False, False, True, ["erin.brics"])
        )
    now = tags(changing)

    assert {name for name in READERS if now[name] != before[name]} == {
        "staff", "support", "owner", "busy",
    }  # fmt: skip


def test_another_right_changes_the_reader_s_own_answers_only(changing: Centre) -> None:
    before, then = tags(changing), dates(changing)
    with connected(changing.database_url) as connection:
        people.grant_role(connection, "nobody", "member", "ice.brics")
        people.revoke_role(connection, "dave", "manager", "maths.gw4")
    now = tags(changing)

    assert {name for name in READERS if now[name] != before[name]} == {"nobody", "dave"}
    assert {name for name, date in dates(changing).items() if date != then[name]} == {
        "nobody",
        "dave",
    }


def test_a_project_that_moves_changes_the_answers_of_both_organisations(changing: Centre) -> None:
    before = dates(changing)
    with connected(changing.database_url) as connection:
        ice = ProjectIdentifier.parse("ice.brics")
        move_project(connection, ice, "gw4", ORIGIN)

    changed = {name for name, date in dates(changing).items() if date != before[name]}
    assert changed == {"staff", "support", "owner", "reader", "busy"}
    assert get(changing, "owner", if_modified_since=before["owner"]).status_code == 200


def test_a_state_changes_the_answers_that_tell_it(changing: Centre) -> None:
    """The reader of one row of their own sees that its month was closed, if they ask for it."""
    told, untold = "?field=is_closed&field=state", "?field=username"
    before = {path: tag(changing, "alice", path) for path in (told, untold)}
    with connected(changing.database_url) as connection:
        close_month(connection, "ocean.brics", Month(2024, 2), ORIGIN)

    assert tag(changing, "alice", told) != before[told]
    assert tag(changing, "alice", untold) == before[untold]


def test_no_usage_row_is_looked_at_for_an_unchanged_answer(changing: Centre) -> None:
    """PostgreSQL counts how often each table and each index is scanned. What was before may be told late."""
    scans = (
        "select sum(seq_scan + coalesce(idx_scan, 0))::bigint from pg_stat_user_tables"
        " where relname in ('usage_rows', 'former_rows', 'daily_usage')"
    )

    def counted() -> int:
        with connected(changing.database_url) as connection:
            time.sleep(1.2)  # a session tells its counts within a second after it was used
            connection.execute("select pg_stat_force_next_flush()")
            ((count,),) = connection.execute(scans)
            return int(count)

    for name in ("staff", "owner", "alice"):
        known = tag(changing, name)
        get(changing, name, if_none_match=known)
        before = counted()
        for _ in range(40):
            assert get(changing, name, if_none_match=known).status_code == 304
        assert counted() - before < 40


def test_a_count_is_not_counted_again_until_it_may_have_changed(changing: Centre) -> None:
    """And is right at any time, for any reader."""
    ocean = next(row.allocation for row in changing.rows if row.told.project == "ocean.brics")
    for round_ in range(3):
        for name in ("staff", "owner", "member", "alice", "nobody"):
            for path in ("", "?year=2024", f"?allocation_uuid={ocean.hex}"):
                counted = get(changing, name, path, "HEAD").headers["X-Result-Count"]
                listed = get(changing, name, f"{path}{'&' if path else '?'}page_size=300").json()
                assert int(counted) == len(listed)
        day = date(2025, round_ + 1, 1)
        fill(changing.database_url, [OCEAN._replace(days={day: {"dave_oc": 60, "alice_oc": 1}})])


def test_caches_keep_an_answer_for_its_reader_alone_and_ask_each_time(centre: Centre) -> None:
    for path in ("", "1/"):
        headers = get(centre, "staff", path).headers

        assert headers["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Accept", "Prefer"} <= set(headers["Vary"].split(", "))


def test_the_month_that_ends_changes_what_is_told_of_states(centre: Centre) -> None:
    """Its date is never before the month that runs."""
    modified = get(centre, "alice", "?field=state").headers["Last-Modified"]
    parsed = datetime.strptime(modified, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)

    assert parsed >= datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
