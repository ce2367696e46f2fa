"""``as_of=``: the API answers as it answered then, to the byte, and says how a figure came to be.

The centre reports, and is asked. Then it reports other figures, a user who left, one who came late, and a month
that nobody had heard of; and is asked again as of before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.ledger.clock import current_revision
from nodehours.ledger.store import connected
from tests.centre import READERS, REPORTS, Centre, centre
from tests.databases import database
from tests.reported import fill

CLIMATE, OCEAN = REPORTS[0], REPORTS[2]
FIRST_OF_MARCH, FIRST_OF_FEBRUARY = date(2024, 3, 1), date(2024, 2, 1)
LATER = [
    CLIMATE._replace(
        users={**CLIMATE.users, "zoe": "zoe_cl"},
        days={
            FIRST_OF_MARCH: {
                **CLIMATE.days[FIRST_OF_MARCH],
                "alice_cl": 7_182,
                "zoe_cl": 3_600,
            },
            date(2023, 10, 1): {"alice_cl": 60},
        },
    ),
    OCEAN._replace(
        days={
            day: {**OCEAN.days[day], "alice_oc": 0}
            for day in (FIRST_OF_FEBRUARY, date(2024, 2, 15))
        }
    ),
]
FORMS = (
    "a revision's number, a date (2026-03-31) or an instant with its offset (2026-03-31T12:00:00Z)."
)
MISSING = '{"detail":"No AllocationUserUsage matches the given query."}'
everyone = pytest.mark.parametrize("name", READERS)


@dataclass(frozen=True)
class Past:
    """The centre, the revision it was at before the later reports, and what each reader was answered then."""

    centre: Centre
    revision: int
    answered: dict[str, httpx.Response]


@pytest.fixture(scope="module")
def past(server_url: str, template: str) -> Iterator[Past]:
    with database(server_url, template) as url, centre(url, REPORTS) as found:
        answered = {}
        for name in READERS:
            with found.client(name) as client:
                answered[name] = client.get("", params={"page_size": 300})
        with connected(url) as connection:
            revision = current_revision(connection)
        fill(url, LATER)
        yield Past(found, revision, answered)


def get(past: Past, path: str, name: str = "staff", **params: Any) -> httpx.Response:
    with past.centre.client(name) as client:
        return client.get(path, params=params)


# ---------------------------------------------------------------------------------------- the list


@everyone
def test_everybody_is_answered_what_they_were_answered_then(past: Past, name: str) -> None:
    then = past.answered[name]
    now = get(past, "", name, page_size=300)
    again = get(past, "", name, page_size=300, as_of=past.revision)

    assert again.content == then.content
    assert again.headers["X-Result-Count"] == then.headers["X-Result-Count"]
    assert (now.content != then.content) == (name not in {"reader", "dave", "nobody"})


@everyone
def test_the_count_is_that_of_then(past: Past, name: str) -> None:
    with past.centre.client(name) as client:
        counted = client.head("", params={"as_of": past.revision})

    assert counted.headers["X-Result-Count"] == past.answered[name].headers["X-Result-Count"]


@pytest.mark.parametrize("size", [1, 7, 10])
@pytest.mark.parametrize(("first", "on"), [("1", "next"), ("last", "prev")])
def test_the_links_lead_through_the_past(past: Past, size: int, first: str, on: str) -> None:
    with past.centre.client("owner") as client:
        page = client.get("", params={"page_size": size, "as_of": past.revision, "page": first})
        pages = [page.json()]
        while on in page.links:
            assert f"as_of={past.revision}" in page.links[on]["url"]
            page = client.get(page.links[on]["url"])
            pages.append(page.json())

    walked = [row for rows in (pages if on == "next" else pages[::-1]) for row in rows]
    assert walked == past.answered["owner"].json()


def test_a_page_beyond_the_end_of_then_is_not_there(past: Past) -> None:
    count = int(past.answered["staff"].headers["X-Result-Count"])

    assert get(past, "", page_size=1, page=count, as_of=past.revision).status_code == 200
    beyond = get(past, "", page_size=1, page=count + 1, as_of=past.revision)
    assert (beyond.status_code, beyond.json()) == (404, {"detail": "Invalid page."})
    assert get(past, "", page_size=1, page=count + 1).status_code == 200


def test_filters_narrow_what_was_there_then(past: Past) -> None:
    rows = past.answered["staff"].json()
    for month in (2, 3, 10):
        found = get(past, "", page_size=300, month=month, as_of=past.revision)
        assert found.json() == [row for row in rows if row["month"] == month]
    for key in ("allocation", "user"):
        for value in {row[key] for row in rows} - {None}:
            params = {key: value, "page_size": 300, "as_of": past.revision}
            found = get(past, "", **params)
            assert found.json() == [row for row in rows if row[key] == value]
            assert found.headers["X-Result-Count"] == str(len(found.json()))


def test_before_the_first_posting_there_is_nothing(past: Past) -> None:
    for as_of in ("0", "1970-01-01", "1999-12-31T23:59:59.999Z"):
        empty = get(past, "", as_of=as_of)
        assert (empty.status_code, empty.json()) == (200, [])
        assert empty.headers["X-Result-Count"] == "0"
        assert get(past, "", as_of=as_of, page="last").json() == []
        assert get(past, "1/", as_of=as_of).text == MISSING


def test_blank_is_now_and_the_last_of_a_repeated_one_counts(past: Past) -> None:
    now = get(past, "", page_size=300).content
    with past.centre.client("staff") as client:
        for query in ("as_of=", "as_of=%20", "as_of=0&as_of=", "As_of=0", "asof=0"):
            assert client.get(f"?page_size=300&{query}").content == now
        repeated = client.get(f"?page_size=300&as_of=&as_of=x&as_of=%20{past.revision}%20")

    assert repeated.content == past.answered["staff"].content


def test_today_is_now(past: Past) -> None:
    """Or was, if the day ended meanwhile."""
    now = get(past, "", page_size=300).content

    assert get(past, "", page_size=300, as_of=f"{datetime.now(UTC):%Y-%m-%d}").content == now


def test_an_instant_is_the_revision_recorded_by_then(past: Past) -> None:
    """Its offset's plus sign may be written as it is, though a query string makes a blank of it."""
    with connected(past.centre.database_url) as connection:
        ((recorded,),) = connection.execute(
            "select recorded from revisions where revision = %s", [past.revision]
        )
    east = recorded.astimezone(UTC) + timedelta(hours=2)
    written = f"{east:%Y-%m-%dT%H:%M:%S.%f}"
    then = past.answered["staff"].content
    with past.centre.client("staff") as client:
        for offset in ("+02:00", "%2B02:00", "%2b02:00", "%2002:00"):
            assert client.get(f"?page_size=300&as_of={written}{offset}").content == then
    before = f"{east - timedelta(microseconds=1):%Y-%m-%dT%H:%M:%S.%f}+02:00"
    earlier = get(past, "", page_size=300, as_of=before)

    assert earlier.content == get(past, "", page_size=300, as_of=past.revision - 1).content != then


# ------------------------------------------------------------------------------------- bad values


@pytest.mark.parametrize(
    ("as_of", "sentence"),
    [
        ("1.0", "'1.0' is not " + FORMS),
        ("-1", "'-1' is no revision: they count from 1, and 0 is before the first."),
        ("2026-02-30", "'2026-02-30' is not a day of the calendar."),
        (
            "2026-03-31T12:00:00",
            "'2026-03-31T12:00:00' has no offset: end it with Z for UTC, or with one like +01:00.",
        ),
        ("2999-12-31", "2999-12-31 is in the future."),
        ("2999-12-31T00:00:00+01:00", "2999-12-30T23:00:00Z is in the future."),
        ("9" * 30, f"'{'9' * 30}' is beyond any revision."),
    ],
)
def test_what_is_no_time_or_not_yet_is_said_in_a_sentence(
    past: Past, as_of: str, sentence: str
) -> None:
    for path in ("", "1/"):
        reply = get(past, path, as_of=as_of)
        assert (reply.status_code, reply.json()) == (400, {"as_of": [sentence]})


def test_a_revision_that_is_not_there_yet_is_said_in_a_sentence(past: Past) -> None:
    with connected(past.centre.database_url) as connection:
        revision = current_revision(connection)

    assert get(past, "", as_of=revision).status_code == 200
    no_revision = f"There is no revision {revision + 1} yet"
    assert get(past, "", as_of=revision + 1).json() == {
        "as_of": [f"{no_revision}: the ledger is at revision {revision}."]
    }
    assert get(past, "", "nobody", as_of=revision + 1).json() == {"as_of": [f"{no_revision}."]}


@pytest.mark.parametrize("as_of", ["x", "2999-01-01"])
def test_it_is_named_with_all_that_is_wrong_after_the_others(past: Past, as_of: str) -> None:
    reply = get(past, "", as_of=as_of, year="x", month="y", user_uuid="z", page="x")

    assert reply.status_code == 400
    assert list(reply.json()) == ["user_uuid", "month", "year", "as_of"]


def test_it_wins_over_an_address_that_leads_nowhere_and_over_what_matches_nothing(
    past: Past,
) -> None:
    assert get(past, "", as_of="x", user="/nope/").status_code == 400
    assert get(past, "", as_of="x", month=13).status_code == 400
    assert get(past, "", as_of="0", user="/nope/").status_code == 404
    assert get(past, "abc/", as_of="x").status_code == 400


def test_who_is_not_signed_in_does_not_learn_of_the_clock(past: Past) -> None:
    for as_of in ("x", "0", "2999-01-01", str(10**6)):
        reply = httpx.get(past.centre.client().base_url, params={"as_of": as_of})
        assert reply.status_code == 401


@settings(max_examples=40)
@given(
    st.text(st.characters(codec="utf-8"), max_size=40)
    | st.from_regex(r"[-+]?[0-9]{1,30}|[0-9]{4}-[01][0-9]-[0-3][0-9].*")
)
def test_whatever_is_asked_for_is_answered_or_refused(past: Past, as_of: str) -> None:
    assert get(past, "", as_of=as_of).status_code in {200, 400}


# ------------------------------------------------------------------------------------------ a row


@pytest.mark.parametrize("name", ["staff", "alice", "member", "nobody"])
def test_a_row_is_retrieved_as_it_was_by_who_may_see_it(past: Past, name: str) -> None:
    """Every id that there is now is tried, also of rows that were not there then."""
    seen = past.answered[name].json()
    ids = [row.id for row in past.centre.rows]
    with past.centre.client(name) as client:
        found = [client.get(f"{row_id}/", params={"as_of": past.revision}) for row_id in ids]

    assert sorted(
        map(str, (reply.json() for reply in found if reply.status_code == 200))
    ) == sorted(map(str, seen))
    assert {reply.text for reply in found if reply.status_code != 200} <= {MISSING}


def test_a_row_that_came_later_was_not_there(past: Past) -> None:
    last = max(row.id for row in past.centre.rows) + 1

    assert get(past, f"{last}/").status_code == 200
    assert get(past, f"{last}/", as_of=past.revision).text == MISSING


def restated(past: Past) -> int:
    """The row of alice in climate.brics on isca, March 2024."""
    (row,) = [
        row
        for row in past.centre.rows
        if (row.told.username, row.told.month, row.told.resource)
        == ("alice.climate.brics", 3, "isca")
    ]
    return row.id


def test_the_history_tells_each_figure_with_when_and_why(past: Past) -> None:
    row_id = restated(past)
    history = get(past, f"{row_id}/", field="history").json()["history"]

    assert [set(one) for one in history] == [
        {
            "revision",
            "recorded",
            "node_seconds",
            "node_usage",
            "username",
            "kind",
            "reason",
            "source",
            "run",
        }
    ] * len(history)
    first, *_, last = history
    assert first["revision"] <= past.revision < last["revision"]
    assert (last["node_seconds"], last["node_usage"]) == (7_200, "2.00")
    assert (first["kind"], first["reason"], first["source"]) == (
        "posting",
        "first report",
        "openportal",
    )
    assert last["reason"] == "late jobs"
    assert first["run"] < last["run"]
    assert [one["revision"] for one in history] == sorted(one["revision"] for one in history)


def test_each_entry_of_the_history_is_what_was_answered_as_of_then(past: Past) -> None:
    row_id = restated(past)
    history = get(past, f"{row_id}/", field="history").json()["history"]
    assert len(history) > 1
    for number, entry in enumerate(history, 1):
        for as_of in (entry["revision"], entry["recorded"]):
            told = get(past, f"{row_id}/", as_of=as_of).json()
            assert (told["node_usage"], told["username"]) == (
                entry["node_usage"],
                entry["username"],
            )
            until = get(past, f"{row_id}/", as_of=as_of, field="history").json()
            assert until == {"history": history[:number]}


def test_the_history_of_a_hidden_row_is_missing_like_that_of_none(past: Past) -> None:
    for name in ("nobody", "reader", "dave"):
        for row_id in (restated(past), 10**9):
            reply = get(past, f"{row_id}/", name, field="history")
            assert (reply.status_code, reply.text) == (404, MISSING)


def test_the_history_names_no_document(past: Past) -> None:
    for name in ("staff", "alice"):
        assert "report.json" not in get(past, f"{restated(past)}/", name, field="history").text


# ------------------------------------------------------------------------------------------ fields

SEVEN = ["node_usage", "month", "year", "allocation", "user", "username", "full_name"]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("", SEVEN),
        ("field=", SEVEN),
        ("field=nonsense&field=node_usage%20&field=ID", SEVEN),
        ("fields=id", SEVEN),
        ("field=username", ["username"]),
        ("field=username&field=month&field=username&field=nonsense", ["month", "username"]),
        ("field=id,username", SEVEN),
        (
            "field=history&field=revision&field=node_seconds&field=id&field=full_name",
            ["full_name", "id", "node_seconds", "revision", "history"],
        ),
        ("&".join(f"field={name}" for name in SEVEN), SEVEN),
    ],
)
def test_field_chooses_keys_in_their_own_order(past: Past, query: str, keys: list[str]) -> None:
    with past.centre.client("staff") as client:
        plain = client.get(f"{restated(past)}/").json()
        found = client.get(f"{restated(past)}/?{query}").json()

    assert list(found) == keys
    assert {key: plain[key] for key in keys if key in plain} == {
        key: found[key] for key in keys if key in plain
    }


def test_the_exact_figure_and_its_revision_can_be_asked_for(past: Past) -> None:
    row_id = restated(past)
    now = get(past, f"{row_id}/", field=["id", "node_seconds", "revision"]).json()
    then = get(past, f"{row_id}/", field=["node_seconds", "revision"], as_of=past.revision).json()

    assert (now["id"], now["node_seconds"]) == (row_id, 7_200)
    (row,) = [row for row in past.centre.rows if row.id == row_id]
    assert then["node_seconds"] == row.told.node_seconds
    assert then["revision"] <= past.revision < now["revision"]


def test_the_list_chooses_as_a_row_does(past: Past) -> None:
    """History too, and each row's own."""
    names = ["id", "username", "state", "modified", "history"]
    listed = get(past, "", field=names, page_size=300).json()

    assert len(listed) == 300 or len(listed) == len(get(past, "", page_size=300).json())
    for row in [row for row in listed if row["id"] == restated(past)] + listed[::9]:
        assert row == get(past, f"{row['id']}/", field=names).json()
        assert row["modified"] == row["history"][-1]["recorded"]
