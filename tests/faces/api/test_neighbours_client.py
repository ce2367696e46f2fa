"""The lists beside that of usage through Waldur's Python clients, unmodified: all is read, and as it was sent.

By every reader, with every operation of the newest client, and once with the oldest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from waldur_api_client.api.users import users_me_count, users_me_retrieve
from waldur_api_client.api.version import version_retrieve
from waldur_api_client.client import AuthenticatedClient
from waldur_api_client.errors import UnexpectedStatus

from nodehours import __version__
from tests.centre import Centre
from tests.clients.installed import python_client
from tests.faces.api.neighbours import (
    ALLOCATIONS,
    ASSOCIATIONS,
    CUSTOMERS,
    NEIGHBOURS,
    PROJECTS,
    USERS,
    Member,
    Neighbour,
    Place,
    by_key,
    operation,
    place_of,
    plain,
    same,
    served_world,
    whole,
)
from tests.queries.seen import READERS

each = pytest.mark.parametrize("of", NEIGHBOURS.values(), ids=NEIGHBOURS)


@pytest.fixture(scope="module")
def place(server_url: str, template: str) -> Iterator[Place]:
    with served_world(server_url, template) as found:
        yield found


@pytest.fixture(scope="module")
def staff(place: Place) -> Iterator[AuthenticatedClient]:
    with place.waldur_client("staff") as client:
        yield client


@pytest.fixture(scope="module")
def told(place: Place) -> dict[str, list[Member]]:
    """What staff are told: all there is."""
    with place.client("staff") as client:
        return {of.name: whole(client, of) for of in NEIGHBOURS.values()}


# -------------------------------------------------------------------------------- all readers


def check_operations(place: Place, name: str, of: Neighbour) -> None:
    """What is read is what was sent, and as many as are counted; every member can be retrieved."""
    with place.waldur_client(name) as client:
        reply = operation(of, "list").sync_detailed(client=client, page_size=300)
        sent = json.loads(reply.content)
        assert plain(reply.parsed) == same(sent)
        assert plain(operation(of, "list").sync_all(client=client)) == same(sent)
        assert len(sent) == len(place.seen(name, of)) == operation(of, "count").sync(client=client)
        assert reply.headers["X-Result-Count"] == str(len(sent))
        for member in sent:
            one = operation(of, "retrieve").sync_detailed(client=client, **by_key(of, member))
            assert same(one.parsed.to_dict()) == same(json.loads(one.content))
            assert same(one.parsed.to_dict()).items() >= same(member).items()


@each
def test_every_reader_gets_everything_as_it_was_sent(centre: Centre, of: Neighbour) -> None:
    there = place_of(centre)
    for name in there.readers:
        check_operations(there, name, of)


@each
def test_so_they_do_where_there_are_limits_merged_people_and_projects_without_usage(
    place: Place, of: Neighbour
) -> None:
    for name in ("staff", "alice", "dave", "newcomer", "associate", "frank"):
        check_operations(place, name, of)


def test_every_reader_finds_themselves(place: Place) -> None:
    for name in READERS:
        with place.waldur_client(name) as client:
            reply = users_me_retrieve.sync_detailed(client=client)
            assert reply.parsed.username == name
            assert same(reply.parsed.to_dict()) == same(json.loads(reply.content))
            one = operation(USERS, "retrieve").sync(client=client, uuid=reply.parsed.uuid)
            assert same(one.to_dict()) == same(reply.parsed.to_dict())


def test_whoever_asks_can_be_counted(staff: AuthenticatedClient) -> None:
    """The client has an operation for that, and reads ``X-Result-Count``."""
    assert users_me_count.sync(client=staff) == 1


def test_the_version_is_read(staff: AuthenticatedClient) -> None:
    assert version_retrieve.sync(client=staff).to_dict() == {"version": __version__}


@each
def test_what_is_missing_is_said_to_be(staff: AuthenticatedClient, of: Neighbour) -> None:
    key = by_key(of, {of.known_by: of.missing})
    with pytest.raises(UnexpectedStatus, match=rf"404(.|\n)*No {of.kind} matches"):
        operation(of, "retrieve").sync(client=staff, **key)


@each
def test_pages_are_read_one_by_one(
    staff: AuthenticatedClient, told: dict[str, list[Member]], of: Neighbour
) -> None:
    every = same(told[of.name])

    assert plain(operation(of, "list").sync(client=staff)) == every[:10]
    assert plain(operation(of, "list").sync(client=staff, page=2, page_size=2)) == every[2:4]
    assert operation(of, "count").sync(client=staff, page=2, page_size=1) == len(every)
    with pytest.raises(UnexpectedStatus, match=r"404(.|\n)*Invalid page\."):
        operation(of, "list").sync(client=staff, page=len(every) + 1)


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["staff", "owner", "alice", "nobody"])
async def test_the_async_client_gets_the_same(place: Place, name: str) -> None:
    async with place.waldur_client(name) as client:
        for of in NEIGHBOURS.values():
            reply = await operation(of, "list").asyncio_detailed(client=client, page_size=300)
            sent = json.loads(reply.content)
            assert plain(reply.parsed) == same(sent)
            assert plain(await operation(of, "list").asyncio_all(client=client)) == same(sent)
            assert (
                await operation(of, "count").asyncio(client=client)
                == len(place.seen(name, of))
                == len(sent)
            )
            for member in sent[:1]:
                one = await operation(of, "retrieve").asyncio(client=client, **by_key(of, member))
                assert same(one.to_dict()).items() >= same(member).items()
        me = await users_me_retrieve.asyncio(client=client)
        assert me.username == name


# -------------------------------------------------------------------------- the oldest client

MODELS = {
    ALLOCATIONS.name: "allocation.Allocation",
    ASSOCIATIONS.name: "association.Association",
    USERS.name: "user.User",
    CUSTOMERS.name: "customer.Customer",
    PROJECTS.name: "project.Project",
}
"""What the client of Waldur 7.9.0 reads into; it has no reports and no accounts."""
READ_AND_WRITE = """
import json, sys
from importlib import import_module

def written(name, item):
    module, model = name.split(".")
    return getattr(import_module("waldur_api_client.models." + module), model).from_dict(item).to_dict()

sent = json.load(sys.stdin)
json.dump({name: [written(name, item) for item in items] for name, items in sent.items()}, sys.stdout)
"""


def test_the_client_of_7_9_0_reads_the_same(place: Place) -> None:
    """What each reader is told, list by list and member by member, in a process of its own."""
    sent: dict[str, list[Member]] = {model: [] for model in MODELS.values()}
    for name in ("staff", "busy", "alice", "dave"):
        with place.client(name) as client:
            for of_name, model in MODELS.items():
                of = NEIGHBOURS[of_name]
                members = whole(client, of)
                sent[model] += members
                sent[model] += [client.get(of.address(one)).json() for one in members]

    run = subprocess.run(
        [sys.executable, "-c", READ_AND_WRITE],
        input=json.dumps(sent),
        env={"PYTHONPATH": str(python_client())},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert same(json.loads(run.stdout)) == same(sent)
