"""How requests to the lists beside that of usage are answered: the same order of checks, methods, pages and words.

And whatever is asked for: values that no client of ours would send are refused or answered, never a failure of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.centre import REPORTS as REPORTED
from tests.centre import Centre
from tests.centre import centre as centre_of
from tests.databases import database
from tests.faces.api.neighbours import (
    ACCOUNTS,
    ALLOCATIONS,
    ALLOW,
    ASSOCIATIONS,
    CUSTOMERS,
    MAP,
    NEIGHBOURS,
    NOBODYS,
    PROJECTS,
    REPORTS,
    STRICT,
    USERS,
    VERSION,
    Member,
    Neighbour,
    Place,
    no_such,
    place_of,
    said,
    whole,
)
from tests.reported import Reported
from tests.serving import asked_as_is

each = pytest.mark.parametrize("of", NEIGHBOURS.values(), ids=NEIGHBOURS)
_LINK = re.compile(r'<([^<>,]*)>; rel="(\w+)"')

NO_UUID = ["Enter a valid UUID."]
NO_NUMBER = ["Enter a number."]
NUL = ["Null characters are not allowed."]
UNKNOWN = ["Unknown parameter."]
NOT_FOUND = {"detail": "Not found."}
NO_PAGE = {"detail": "Invalid page."}


@pytest.fixture(scope="module")
def place(centre: Centre) -> Place:
    return place_of(centre)


@pytest.fixture(scope="module")
def staff(place: Place) -> Iterator[httpx.Client]:
    with place.client("staff") as client:
        yield client


def a_member(place: Place, of: Neighbour) -> str:
    """The address of one that there is."""
    return of.address(min(place.every(of)))


def links(reply: httpx.Response) -> dict[str, str]:
    return {relation: address for address, relation in _LINK.findall(reply.headers["Link"])}


def bad(of: Neighbour) -> tuple[str, str, list[str]]:
    """A filter, a value that is none of its kind, and what is said of it."""
    if of.uuids:
        return of.uuids[0], "abc", NO_UUID
    return of.texts[0], "%00", NUL


# ---------------------------------------------------------------------------- the order of checks


class Fault(NamedTuple):
    """Something wrong with a request, and what is said of it when nothing that is judged earlier is wrong."""

    status: int
    body: object
    path: str = ""
    query: str = ""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    is_stranger: bool = False


def before_all(path: str) -> list[Fault]:
    """What is judged before anybody is asked who they are."""
    not_acceptable = {"detail": "Could not satisfy the request Accept header."}
    return [
        Fault(301, None, path=path.removesuffix("/")),
        Fault(404, NOT_FOUND, query="format=xml"),
        Fault(406, not_acceptable, headers=(("Accept", "text/html"),)),
    ]


def before_answering(path: str) -> list[Fault]:
    """What is judged before the endpoint itself is asked."""
    forbidden = {"detail": "You do not have permission to perform this action."}
    no_credentials = {"detail": "Authentication credentials were not provided."}
    return [
        *before_all(path),
        Fault(401, no_credentials, is_stranger=True),
        Fault(403, forbidden, method="PUT"),
        Fault(400, {"detail": "Invalid Host header."}, headers=(("Host", "a,b"),)),
    ]


def check_order(place: Place, path: str, faults: list[Fault]) -> None:
    """Send requests with each of the faults and all that are judged after it."""
    for judged, first in enumerate(faults):
        rest = faults[judged:]
        headers = dict(header for fault in rest for header in fault.headers)
        if not any(fault.is_stranger for fault in rest):
            headers["Authorization"] = f"Token {place.tokens['owner']}"
        query = "&".join(fault.query for fault in rest if fault.query)
        method = next((fault.method for fault in rest if fault.method != "GET"), "GET")
        asked = next((fault.path for fault in rest if fault.path), path)

        reply, body = asked_as_is(place.address, method, f"{asked}?{query}", headers)

        assert reply.status == first.status, (path, first)
        if first.body is None:
            assert (body, reply.headers["Location"]) == (b"", f"{path}?{query}")
        else:
            assert json.loads(body) == first.body, (path, first)
            assert reply.headers["Allow"] == ALLOW


@each
def test_of_several_faults_of_a_list_the_first_in_order_is_told(
    place: Place, of: Neighbour
) -> None:
    name, value, sentence = bad(of)
    faults = [
        *before_answering(of.path),
        Fault(400, {name: sentence}, query=f"{name}={value}"),
        Fault(404, NO_PAGE, query="page=0"),
    ]
    if of.links:
        faults.insert(-1, Fault(404, NOT_FOUND, query=f"{of.links[0]}=/nope/"))
    check_order(place, of.path, faults)


@each
def test_of_several_faults_of_a_member_the_first_in_order_is_told(
    place: Place, of: Neighbour
) -> None:
    """Pages are no concern of it: they are ignored."""
    name, value, sentence = bad(of)
    for key, body in (("abc", NOT_FOUND), (of.missing, no_such(of))):
        path = of.address(key)
        faults = [
            *before_answering(path),
            Fault(400, {name: sentence}, query=f"{name}={value}"),
            Fault(404, body, path=path, query="page=0"),
        ]
        check_order(place, path, faults)


def test_of_several_faults_elsewhere_the_first_in_order_is_told(place: Place) -> None:
    not_allowed = {"detail": 'Method "PUT" not allowed.'}

    check_order(place, MAP, before_answering(MAP))
    check_order(place, f"{USERS.path}me/", before_answering(f"{USERS.path}me/"))
    check_order(place, VERSION, [*before_all(VERSION), Fault(405, not_allowed, method="PUT")])


# ----------------------------------------------------------------------------------- methods


@each
def test_nothing_can_be_written(place: Place, staff: httpx.Client, of: Neighbour) -> None:
    """Staff learn that there is nothing to write to, others that they may not. Bodies are not read."""
    paths = [of.path, a_member(place, of), of.address(of.missing), of.address("abc")]
    with place.client("owner") as owner:
        for path in paths:
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                not_allowed = staff.request(method, path, content=b"{bad")
                forbidden = owner.request(method, path, content=b"{bad")
                assert not_allowed.status_code == 405
                assert not_allowed.json() == {"detail": f'Method "{method}" not allowed.'}
                assert forbidden.status_code == 403
                assert forbidden.headers["Allow"] == not_allowed.headers["Allow"] == ALLOW


@each
def test_options_tell_what_there_is(place: Place, of: Neighbour) -> None:
    with place.client("nobody") as client:
        for path, kind in (
            (of.path, "List"),
            (a_member(place, of), "Instance"),
            (of.address(of.missing), "Instance"),
        ):
            reply = client.options(path)
            assert (reply.status_code, reply.headers["Allow"]) == (200, ALLOW)
            assert reply.json()["name"].endswith(f" {kind}")
            assert reply.json()["renders"] == ["application/json"]


@each
def test_head_is_get_without_what_is_read(place: Place, staff: httpx.Client, of: Neighbour) -> None:
    """No Content-Type either: one client would take the nothing for JSON."""
    name, value, _ = bad(of)
    there = a_member(place, of)
    for path, status in (
        (of.path, 200),
        (f"{of.path}?page=2&page_size=1", 200),
        (f"{of.path}?page=last&page_size=1&foo=1", 200),
        (f"{of.path}?{name}={value}", 400),
        (f"{of.path}?page=99", 404),
        (there, 200),
        (f"{there}?{name}={value}", 400),
        (of.address(of.missing), 404),
        (of.address("abc"), 404),
        (f"{there}x/", 404),
    ):
        got, head = staff.get(path), staff.head(path)
        assert got.status_code == head.status_code == status, path
        assert got.headers["Content-Type"] == "application/json"
        assert head.content == b""
        assert "Content-Type" not in head.headers
        assert head.headers.get("Content-Length", "0") == "0"
        unread = {"content-type", "content-length", "date"}
        assert {*got.headers} - {*head.headers} <= unread
        for header in {*head.headers} - unread:
            assert head.headers[header] == got.headers[header]
        is_page = path.startswith(f"{of.path}?") or path == of.path
        assert ("X-Result-Count" in head.headers) == (is_page and status == 200)


# --------------------------------------------------------------------------------------- pages


@each
@pytest.mark.parametrize("size", [1, 3])
def test_a_walk_gives_each_once_there_and_back(
    staff: httpx.Client, of: Neighbour, size: int
) -> None:
    every = whole(staff, of)
    address, there = f"{of.path}?page_size={size}", []
    while address:
        there.append(staff.get(address))
        address = links(there[-1]).get("next", "")
    back = [staff.get(f"{of.path}?page=last&page_size={size}")]
    while "prev" in links(back[-1]):
        back.append(staff.get(links(back[-1])["prev"]))

    assert [member for page in there for member in page.json()] == every
    assert [member for page in back[::-1] for member in page.json()] == every
    for page in [*there, *back]:
        assert page.headers["X-Result-Count"] == str(len(every))
        assert page.headers["X-Page-Size"] == str(size)
        assert links(page)["first"] == str(there[0].url)
        assert links(page)["last"] == str(there[-1].url)


@each
def test_a_page_has_ten_members_unless_asked_and_300_at_most(
    staff: httpx.Client, of: Neighbour
) -> None:
    every = whole(staff, of)
    for asked, size in (
        ("", 10),
        ("page_size=", 10),
        ("page_size=0", 10),
        ("page_size=-1", 10),
        ("page_size=abc", 10),
        ("page_size=2.0", 10),
        ("page_size=2&page_size=3", 3),
        ("page_size=%2B2", 2),
        ("page_size=300", 300),
        ("page_size=301", 300),
        (f"page_size={'9' * 100}", 300),
    ):
        reply = staff.get(f"{of.path}?{asked}")
        assert reply.headers["X-Page-Size"] == str(size), asked
        assert reply.json() == every[:size]
        assert "X-Ignored-Parameters" not in reply.headers
        assert all(address.startswith(place_url(staff, of)) for address in links(reply).values())


def place_url(client: httpx.Client, of: Neighbour) -> str:
    return str(client.base_url).rstrip("/") + of.path


@pytest.fixture(scope="module")
def thronged(server_url: str, template: str) -> Iterator[Place]:
    """The centre with more people in it than a page can have."""
    names = [f"user{number:03}" for number in range(310)]
    throng = Reported(
        "isca",
        "crowd.brics",
        {name: f"{name}_cr" for name in names},
        {date(2024, 2, 1): {f"{name}_cr": 1 for name in names}},
    )
    with database(server_url, template) as url, centre_of(url, [*REPORTED, throng]) as found:
        yield place_of(found)


@pytest.mark.parametrize("of", [ASSOCIATIONS, USERS], ids=["associations", "users"])
def test_a_list_is_cut_where_a_page_of_the_largest_size_ends(
    thronged: Place, of: Neighbour
) -> None:
    """Whatever size is asked for."""
    with thronged.client("staff") as client:
        first, whole_page, last = (
            client.get(f"{of.path}?{query}")
            for query in ("page_size=301", "page_size=1000", "page_size=10000&page=2")
        )
    keys = [one["uuid"] for page in (first, last) for one in page.json()]

    assert len(first.json()) == 300 < len(keys)
    assert first.json() == whole_page.json()
    assert {*keys} == thronged.every(of)
    assert len(keys) == len({*keys}) == int(first.headers["X-Result-Count"])
    assert {page.headers["X-Page-Size"] for page in (first, whole_page, last)} == {"300"}
    assert links(last)["prev"].endswith(f"{of.path}?page_size=10000")


@each
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_page_that_is_not_there_is_said_to_be_invalid(
    staff: httpx.Client, of: Neighbour, method: str
) -> None:
    beyond = [str(2**62), str(2**63), str(10**30), "9" * 4300, "9" * 5000]
    for page in ["0", "-1", "99", "abc", "1.0", "LAST", "%00", "²", *beyond]:
        reply = staff.request(method, f"{of.path}?page={page}")
        assert reply.status_code == 404, page
        assert method == "HEAD" or reply.json() == NO_PAGE
        assert "Link" not in reply.headers


@each
def test_an_empty_list_has_one_page(place: Place, of: Neighbour) -> None:
    """Nobody sees nobody but themselves."""
    query = "is_staff=true&" if of is USERS else ""
    with place.client("nobody") as client:
        first, last, second = (client.get(f"{of.path}?{query}page={p}") for p in (1, "last", 2))

    assert first.json() == last.json() == []
    assert first.headers["X-Result-Count"] == "0"
    assert {*links(first)} == {*links(last)} == {"first", "last"}
    assert (second.status_code, second.json()) == (404, NO_PAGE)


@each
def test_links_carry_the_whole_query_sorted_and_escaped(staff: httpx.Client, of: Neighbour) -> None:
    reply = staff.get(f"{of.path}?page_size=1&page=2&x=a,b&x=%C3%A9+%26;&empty=")

    base, rest = place_url(staff, of), "page_size=1&x=a%2Cb&x=%C3%A9+%26%3B"
    found = links(reply)
    assert found["first"] == found["prev"] == f"{base}?empty=&{rest}"
    assert found["last"] == f"{base}?empty=&page={reply.headers['X-Result-Count']}&{rest}"


# ---------------------------------------------------------------------------- what is in vain


@each
def test_what_is_ignored_is_named_or_refused(
    place: Place, staff: httpx.Client, of: Neighbour
) -> None:
    """``page`` and ``page_size`` are nothing to a member."""
    there = a_member(place, of)
    for path, query, names in (
        (of.path, "foo=1", ["foo"]),
        (of.path, "foo=1&month__gte=2&foo=2&Page=3", ["foo", "month__gte", "Page"]),
        (of.path, "field=nope", ["field"]),
        (there, "foo=1&page=2&page_size=3", ["foo", "page", "page_size"]),
        (there, "field=url&field=nope", ["field"]),
        *((of.path, f"{name}=maybe", [name]) for name in of.truths),
    ):
        heard = staff.get(f"{path}?{query}")
        refused = staff.get(f"{path}?{query}", headers=STRICT)
        counted = staff.head(f"{path}?{query}", headers=STRICT)
        assert heard.status_code == 200, query
        assert sorted(heard.headers["X-Ignored-Parameters"].split(", ")) == sorted(names)
        assert (refused.status_code, counted.status_code) == (400, 400)
        assert refused.json().keys() == {*names}
        assert all(refused.json()[name] == UNKNOWN for name in {*names} & {"foo", "page", "Page"})
        assert "X-Result-Count" not in refused.headers


@each
def test_a_strict_request_that_is_right_is_answered_as_any_other(
    place: Place, staff: httpx.Client, of: Neighbour
) -> None:
    for path in (
        of.path,
        f"{of.path}?page=1&page_size=300&field={of.known_by}",
        a_member(place, of),
    ):
        reply = staff.get(path, headers=STRICT)
        assert reply.headers["Preference-Applied"] == "handling=strict"
        assert (reply.status_code, reply.json()) == (200, staff.get(path).json())


@each
def test_a_page_size_that_is_not_taken_is_refused_to_who_asks_for_it(
    staff: httpx.Client, of: Neighbour
) -> None:
    sentences = {
        "301": ["Ensure this value is less than or equal to 300."],
        "0": ["Ensure this value is greater than or equal to 1."],
        "x": ["A valid integer is required."],
    }
    for size, sentence in sentences.items():
        reply = staff.get(f"{of.path}?page_size={size}", headers=STRICT)
        assert (reply.status_code, reply.json()) == (400, {"page_size": sentence})


@pytest.mark.parametrize("path", [MAP, f"{USERS.path}me/"])
def test_what_is_ignored_elsewhere_is_named_or_refused(staff: httpx.Client, path: str) -> None:
    """There are no filters: of oneself those of users are ignored too."""
    heard, refused = (
        staff.get(f"{path}?username=x"),
        staff.get(f"{path}?username=x", headers=STRICT),
    )

    assert (heard.status_code, heard.headers.get("X-Ignored-Parameters")) == (200, "username")
    assert (refused.status_code, refused.json()) == (400, {"username": UNKNOWN})


# ------------------------------------------------------------------------------ values of filters


@each
def test_every_value_of_the_wrong_kind_is_named_at_once(
    place: Place, staff: httpx.Client, of: Neighbour
) -> None:
    wrong = {
        **dict.fromkeys(of.uuids, ("abc", NO_UUID)),
        **dict.fromkeys(of.numbers, ("abc", NO_NUMBER)),
        **dict.fromkeys((*of.texts, *of.unknown, *of.links), ("\0", NUL)),
    }
    for path in (of.path, a_member(place, of), of.address(of.missing)):
        for name, (value, sentence) in wrong.items():
            reply = staff.get(path, params={name: value, "page": "0"})
            assert (reply.status_code, reply.json()) == (400, {name: sentence})
        reply = staff.get(path, params={name: value for name, (value, _) in wrong.items()})
        assert (reply.status_code, reply.json()) == (400, {n: s for n, (_, s) in wrong.items()})


@each
def test_a_blank_value_is_none_and_of_several_the_last_counts(
    staff: httpx.Client, of: Neighbour
) -> None:
    """White space alone is none either, but where a number is asked for. Of these two any value counts."""
    every = whole(staff, of)
    several = {(ALLOCATIONS.name, "state"), (PROJECTS.name, "customer")}
    for name in of.filters:
        if (of.name, name) in several:
            continue
        for value in ("", "x&{name}=", "+", "%20%09"):
            reply = staff.get(f"{of.path}?{name}={value.format(name=name)}&page_size=300")
            is_no_number = name in of.numbers and value in {"+", "%20%09"}
            assert reply.json() == ({name: NO_NUMBER} if is_no_number else every), (name, value)


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (ALLOCATIONS, "is_active"),
        (ALLOCATIONS, "can_manage"),
        (USERS, "is_staff"),
        (REPORTS, "is_complete"),
        (ACCOUNTS, "is_active"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_every_truth_value_is_read_alike(staff: httpx.Client, of: Neighbour, name: str) -> None:
    """In any case, and as a number. What is none is ignored, and named."""
    every = whole(staff, of)
    for spellings in (("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0")):
        expected = whole(staff, of, **{name: spellings[0]})
        for spelling in spellings:
            assert whole(staff, of, **{name: spelling}) == expected, spelling
    reply = staff.get(of.path, params={name: "maybe", "page_size": 300})
    assert (reply.status_code, reply.json()) == (200, every)
    assert reply.headers["X-Ignored-Parameters"] == name


def test_both_forms_of_one_filter_must_agree(staff: httpx.Client) -> None:
    one, other, *_ = whole(staff, CUSTOMERS)

    for of in (ALLOCATIONS, PROJECTS):
        both = whole(staff, of, customer=one["uuid"], customer_uuid=str(UUID(one["uuid"])))
        assert both == whole(staff, of, customer=one["uuid"]) != []
        assert whole(staff, of, customer=one["uuid"], customer_uuid=other["uuid"]) == []


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example.net:8443{path}",
        "{path}",
        "{path}?month=2#top",
        " {path} ",
    ],
)
def test_of_an_address_only_the_path_counts(staff: httpx.Client, address: str) -> None:
    allocation = whole(staff, ALLOCATIONS)[0]
    path = ALLOCATIONS.address(allocation)
    dashed = ALLOCATIONS.address(str(UUID(allocation["uuid"])).upper())

    expected = [one for one in whole(staff, ASSOCIATIONS) if one["allocation"].endswith(path)]
    for spelling in (path, dashed):
        found = whole(staff, ASSOCIATIONS, allocation=address.format(path=spelling))
        assert found == expected != []


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/users/me/", 200),
        (f"/api/projects/{NOBODYS.hex}/", 200),
        (NOBODYS.hex, 200),
        ("http://[::1/api/", 200),
        ("/api/openportal-allocations/abc/", 200),
        (f"/api/openportal-allocations/{NOBODYS.hex}", 404),
        ("/nope/", 404),
    ],
)
def test_an_address_of_no_allocation_finds_nothing_or_is_nothing(
    staff: httpx.Client, address: str, status: int
) -> None:
    reply = staff.get(ASSOCIATIONS.path, params={"allocation": address})

    assert (reply.status_code, reply.json()) == (status, [] if status == 200 else NOT_FOUND)


# ---------------------------------------------------------------------------------------- members


@each
def test_a_member_is_found_however_its_key_is_spelt(staff: httpx.Client, of: Neighbour) -> None:
    for member in whole(staff, of)[:3]:
        expected = staff.get(of.address(member))
        for spelling in spellings(of, member):
            reply = staff.get(of.address(quote(spelling)))
            assert said(reply) == said(expected), spelling


def spellings(of: Neighbour, member: Member) -> list[str]:
    """As ``uuid.UUID()`` and ``int()`` take them, which Django asks."""
    if of is REPORTS:
        number = str(member["id"])
        arabic = number.translate({ord("0") + n: 0x660 + n for n in range(10)})
        return [f"00{number}", f"+{number}", f" {number}", f"{number[0]}_{number[1:]}", arabic]
    uuid = UUID(member[of.known_by])
    dashed, urn = str(uuid), uuid.urn
    return [dashed, dashed.upper(), uuid.hex.upper(), f"{{{dashed}}}", urn, f"urn:uuid:{uuid.hex}"]


@each
def test_a_key_that_is_none_is_not_found_and_one_of_nothing_matches_nothing(
    staff: httpx.Client, of: Neighbour
) -> None:
    key = of.missing
    none = ["abc", f"{key}x", "%00", "%FF", "1e3", "%F0%9F%8D%B5", f"{key}.json", "x" * 5000, "..."]
    if of is REPORTS:
        no_reports = ["0", "-1", str(2**31), str(2**63), "9" * 4000, "4096000", "1"]
        none += [NOBODYS.hex + "x", "1.0", "9" * 5000]
    else:
        no_reports = [str(UUID(key)), UUID(int=2**128 - 1).hex]
        none += ["1", key[:-1], f"{key}0", f"{key} {key}"]
    for segment in none:
        reply = staff.get(of.address(segment))
        assert (reply.status_code, reply.json()) == (404, NOT_FOUND), segment
    for segment in [key, *no_reports]:
        reply = staff.get(of.address(segment))
        assert (reply.status_code, reply.json()) == (404, no_such(of)), segment


@pytest.mark.parametrize(
    ("of", "holds", "fails"),
    [
        (ALLOCATIONS, "backend_id={project_name}", "backend_id=nope"),
        (ALLOCATIONS, "project_uuid={project_uuid}", f"project_uuid={NOBODYS}"),
        (ALLOCATIONS, "is_active=true", "is_active=false"),
        (ALLOCATIONS, "state=OK", "state=ERRED"),
        (ASSOCIATIONS, "allocation={allocation}", f"allocation_uuid={NOBODYS}"),
        (USERS, "username={username}", "username=nope"),
        (USERS, "is_active={is_active}", "civil_number=1"),
        (CUSTOMERS, "name={name}", "name=nope"),
        (PROJECTS, "customer={customer_uuid}", f"customer={NOBODYS}"),
        (PROJECTS, "name={name}", "description=nope"),
        (REPORTS, "year={year}&month={month}", "year=1999"),
        (REPORTS, "resource={resource}", "month=13"),
        (ACCOUNTS, "customer_uuid={customer_uuid}", f"customer_uuid={NOBODYS}"),
        (ACCOUNTS, "project_uuid={project_uuid}", f"project_uuid={NOBODYS}"),
        (ACCOUNTS, "is_active=true", "is_active=false"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_the_filters_of_the_list_are_asked_of_a_member_too(
    staff: httpx.Client, of: Neighbour, holds: str, fails: str
) -> None:
    member = whole(staff, of)[-1]
    path = of.address(member)

    held, failed = staff.get(f"{path}?{holds.format(**member)}"), staff.get(f"{path}?{fails}")

    assert said(held) == said(staff.get(path))
    assert (failed.status_code, failed.json()) == (404, no_such(of))


# ------------------------------------------------------------------------------------ everything


@each
def test_an_address_of_nothing_is_not_found(place: Place, of: Neighbour) -> None:
    there = a_member(place, of)
    headers = {"Authorization": f"Token {place.tokens['staff']}"}
    for path in (
        f"{of.path}/",
        f"{there}/",
        f"/{there}",
        f"{there}x/",
        f"{there.removesuffix('/')}%2F/",
        f"{of.path}../",
        of.path.upper(),
        f"{of.path.removesuffix('/')}x/",
        f"{MAP}nope/",
        f"{MAP}/",
        f"{VERSION}x/",
        f"{USERS.path}ME/",
        f"{USERS.path}me/x/",
    ):
        for method in ("GET", "HEAD"):
            reply, body = asked_as_is(place.address, method, path, headers)
            assert reply.status == 404, path
            assert body == (b"" if method == "HEAD" else b'{"detail":"Not found."}')


def test_every_answer_says_that_it_is_one_readers_own(place: Place, staff: httpx.Client) -> None:
    for of in NEIGHBOURS.values():
        for path in (of.path, a_member(place, of)):
            reply = staff.get(path)
            assert reply.headers["Cache-Control"] == "private, no-cache"
            assert "Authorization" in reply.headers["Vary"]
            assert reply.headers["Content-Type"] == "application/json"
            assert b"\n" not in reply.content


@each
def test_without_the_last_slash_all_is_found_again(
    place: Place, staff: httpx.Client, of: Neighbour
) -> None:
    """Before signing in; the query stays as it was sent."""
    for path in (of.path, a_member(place, of)):
        for method in ("GET", "HEAD", "POST"):
            reply = httpx.request(method, f"{place.address}{path[:-1]}?x=%2F,%20+;&&=")
            assert (reply.status_code, reply.content) == (301, b"")
            assert reply.headers["Location"] == f"{path}?x=%2F,%20+;&&="
        followed = staff.get(path[:-1], follow_redirects=True)
        assert said(followed) == said(staff.get(path))


@each
def test_addresses_are_those_the_client_used(staff: httpx.Client, of: Neighbour) -> None:
    headers = {"Host": "hpc.example:8443", "X-Forwarded-Proto": "https"}
    reply = staff.get(f"{of.path}?page_size=2", headers=headers)

    told = [value for one in reply.json() for value in one.values() if "://" in str(value)]
    assert all(str(one).startswith("https://hpc.example:8443/api/") for one in told)
    assert all(
        one.startswith(f"https://hpc.example:8443{of.path}") for one in links(reply).values()
    )


# ------------------------------------------------------------------------------- whatever is sent

PARAMETERS = [(of, name) for of in NEIGHBOURS.values() for name in of.filters]
OTHERS = ["page", "page_size", "field", "format", "foo"]

texts = st.text(max_size=20) | st.sampled_from(
    [*"\0 % _ \\ ' \" ; 🍵 ٢ İ ß ﬀ \u202e".split(" "), "a\0b", "é" * 3000, "🍵" * 300, "x" * 9000]
)
escaped = st.binary(max_size=20).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw))
broken = st.sampled_from(["%", "%ff", "%ED%A0%80", "%C0%AF", "%zz", "%00", "%u0041", "%0d%0aX: 1"])
numbers = st.integers(-(2**70), 2**70).map(str) | st.sampled_from(["1e999999", "-1e9", "2.5", "٢"])
uuids = st.uuids().map(str) | st.sampled_from([NOBODYS.urn, "{" + NOBODYS.hex + "}"])
values = st.one_of(texts.map(quote), escaped, broken, numbers, uuids.map(quote))


@settings(max_examples=300)
@given(
    st.sampled_from(PARAMETERS),
    st.lists(st.tuples(st.sampled_from(OTHERS), values), max_size=2),
    values,
    st.booleans(),
)
@example((ALLOCATIONS, "name"), [], "%00", False)
@example((USERS, "username_list"), [], "%00,a", False)
@example((USERS, "username_list"), [], ",", True)
@example((REPORTS, "year"), [], "-1e999999", False)
@example((ASSOCIATIONS, "allocation"), [], "http://[::1/", False)
def test_any_value_is_answered_or_refused(
    place: Place,
    staff: httpx.Client,
    parameter: tuple[Neighbour, str],
    others: list[tuple[str, str]],
    value: str,
    is_member: bool,
) -> None:
    of, name = parameter
    path = a_member(place, of) if is_member else of.path
    query = "&".join(f"{key}={text}" for key, text in [(name, value), *others])

    check(staff.get(f"{path}?{query}"))
    check(staff.get(f"{path}?{query}", headers=STRICT))
    assert staff.head(f"{path}?{query}").status_code < 500


@settings(max_examples=100)
@given(st.sampled_from([*NEIGHBOURS.values()]), values)
def test_any_key_is_answered_or_refused(staff: httpx.Client, of: Neighbour, value: str) -> None:
    reply = staff.get(f"{of.path}{value}/")

    check(reply)
    assert reply.status_code in {200, 404}


def check(reply: httpx.Response) -> None:
    """No failure of ours; what is answered is JSON."""
    assert reply.status_code in {200, 400, 404, 414}, reply.text
    if reply.status_code != 414:
        told: Any = reply.json()
        assert reply.status_code == 200 or isinstance(told, dict)
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.headers["Allow"] == ALLOW
