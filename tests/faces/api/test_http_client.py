"""Waldur's own Python client, unmodified: every parameter alone and in pairs, sync and async.

What must come is worked out from the reports the ledger was filled with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from waldur_api_client.api.openportal_allocation_user_usage import (
    openportal_allocation_user_usage_count as usage_count,
)
from waldur_api_client.api.openportal_allocation_user_usage import (
    openportal_allocation_user_usage_list as usage_list,
)
from waldur_api_client.api.openportal_allocation_user_usage import (
    openportal_allocation_user_usage_retrieve as usage_retrieve,
)
from waldur_api_client.client import AuthenticatedClient
from waldur_api_client.errors import UnexpectedStatus
from waldur_api_client.models.allocation_user_usage import AllocationUserUsage

from tests.centre import Centre, Row
from tests.reported import Told

FILTERS: dict[str, Callable[[Told], bool]] = {
    "allocation": lambda row: (row.project, row.resource) == ("climate.brics", "isca"),
    "allocation_uuid": lambda row: (row.project, row.resource) == ("climate.brics", "tigris"),
    "user": lambda row: row.identity == "alice.brics",
    "user_uuid": lambda row: row.identity == "bob.brics",
    "month": lambda row: row.month == 2,
    "year": lambda row: row.year == 2024,
}
PAGING = {"page": 2, "page_size": 3}
PARAMETERS = [*FILTERS, *PAGING]
ALONE_AND_IN_PAIRS = [(), *((name,) for name in PARAMETERS), *combinations(PARAMETERS, 2)]
in_every_way = pytest.mark.parametrize("names", ALONE_AND_IN_PAIRS, ids="+".join)


@pytest.fixture
def client(centre: Centre) -> Iterator[AuthenticatedClient]:
    with AuthenticatedClient(base_url=centre.address, token=centre.tokens["staff"]) as client:
        yield client


def values(centre: Centre) -> dict[str, Any]:
    """What the client is given for each parameter: addresses and UUIDs as the ledger has them."""
    climate, tigris = (one(centre, FILTERS[name]) for name in ("allocation", "allocation_uuid"))
    alice, bob = (one(centre, FILTERS[name]) for name in ("user", "user_uuid"))
    return {
        "allocation": climate.wire(centre.address)["allocation"],
        "allocation_uuid": tigris.allocation,
        "user": alice.wire(centre.address)["user"],
        "user_uuid": bob.user,
        "month": 2,
        "year": 2024,
    } | PAGING


def one(centre: Centre, is_wanted: Callable[[Told], bool]) -> Row:
    return next(row for row in centre.rows if is_wanted(row.told))


def matching(centre: Centre, names: tuple[str, ...]) -> list[Row]:
    filters = [FILTERS[name] for name in names if name in FILTERS]
    return [row for row in centre.rows if all(holds(row.told) for holds in filters)]


def plain(items: list[AllocationUserUsage]) -> list[dict[str, Any]]:
    return [item.to_dict() for item in items]


@in_every_way
def test_a_page_of_what_is_asked_for(
    centre: Centre, client: AuthenticatedClient, names: tuple[str, ...]
) -> None:
    asked = {name: values(centre)[name] for name in names}
    size = asked.get("page_size", 10)
    start = (asked.get("page", 1) - 1) * size
    found = matching(centre, names)

    if start and start >= len(found):
        with pytest.raises(UnexpectedStatus, match=r"404(.|\n)*Invalid page\."):
            usage_list.sync(client=client, **asked)
    else:
        page = found[start : start + size]
        assert plain(usage_list.sync(client=client, **asked)) == centre.wire(page)
        assert usage_count.sync(client=client, **asked) == len(found)


@in_every_way
def test_all_pages_and_the_count_agree(
    centre: Centre, client: AuthenticatedClient, names: tuple[str, ...]
) -> None:
    asked = {name: values(centre)[name] for name in names if name in FILTERS}
    found = matching(centre, names)

    assert plain(usage_list.sync_all(client=client, **asked)) == centre.wire(found)
    assert usage_count.sync(client=client, **asked) == len(found)


@pytest.mark.parametrize("name", ["staff", "owner", "busy", "alice", "nobody"])
def test_all_pages_of_a_ledger_of_many(crowded_centre: Centre, name: str) -> None:
    """The client walks in steps of 100 rows, reading ``page`` out of each ``next`` link."""
    token = crowded_centre.tokens[name]
    seen = crowded_centre.seen_by(name)
    with AuthenticatedClient(base_url=crowded_centre.address, token=token) as client:
        assert plain(usage_list.sync_all(client=client)) == crowded_centre.wire(seen)
        assert usage_count.sync(client=client) == len(seen)


def test_every_row_can_be_retrieved(centre: Centre, client: AuthenticatedClient) -> None:
    for row in centre.rows:
        assert usage_retrieve.sync(id=row.id, client=client).to_dict() == row.wire(centre.address)


def test_both_forms_of_one_filter_must_agree(centre: Centre, client: AuthenticatedClient) -> None:
    given = values(centre)
    (climate,) = {row.allocation for row in matching(centre, ("allocation",))}

    both = usage_list.sync_all(
        client=client, allocation=given["allocation"], allocation_uuid=climate
    )
    other = usage_list.sync_all(
        client=client, allocation=given["allocation"], allocation_uuid=given["allocation_uuid"]
    )

    assert plain(both) == centre.wire(matching(centre, ("allocation",)))
    assert other == []


def test_an_allocation_and_a_user_that_do_not_exist_have_no_usage(
    centre: Centre, client: AuthenticatedClient
) -> None:
    nothing = UUID(int=0)

    assert usage_list.sync(client=client, allocation_uuid=nothing) == []
    assert usage_list.sync(client=client, user_uuid=nothing) == []
    assert usage_count.sync(client=client, user=f"{centre.address}/api/users/{nothing.hex}/") == 0


@pytest.mark.anyio
async def test_the_async_client_gets_the_same(centre: Centre) -> None:
    token = centre.tokens["owner"]
    seen = centre.seen_by("owner")
    month = [row for row in seen if FILTERS["month"](row.told)]
    async with AuthenticatedClient(base_url=centre.address, token=token) as client:
        detailed = await usage_list.asyncio_detailed(client=client, page=2, page_size=3)
        row = await usage_retrieve.asyncio(id=seen[0].id, client=client)

        assert plain(await usage_list.asyncio(client=client)) == centre.wire(seen[:10])
        assert plain(await usage_list.asyncio_all(client=client, month=2)) == centre.wire(month)
        assert plain(detailed.parsed) == centre.wire(seen[3:6])
        assert detailed.headers["X-Result-Count"] == str(len(seen))
        assert row.to_dict() == seen[0].wire(centre.address)
        assert await usage_count.asyncio(client=client, month=2) == len(month)


def test_the_client_says_what_is_wrong(centre: Centre) -> None:
    with AuthenticatedClient(base_url=centre.address, token="deadbeef") as stranger:
        with pytest.raises(UnexpectedStatus, match=r"401(.|\n)*Invalid token\."):
            usage_list.sync(client=stranger)
        with pytest.raises(UnexpectedStatus, match="401"):
            usage_count.sync(client=stranger)
