"""How every request is answered, whatever it asks: the order of checks, the headers, HEAD, addresses of nothing."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from tests.centre import Centre
from tests.serving import USAGE, asked_as_is

ALLOW = "GET, HEAD, OPTIONS"


class Fault(NamedTuple):
    """Something wrong with a request, and what is said of it when nothing that is judged earlier is wrong."""

    status: int
    detail: object
    path: str = ""
    query: str = ""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    is_stranger: bool = False


IN_ORDER = [
    Fault(301, None, path=USAGE[:-1]),
    Fault(404, "Not found.", query="format=xml"),
    Fault(406, "Could not satisfy the request Accept header.", headers=(("Accept", "text/html"),)),
    Fault(401, "Authentication credentials were not provided.", is_stranger=True),
    Fault(403, "You do not have permission to perform this action.", method="PUT"),
    Fault(400, "Invalid Host header.", headers=(("Host", "a,b"),)),
    Fault(400, ["Enter a number."], query="month=abc"),
    Fault(404, "Not found.", query="allocation=/nope/"),
    Fault(404, "Invalid page.", query="page=0"),
]


@pytest.mark.parametrize("judged", range(len(IN_ORDER)), ids=[str(f.status) for f in IN_ORDER])
def test_of_several_faults_the_first_in_order_is_told(centre: Centre, judged: int) -> None:
    """A request with the fault and all that are judged after it."""
    faults = IN_ORDER[judged:]
    first = faults[0]
    headers = dict(header for fault in faults for header in fault.headers)
    if not any(fault.is_stranger for fault in faults):
        headers["Authorization"] = f"Token {centre.tokens['member']}"
    query = "&".join(fault.query for fault in faults if fault.query)
    method = next((fault.method for fault in faults if fault.method != "GET"), "GET")

    reply, body = asked_as_is(
        centre.address, method, f"{first.path or USAGE}?{query}", headers=headers
    )

    assert reply.status == first.status
    if first.detail is not None:
        told = json.loads(body)
        assert first.detail in (told.get("detail"), told.get("month"))
        assert reply.headers["Allow"] == ALLOW


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("abc/?month=abc", 400),
        ("1000000/?month=abc", 400),
        ("abc/?allocation=/nope/", 404),
        ("abc/?page=0", 404),
        ("1/?page=0&page_size=x", 200),
        ("1/?month=1", 404),
    ],
)
def test_a_rows_filters_are_judged_before_its_id(centre: Centre, path: str, status: int) -> None:
    with centre.client("staff") as client:
        assert client.get(path).status_code == status


@pytest.mark.parametrize("path", ["", "1/", "1000000/", "abc/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(centre: Centre, path: str, method: str) -> None:
    """Staff learn that there is nothing to write to, others that they may not. Bodies are not read."""
    with centre.client("staff") as staff, centre.client("owner") as owner:
        not_allowed = staff.request(method, path, content=b"{bad", headers={"X-Any": "1"})
        forbidden = owner.request(method, path, content=b"{bad")

    assert not_allowed.status_code == 405
    assert not_allowed.json() == {"detail": f'Method "{method}" not allowed.'}
    assert forbidden.status_code == 403
    assert forbidden.json() == {"detail": "You do not have permission to perform this action."}
    assert not_allowed.headers["Allow"] == forbidden.headers["Allow"] == ALLOW


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "get", "LOCK", "{method}"])
def test_a_method_that_nothing_takes_is_not_allowed(centre: Centre, method: str) -> None:
    reply, body = asked_as_is(centre.address, method, USAGE)

    assert reply.status in {400, 405}  # a method with odd characters is no request at all
    if reply.status == 405:
        assert reply.headers["Allow"] == ALLOW
        assert json.loads(body) == {"detail": f'Method "{method}" not allowed.'}


@pytest.mark.parametrize(
    ("path", "name"), [("", "List"), ("1/", "Instance"), ("1000000/", "Instance")]
)
def test_options_tell_what_there_is(centre: Centre, path: str, name: str) -> None:
    with centre.client("nobody") as client:
        reply = client.options(path)

    assert (reply.status_code, reply.headers["Allow"]) == (200, ALLOW)
    assert reply.json()["name"] == f"Allocation User Usage {name}"
    assert reply.json()["renders"] == ["application/json"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("", 200),
        ("?page=2&page_size=7&year=2024", 200),
        ("?year=1999", 200),
        ("?month=abc", 400),
        ("?page=99", 404),
        ("?allocation=/nope/", 404),
        ("1/", 200),
        ("1000000/", 404),
        ("abc/", 404),
        ("1/x/", 404),
    ],
)
def test_head_is_get_without_what_is_read(centre: Centre, path: str, status: int) -> None:
    """No Content-Type either: one client would take the nothing for JSON."""
    with centre.client("staff") as client:
        got, head = client.get(path), client.head(path)

    assert got.status_code == head.status_code == status
    assert got.headers["Content-Type"] == "application/json"
    assert head.content == b""
    assert "Content-Type" not in head.headers
    assert head.headers.get("Content-Length", "0") == "0"
    for name in ("Allow", "Link", "X-Result-Count"):
        assert head.headers.get(name) == got.headers.get(name)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Token x"}, {"Accept": "text/html"}], ids=str
)
def test_head_of_an_error_has_no_body(centre: Centre, headers: dict[str, str]) -> None:
    reply, body = asked_as_is(centre.address, "HEAD", USAGE, headers)

    assert reply.status == (406 if "Accept" in headers else 401)
    assert body == b""
    assert reply.headers["Content-Type"] is None
    assert reply.headers["Allow"] == ALLOW


def test_a_row_is_compact_json_with_its_seven_keys_in_order(centre: Centre) -> None:
    row = next(row for row in centre.rows if row.id == 1)
    with centre.client("staff") as client:
        reply = client.get("1/")

    keys = ["node_usage", "month", "year", "allocation", "user", "username", "full_name"]
    wire = row.wire(centre.address)
    compact = json.dumps(
        {key: wire[key] for key in keys}, separators=(",", ":"), ensure_ascii=False
    )
    assert reply.content == compact.encode()
    assert "Ångström" in compact
    assert int(reply.headers["Content-Length"]) == len(reply.content)


@pytest.mark.parametrize(
    "path",
    [
        "/api/nope/",
        "/api/openportal-nope",
        "/API/openportal-allocation-user-usage/",
        f"/{USAGE}",
        f"{USAGE}/",
        f"{USAGE}1//",
        f"{USAGE}1%2F/",
        f"{USAGE}1/foo/",
        f"{USAGE}../",
        f"{USAGE}1.0/",
        f"{USAGE}%00/",
        f"{USAGE}%FF/",
        "*",
        "/api/openportal-allocation-user-usages/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_address_of_nothing_is_not_found(centre: Centre, path: str, method: str) -> None:
    headers = {"Authorization": f"Token {centre.tokens['staff']}"}

    reply, body = asked_as_is(centre.address, method, path, headers)

    assert reply.status == 404
    assert body == (b'{"detail":"Not found."}' if method == "GET" else b"")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (["text/html", "application/json"], 200),
        (["application/json", "text/html"], 200),
        (["text/html", "text/csv"], 406),
        ([""], 406),
        ([], 200),
    ],
)
def test_several_accept_headers_are_one_list(
    centre: Centre, accept: list[str], status: int
) -> None:
    with centre.client("staff") as client:
        del client.headers["Accept"]
        reply = client.get("", headers=[("Accept", value) for value in accept])

    assert reply.status_code == status


def test_a_request_may_have_a_body(centre: Centre) -> None:
    headers = {"Content-Type": "application/json"}
    with centre.client("staff") as client:
        for content in (b"", b"{bad", b"x" * 100_000):
            reply = client.request("GET", "", content=content, headers=headers)
            assert reply.json() == centre.wire(centre.rows[:10])
