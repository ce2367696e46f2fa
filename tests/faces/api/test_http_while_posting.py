"""Reading while reports are posted: every reply is of one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import httpx
import pytest

from nodehours.ledger import people
from nodehours.ledger.store import connected
from tests.reported import Reported, fill
from tests.serving import USAGE, served

PROJECTS = [f"project{number}.brics" for number in range(8)]
PEOPLE = [f"user{number}" for number in range(6)]
ROUNDS = 5
ROWS = ROUNDS * len(PROJECTS) * (len(PEOPLE) + 1)


def reports(round_: int) -> Iterator[Reported]:
    """Everybody used as many hours as the round has, in a new month and, by a correction, in January."""
    for project in PROJECTS:
        used = dict.fromkeys([*PEOPLE, "unknown"], 3600 * round_)
        days = {date(2024, month, 1): used for month in (1, round_)}
        yield Reported("isca", project, {user: user for user in PEOPLE}, days)


@pytest.fixture
def staff(database_url: str) -> str:
    with connected(database_url) as connection:
        people.add_user(connection, people.User("staff", "", "", True, False, True, []))
        return people.create_token(connection, "staff", None)[0]


def ask(client: httpx.Client, query: str) -> httpx.Response:
    reply = client.get(query)
    assert reply.status_code == 200, reply.text
    return reply


def read_until(posted: Future[None], client: httpx.Client) -> list[httpx.Response]:
    """Read the whole list and its last page again and again, until all is posted and once more."""
    replies = []
    while not posted.done():
        replies += [ask(client, "?page_size=300"), ask(client, "?page_size=5&page=last")]
        assert client.head("").status_code == 200
    return [*replies, ask(client, "?page_size=300")]


def check(reply: httpx.Response) -> int:
    """What is counted is what is there, and every statement is whole and of one round; return the count."""
    total = int(reply.headers["X-Result-Count"])
    rows = reply.json()
    if "page=last" in str(reply.url):
        assert len(rows) == (total % 5 or min(total, 5)) or 'rel="next"' in reply.headers["Link"]
        return total
    assert len(rows) == total
    hours = defaultdict(list)
    for row in rows:
        hours[row["allocation"], row["month"]].append(Decimal(row["node_usage"]))
    for figures in hours.values():
        assert len(figures) == len(PEOPLE) + 1
        assert len(set(figures)) == 1
    return total


def test_every_reply_is_of_one_moment(database_url: str, staff: str) -> None:
    def post_all() -> None:
        for round_ in range(1, ROUNDS + 1):
            fill(database_url, reports(round_))

    with served(database_url, workers=2) as address, ThreadPoolExecutor(5) as pool:
        headers = {"Authorization": f"Token {staff}"}
        with httpx.Client(base_url=address + USAGE, headers=headers, timeout=60) as client:
            posted = pool.submit(post_all)
            readers = [pool.submit(read_until, posted, client) for _ in range(4)]
            posted.result()
            replies = [reader.result() for reader in readers]

    for by_one_reader in replies:
        totals = [check(reply) for reply in by_one_reader]
        assert totals == sorted(totals)
        assert totals[-1] == ROWS
        last = {(row["month"], row["node_usage"]) for row in by_one_reader[-1].json()}
        assert last == {(1, "5.00"), (2, "2.00"), (3, "3.00"), (4, "4.00"), (5, "5.00")}
    assert len({check(reply) for reader in replies for reply in reader}) > 1
