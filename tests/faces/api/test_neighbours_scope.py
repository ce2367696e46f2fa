"""Who sees what of the lists beside that of usage: each reader exactly their part, and nothing that tells of the rest.

The rule is that of ``queries/visibility.py``. What is hidden is not in the list, not in the count, in no filter; asked
for by its address it is missing like what never was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest

from tests.centre import Centre
from tests.faces.api.neighbours import (
    ACCOUNTS,
    ALLOCATIONS,
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
    served_world,
    whole,
)
from tests.queries.seen import READERS
from tests.serving import USAGE

everyone = pytest.mark.parametrize("name", READERS)
each = pytest.mark.parametrize("of", NEIGHBOURS.values(), ids=NEIGHBOURS)

BRICS = {"climate.brics", "frost.brics", "idle.brics", "ocean.brics"}
GW4 = {"maths.gw4", "physics.gw4", "quiet.gw4", "stars.gw4"}
WHOLE = {
    "staff": {*BRICS, *GW4, "empty.void"},
    "support": {*BRICS, *GW4, "empty.void"},
    "owner": BRICS,
    "reader": GW4,
    "manager": {"climate.brics"},
    "member": {"ocean.brics"},
    "alice": set[str](),
    "bob": {"climate.brics"},
    "dave": {"maths.gw4"},
    "busy": {*BRICS, "stars.gw4"},
    "nobody": set[str](),
    "newcomer": {"empty.void"},
    "associate": set[str](),
    "frank": set[str](),
}
"""The projects that each reader sees whole."""
IN_PART = {
    "alice": {"climate.brics", "idle.brics", "ocean.brics"},
    "dave": {"ocean.brics"},
    "associate": {"idle.brics"},
    "frank": {"maths.gw4"},
}
"""The projects of which some see nothing but their own usage and associations."""


@pytest.fixture(scope="module")
def place(server_url: str, template: str) -> Iterator[Place]:
    with served_world(server_url, template) as found:
        yield found


@pytest.fixture(scope="module")
def told(place: Place) -> dict[str, list[Member]]:
    """What staff are told: all there is."""
    with place.client("staff") as client:
        return {of.name: whole(client, of) for of in NEIGHBOURS.values()}


# -------------------------------------------------------------------------- lists and members


def check_part(place: Place, client: httpx.Client, name: str, of: Neighbour) -> None:
    """The list, its count and its members are what the reader may see, and all else is missing."""
    seen = place.seen(name, of)
    listed = {str(member[of.known_by]): member for member in whole(client, of)}
    counted = client.head(of.path)
    assert listed.keys() == seen
    assert counted.headers["X-Result-Count"] == str(len(seen))

    missing = client.get(of.address(of.missing))
    assert (missing.status_code, missing.json()) == (404, no_such(of))
    for key in place.every(of):
        reply = client.get(of.address(key))
        if key in seen:
            member = reply.json()
            member.pop("permissions", None)
            assert (reply.status_code, member) == (200, listed[key])
        else:
            assert said(reply) == said(missing)


@everyone
def test_each_list_is_exactly_their_part_and_the_rest_is_missing(place: Place, name: str) -> None:
    """Every member of every list is asked for, and one that never was."""
    with place.client(name) as client:
        for of in NEIGHBOURS.values():
            check_part(place, client, name, of)


def test_so_it_is_in_the_centre(centre: Centre) -> None:
    place = place_of(centre)
    for name in place.readers:
        with place.client(name) as client:
            for of in NEIGHBOURS.values():
                check_part(place, client, name, of)


@everyone
def test_the_parts_are_what_the_centre_means(place: Place, name: str) -> None:
    with place.client(name) as client:
        projects = {one["name"] for one in whole(client, PROJECTS)}
        allocated = {one["project_name"] for one in whole(client, ALLOCATIONS)}
        reported = {one["project_identifier"] for one in whole(client, REPORTS)}
        accounted = {one["project_name"] for one in whole(client, ACCOUNTS)}
        organised = {one["slug"] for one in whole(client, CUSTOMERS)}

    seen = WHOLE[name] | IN_PART.get(name, set())
    assert projects == seen
    assert allocated == seen - {"empty.void"}
    assert accounted == WHOLE[name]
    assert reported == WHOLE[name] - {"empty.void"}
    assert organised == {project.partition(".")[2] for project in seen}


@each
def test_what_is_hidden_is_missing_however_it_is_asked_for(
    place: Place, told: dict[str, list[Member]], of: Neighbour
) -> None:
    """With filters that hold of it and that do not, with chosen keys, strictly, and in other methods."""
    asked = [
        f"{parameter}={value}" for parameter in of.filters for value in ("", "x", "true", 2024)
    ]
    ways = [(how, query) for how in ("GET", "HEAD") for query in ("page=0&foo=1", "field=url")]
    ways += [(how, "") for how in ("HEAD", "OPTIONS", "DELETE", "PUT")]
    ways += [("GET", query) for query in asked]
    for name in ("alice", "newcomer"):
        seen = place.seen(name, of)
        hidden = next(str(m[of.known_by]) for m in told[of.name] if str(m[of.known_by]) not in seen)
        with place.client(name, headers=STRICT) as client:
            for how, query in ways:
                there, nowhere = (
                    said(client.request(how, f"{of.address(key)}?{query}"))
                    for key in (hidden, of.missing)
                )
                assert there == nowhere, (name, how, query)


# ------------------------------------------------------------------------------------ filters

EXACT: list[tuple[Neighbour, str, str]] = [
    (ALLOCATIONS, "backend_id", "backend_id"),
    (ALLOCATIONS, "customer", "customer_uuid"),
    (ALLOCATIONS, "customer_uuid", "customer_uuid"),
    (ALLOCATIONS, "project", "project_uuid"),
    (ALLOCATIONS, "project_uuid", "project_uuid"),
    (ALLOCATIONS, "service_settings_uuid", "service_settings_uuid"),
    (ALLOCATIONS, "name_exact", "name"),
    (ASSOCIATIONS, "allocation", "allocation"),
    (USERS, "username", "username"),
    (USERS, "username_list", "username"),
    (CUSTOMERS, "name_exact", "name"),
    (PROJECTS, "customer", "customer_uuid"),
    (PROJECTS, "customer_uuid", "customer_uuid"),
    (PROJECTS, "name_exact", "name"),
    (REPORTS, "project_identifier", "project_identifier"),
    (REPORTS, "resource", "resource"),
    (REPORTS, "year", "year"),
    (REPORTS, "month", "month"),
    (ACCOUNTS, "customer_uuid", "customer_uuid"),
    (ACCOUNTS, "project_uuid", "project_uuid"),
]
CONTAINED: list[tuple[Neighbour, str, str]] = [
    (ALLOCATIONS, "name", "name"),
    (ALLOCATIONS, "project_name", "project_name"),
    (ALLOCATIONS, "customer_name", "customer_name"),
    (ALLOCATIONS, "service_settings_name", "service_name"),
    (USERS, "email", "email"),
    (USERS, "full_name", "full_name"),
    (CUSTOMERS, "name", "name"),
    (PROJECTS, "name", "name"),
    (PROJECTS, "customer_name", "customer_name"),
]
"""Filters, and the key that they are of."""


def missing_value(of: Neighbour, parameter: str) -> str:
    """What nothing has."""
    if parameter in of.links:
        return f"/api/openportal-allocations/{NOBODYS.hex}/"
    if parameter in of.uuids:
        return NOBODYS.hex
    return "1901" if parameter in of.numbers else "none at all"


def answer(
    client: httpx.Client, of: Neighbour, parameter: str, value: str
) -> tuple[list[Member], Any]:
    """What a filter finds, and all that is said of it but for the value that was asked for."""
    reply = client.get(of.path, params={parameter: value, "page_size": 300})
    status, headers, body = said(reply)
    assert status == 200
    echo = re.compile(rf"\b{parameter}={re.escape(quote_plus(value))}(?=[&>])")
    return reply.json(), (status, [(key, echo.sub("", text)) for key, text in headers], body)


@everyone
def test_filters_find_what_the_list_has_and_say_nothing_of_the_rest(
    place: Place, told: dict[str, list[Member]], name: str
) -> None:
    """For each value that there is in the whole ledger, visible or not."""
    with place.client(name) as client:
        mine = {of.name: whole(client, of) for of in NEIGHBOURS.values()}
        for filters, holds in ((EXACT, is_that), (CONTAINED, has_that)):
            for of, parameter, key in filters:
                values = sorted({str(one[key]) for one in told[of.name]} - {"", "None"})
                found = {
                    value: [one for one in mine[of.name] if holds(one[key], value)]
                    for value in values
                }
                check_filter(client, of, parameter, found)


def is_that(found: object, value: str) -> bool:
    return str(found) == value


def has_that(found: str | None, value: str) -> bool:
    return value in (found or "")


def check_filter(
    client: httpx.Client, of: Neighbour, parameter: str, found: dict[str, list[Member]]
) -> None:
    """For each value what must be found is; where that is nothing, the reply is as for what nothing has."""
    _, nothing = answer(client, of, parameter, missing_value(of, parameter))
    for value, expected in found.items():
        members, reply = answer(client, of, parameter, value)
        assert members == expected, (of.name, parameter, value)
        assert expected or reply == nothing, (of.name, parameter, value)
    value, expected = next(iter(found.items()))
    counted = client.head(of.path, params={parameter: value})
    assert counted.headers["X-Result-Count"] == str(len(expected))


@everyone
def test_filters_by_what_stands_elsewhere_find_what_the_rule_says(place: Place, name: str) -> None:
    """Users of a project or an organisation, as far as the reader sees that; reports and associations by a UUID."""
    tables, eyes = place.tables, place.eyes(name)
    asked: list[tuple[Neighbour, str, str, set[str]]] = []
    for key, project in tables.projects.items():
        tied = {uuid.hex for user, uuid in tables.users.items() if eyes.sees_tie(user, project=key)}
        asked.append((USERS, "project_uuid", project.uuid.hex, tied))
    for key, organisation in tables.organisations.items():
        tied = {u.hex for user, u in tables.users.items() if eyes.sees_tie(user, organisation=key)}
        asked.append((USERS, "customer_uuid", organisation.hex, tied))
    for key, allocation in tables.allocations.items():
        held = [one for one in tables.held if one.allocation == key]
        seen = {one.uuid.hex for one in held if eyes.sees_association(one)}
        asked.append((ASSOCIATIONS, "allocation_uuid", allocation.uuid.hex, seen))

    with place.client(name) as client:
        reports = whole(client, REPORTS)
        for project in tables.projects.values():
            of_it = {str(r["id"]) for r in reports if r["project_identifier"] == project.identifier}
            asked.append((REPORTS, "project_uuid", project.uuid.hex, of_it))
        for of, parameter, value, expected in asked:
            _, nothing = answer(client, of, parameter, NOBODYS.hex)
            found, reply = answer(client, of, parameter, value)
            assert {str(one[of.known_by]) for one in found} == expected, (of.name, parameter)
            assert expected or reply == nothing, (of.name, parameter)


@pytest.mark.parametrize("way", ["customer={0}&customer={1}", "customer={1},{0}"])
def test_of_several_values_a_hidden_one_is_like_a_missing_one(place: Place, way: str) -> None:
    """Alice sees projects of one organisation."""
    brics = place.seen("alice", CUSTOMERS)
    with place.client("alice") as client:
        mine = whole(client, PROJECTS)
        for customer in {*place.every(CUSTOMERS), NOBODYS.hex} - brics:
            reply = client.get(f"{PROJECTS.path}?{way.format(customer, *brics)}")
            assert (reply.status_code, reply.json()) == (200, mine)
            assert reply.headers["X-Result-Count"] == str(len(mine))
            assert "X-Ignored-Parameters" not in reply.headers


@pytest.mark.parametrize("name", ["alice", "dave", "member", "owner"])
def test_asked_of_one_user_a_filter_tells_no_more(place: Place, name: str) -> None:
    """Whether somebody works on a project is told of them as far as the reader sees that."""
    tables, eyes = place.tables, place.eyes(name)
    with place.client(name) as client:
        for user, uuid in tables.users.items():
            for key, project in tables.projects.items():
                asked = {"project_uuid": project.uuid.hex}
                reply = client.get(USERS.address(uuid.hex), params=asked)
                sees = eyes.sees_tie(user, project=key)
                assert reply.status_code == (200 if sees else 404)
                assert reply.json() == no_such(USERS) or sees


@pytest.mark.parametrize("parameter", ["query", "user_keyword"])
def test_words_are_looked_for_in_what_the_reader_sees(place: Place, parameter: str) -> None:
    """Dave sees Frank and Grace, and neither the owner, who is carol.brics, nor Judy."""
    with place.client("dave") as dave, place.client("staff") as staff:
        for word, hers, theirs in (
            ("FRANK", ["frank"], ["frank"]),
            ("carol", [], ["owner"]),
            ("judy.brics", [], ["associate"]),
            ("example.net", [], []),
        ):
            for client, expected in ((dave, hers), (staff, theirs)):
                found, _ = answer(client, USERS, parameter, word)
                assert [one["username"] for one in found] == expected


def test_an_email_address_that_is_hidden_is_not_found(place: Place) -> None:
    """The owner sees Bob, and does not see his address."""
    with place.client("owner") as client:
        assert "bob" in {one["username"] for one in whole(client, USERS)}
        _, bobs = answer(client, USERS, "email", "bob@example.net")
        _, nones = answer(client, USERS, "email", "nobody at all")
        own, _ = answer(client, USERS, "email", "example.net")

    assert bobs == nones
    assert [one["username"] for one in own] == ["owner"]


# -------------------------------------------------------------------- what is said of a member


@everyone
def test_totals_are_for_who_sees_the_whole_allocation(place: Place, name: str) -> None:
    eyes = place.eyes(name)
    is_whole = {one.uuid.hex: eyes.sees_whole(key) for key, one in place.tables.allocations.items()}
    with place.client(name) as client:
        for listed in whole(client, ALLOCATIONS):
            for one in (listed, client.get(ALLOCATIONS.address(listed)).json()):
                assert (one["node_usage"] is not None) == is_whole[one["uuid"]]
                assert one["node_limit"] is None or is_whole[one["uuid"]]


def test_a_limit_is_told_to_who_sees_the_whole(place: Place) -> None:
    asked = {"name_exact": "climate.brics on isca"}
    with place.client("bob") as bob, place.client("alice") as alice:
        (whole_one,) = whole(bob, ALLOCATIONS, **asked)
        (part,) = whole(alice, ALLOCATIONS, **asked)

    assert (whole_one["node_limit"], whole_one["node_usage"]) == (50, "1.00")
    assert (part["node_limit"], part["node_usage"]) == (None, None)
    hidden = {"node_limit", "node_usage", "modified"}
    assert {k: v for k, v in part.items() if k not in hidden} == {
        k: v for k, v in whole_one.items() if k not in hidden
    }


@everyone
def test_only_what_is_visible_is_counted(place: Place, name: str) -> None:
    tables, eyes = place.tables, place.eyes(name)
    allocations = {
        one.uuid.hex: sum(map(eyes.sees_allocation, eyes.allocations_of(key)))
        for key, one in tables.projects.items()
    }
    organisations = {uuid.hex: key for key, uuid in tables.organisations.items()}
    with place.client(name) as client:
        for project in whole(client, PROJECTS):
            assert project["resources_count"] == allocations[project["uuid"]]
        for customer in whole(client, CUSTOMERS):
            key = organisations[customer["uuid"]]
            assert customer["projects_count"] == sum(map(eyes.sees_project, eyes.projects_of(key)))
            has_role = eyes.everything or eyes.has_role(organisation=key)
            assert (customer["users_count"] is not None) == has_role


@everyone
def test_an_email_address_and_roles_are_for_their_owner_and_for_staff_and_support(
    place: Place, name: str
) -> None:
    eyes = place.eyes(name)
    of_user = {uuid.hex: key for key, uuid in place.tables.users.items()}
    with place.client(name) as client:
        for listed in whole(client, USERS):
            one = client.get(USERS.address(listed)).json()
            key = of_user[listed["uuid"]]
            may_read = eyes.everything or key == eyes.me
            roles = [role for role in place.tables.roles if role.user == key]
            assert "permissions" not in listed
            assert len(one["permissions"]) == (len(roles) if may_read else 0)
            assert (listed["email"] is not None) == (one["email"] is not None) == may_read
        me = client.get(f"{USERS.path}me/")
        mine = client.get(USERS.address(place.tables.users[eyes.me].hex))

    # What counts oneself has a count; else they are the same.
    assert me.headers.pop("X-Result-Count") == "1"
    assert said(me) == said(mine)
    assert me.json()["email"] == f"{name}@example.net"


def test_a_role_says_what_it_is_of(place: Place) -> None:
    with place.client("busy") as client:
        roles = client.get(f"{USERS.path}me/").json()["permissions"]

    assert [(one["role_name"], one["scope_type"], one["scope_name"]) for one in roles] == [
        ("CUSTOMER.READER", "customer", "Bristol Centre"),
        ("PROJECT.MEMBER", "project", "climate.brics"),
        ("PROJECT.MANAGER", "project", "stars.gw4"),
    ]
    with place.client("busy") as client:
        for role in roles:
            assert client.get(CUSTOMERS.address(role["customer_uuid"])).status_code == 200
            if role["project_uuid"]:
                assert client.get(PROJECTS.address(role["project_uuid"])).status_code == 200


# -------------------------------------------------------------------------------------- links


@everyone
def test_whoever_reads_a_usage_row_can_follow_its_links_and_theirs(place: Place, name: str) -> None:
    """A user's too: it is the reader's own, or its allocation is seen whole."""
    eyes = place.eyes(name)
    me = place.tables.users[eyes.me].hex
    is_whole = {one.uuid.hex: eyes.sees_whole(key) for key, one in place.tables.allocations.items()}
    with place.client(name) as client:
        rows = client.get(USAGE, params={"page_size": 300}).json()
        for address in {row["allocation"] for row in rows}:
            allocation = client.get(address)
            assert allocation.status_code == 200
            project = client.get(allocation.json()["project"])
            customer = client.get(allocation.json()["customer"])
            assert (project.status_code, customer.status_code) == (200, 200)
            assert project.json()["customer"] == customer.json()["url"]
        for user, allocation in {(r["user"], r["allocation"]) for r in rows if r["user"]}:
            whose, of = user.rstrip("/")[-32:], allocation.rstrip("/")[-32:]
            assert whose == me or is_whole[of]
            assert client.get(user).json()["url"] == user


@everyone
def test_what_a_member_links_to_can_be_followed(place: Place, name: str) -> None:
    with place.client(name) as client:
        for of in NEIGHBOURS.values():
            members = whole(client, of)
            for key in ("url", "allocation", "project", "customer"):
                for address in {one[key] for one in members if key in one}:
                    assert client.get(address).json()["url"] == address
            for key, other in (("project_uuid", PROJECTS), ("customer_uuid", CUSTOMERS)):
                for uuid in {one[key] for one in members if key in one}:
                    assert client.get(other.address(uuid)).status_code == 200


# ----------------------------------------------------------------------------- nobody signed in


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("name", "detail"),
    [
        (None, "Authentication credentials were not provided."),
        ("unknown", "Invalid token."),
        ("revoked", "Invalid token."),
        ("expired", "Token has expired."),
        ("inactive", "User inactive or deleted."),
    ],
)
def test_who_is_not_signed_in_learns_why_and_nothing_else(
    centre: Centre, name: str | None, detail: str, method: str
) -> None:
    """One and the same reply, wherever they ask."""
    place = place_of(centre)
    paths = [MAP, f"{USERS.path}me/"]
    for of in NEIGHBOURS.values():
        there = min(place.every(of))
        faulty = [f"{of.path}?{parameter}=%00" for parameter in of.filters[:1]]
        paths += [of.path, of.address(there), of.address(of.missing), of.address("bad"), *faulty]
        paths += [f"{of.path}?page=0", f"{of.path}?foo=1"]
    with place.client(name) as client:
        replies = [said(client.request(method, path, headers=STRICT)) for path in paths]
        reply = client.request(method, MAP)

    assert all(one == replies[0] for one in replies)
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == "Token"
    assert reply.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert not {"X-Result-Count", "Link", "X-Ignored-Parameters"} & {*reply.headers}
    assert reply.content == (b"" if method == "HEAD" else b'{"detail":"%s"}' % detail.encode())


@pytest.mark.parametrize("name", [None, "unknown", "inactive", "nobody", "staff"])
def test_the_version_is_told_to_anyone(centre: Centre, name: str | None) -> None:
    with place_of(centre).client(name) as client:
        reply = client.get(VERSION)

    assert (reply.status_code, [*reply.json()]) == (200, ["version"])
    assert "WWW-Authenticate" not in reply.headers


def test_the_map_is_the_same_for_everybody(place: Place) -> None:
    with place.client("staff") as client:
        expected = client.get(MAP)
    for name in place.readers:
        with place.client(name) as client:
            assert said(client.get(MAP)) == said(expected)

    names = {address.removeprefix(place.address): key for key, address in expected.json().items()}
    ours = {of.path: of.name for of in NEIGHBOURS.values()}
    assert names == {USAGE: "openportal-allocation-user-usage", **ours}
