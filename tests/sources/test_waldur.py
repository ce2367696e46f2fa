"""The usage rows of a service: of a real nodehours, and of one that answers badly."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from nodehours.ledger import people
from nodehours.ledger.store import connected
from nodehours.sources.document import UnreadableError
from nodehours.sources.waldur import PAGE_SIZE, is_address, read_waldur
from nodehours.terms.month import Month
from tests.centre import CROWD, REPORTS
from tests.reported import fill, told
from tests.serving import served
from tests.sources.answering import Answer, Service, answering

LIST = "/api/openportal-allocation-user-usage/"
FIRST = f"{LIST}?page_size={PAGE_SIZE}"
MARCH = Month(2026, 3)


@pytest.fixture
def service() -> Iterator[Service]:
    with answering() as found:
        yield found


def rows(*users: str) -> bytes:
    found: list[dict[str, Any]] = [
        {
            "node_usage": "1.00", "month": 3, "year": 2026, "user": None, "username": user,
            "allocation": "https://h.example/api/openportal-allocations/" + "a" * 32 + "/",
        }
        for user in users
    ]  # fmt: skip
    return json.dumps(found).encode()


def refusal(address: str, token: str | None = "secret") -> str:
    with pytest.raises(UnreadableError) as refused:
        read_waldur(address, token)
    assert "secret" not in str(refused.value)
    return str(refused.value)


def test_every_row_of_a_served_ledger_is_read_through_all_its_pages(database_url: str) -> None:
    reports = [*REPORTS, CROWD]
    fill(database_url, reports)
    with connected(database_url) as connection:
        people.add_user(connection, people.User("staff", "", "", True, False, True, []))
        token, _ = people.create_token(connection, "staff", None)
    expected = told(reports)
    with served(database_url) as address:
        found = read_waldur(address, token)
        february = read_waldur(address, token, [Month(2024, 2), Month(2024, 5)])
        with pytest.raises(UnreadableError) as refused:
            read_waldur(address, "deadbeef")

    assert len(expected) > 2 * PAGE_SIZE
    assert not found.faults
    assert len(found.figures) == len(expected)
    off = sum(one.node_seconds for one in found.figures) - sum(row.node_seconds for row in expected)
    assert abs(off) <= 18 * len(expected)
    assert not february.faults
    assert len(february.figures) == sum(row[:2] in {(2024, 2), (2024, 5)} for row in expected)
    assert february.months == {Month(2024, 2), Month(2024, 5)}
    assert str(refused.value) == (
        f"{address}{FIRST}: status 401: the token is missing, unknown or expired"
    )


def test_the_walk_follows_the_next_links_with_the_token(service: Service) -> None:
    second = f"{FIRST}&page=2"
    links = f'<{service.address}{FIRST}>; rel="first", <{service.address}{second}>; rel="next"'
    service.answers[FIRST] = Answer(rows("a.b.c"), {"Link": links, "X-Result-Count": "2"})
    service.answers[second] = Answer(rows("d.b.c"), {"Link": f'<{FIRST}>; rel="prev"'})

    found = read_waldur(service.address, "secret")

    assert [one.user for one in found.figures] == ["a.b.c", "d.b.c"]
    assert not found.faults
    assert service.asked == [(FIRST, "Token secret"), (second, "Token secret")]


def test_without_a_token_none_is_sent(service: Service) -> None:
    service.answers[FIRST] = Answer(rows())

    assert read_waldur(service.address, None).figures == []
    assert service.asked == [(FIRST, None)]


@pytest.mark.parametrize(
    "path", ["", "/", "/api", "/api/", LIST, LIST.rstrip("/"), f"{LIST}?page=7#x"]
)
def test_the_address_may_be_of_the_service_its_api_or_the_list(service: Service, path: str) -> None:
    service.answers[FIRST] = Answer(rows("a.b.c"))

    assert len(read_waldur(service.address + path, None).figures) == 1


def test_only_the_months_asked_for_are_fetched(service: Service) -> None:
    march, april = f"{FIRST}&year=2026&month=3", f"{FIRST}&year=2026&month=4"
    service.answers[march] = Answer(rows("a.b.c"), {"X-Result-Count": "1"})
    service.answers[april] = Answer(b"[]", {"X-Result-Count": "0"})

    found = read_waldur(service.address, None, [Month(2026, 4), MARCH])

    assert [path for path, _ in service.asked] == [march, april]
    assert len(found.figures) == 1
    assert not found.faults


def test_rows_that_the_pages_never_gave_are_missed(service: Service) -> None:
    """Waldur's pages have no total order: some rows come twice, as many never."""
    second = f"{FIRST}&page=2"
    link = {"Link": f'<{second}>; rel="next"', "X-Result-Count": "4"}
    service.answers[FIRST] = Answer(rows("a.b.c", "d.b.c"), link)
    service.answers[second] = Answer(rows("d.b.c", "e.b.c"))

    found = read_waldur(service.address, None)

    assert [one.user for one in found.figures] == ["a.b.c", "d.b.c", "e.b.c"]
    assert [str(fault) for fault in found.faults] == [
        f"{service.address}{LIST}: page_size=300&page=2: $[0]: the row of 'd.b.c' stands here a second time",
        f"{service.address}{LIST}: 2 pages: the service counts 4 rows, and its pages gave 3 different ones",
    ]


def test_a_link_to_another_host_is_not_followed(service: Service) -> None:
    with answering() as other:
        elsewhere = other.address.replace("127.0.0.1", "localhost")
        service.answers[FIRST] = Answer(rows(), {"Link": f'<{elsewhere}{LIST}>; rel="next"'})
        service.answers[f"{LIST}?"] = Answer(rows())

        assert refusal(service.address) == (
            f"{service.address}{FIRST}: its next page is said to be on another host, 'localhost'"
        )
        assert other.asked == []


def test_a_redirect_to_another_host_is_not_followed(service: Service) -> None:
    with answering() as other:
        service.answers[FIRST] = Answer(b"", {"Location": other.address + FIRST}, 302)

        assert refusal(service.address) == (
            f"{service.address}{FIRST}: it redirects to '{other.address}'"
        )
        assert other.asked == []


def test_pages_that_go_in_a_circle_are_left(service: Service) -> None:
    service.answers[FIRST] = Answer(rows(), {"Link": f'<{FIRST}>; rel="next"'})

    assert refusal(service.address).endswith("its next page is one that was read already")


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(b"", status=401), "status 401: the token is missing, unknown or expired"),
        (Answer(b"", status=403), "status 403: the token may not read usage"),
        (Answer(b"", status=404), "status 404: there are no usage rows at this address"),
        (Answer(b"", status=502), "status 502: Bad Gateway"),
        (Answer(b"<html>login</html>"), "byte 0: not JSON: expecting value"),
        (Answer(b'{"detail": "no"}'), "not an array of usage rows, but an object with the keys 'detail'"),
        (Answer(b"[1", {"Content-Length": "900"}), "the answer was cut off"),
    ],
)  # fmt: skip
def test_what_a_service_does_not_answer_is_said_with_the_address(
    service: Service, answer: Answer, sentence: str
) -> None:
    service.answers[FIRST] = answer

    assert refusal(service.address) == f"{service.address}{FIRST}: {sentence}"


def test_a_page_of_any_length_does_not_fill_the_memory(service: Service) -> None:
    service.answers[FIRST] = Answer(b" " * (16 * 2**20 + 1))

    assert refusal(service.address).endswith("the page is larger than 16 MiB")


def test_where_nobody_listens_the_reason_is_said() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"

        assert refusal(address) == f"{address}{FIRST}: Connection refused"


def test_a_service_that_never_answers_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nodehours.sources.waldur.TIMEOUT_SECONDS", 0.1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"

        assert refusal(address) == f"{address}{FIRST}: no answer within 0.1 seconds"


@pytest.mark.parametrize(
    "address", ["https://", "http://[::1", "http://a:b@h.example/", "http://h.example:0/", "http://h\n/",
                "http://h.example:99999/"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    assert "address" in refusal(address)


def test_a_token_that_would_break_out_of_its_header_is_not_sent(service: Service) -> None:
    assert "the token has characters" in refusal(service.address, "secret\r\nX: y")
    assert service.asked == []


def test_an_address_is_told_from_a_file_by_its_scheme() -> None:
    assert is_address("https://waldur.example")
    assert is_address("HTTP://waldur.example")
    assert not is_address("http.csv")
    assert not is_address("ftp://waldur.example")
