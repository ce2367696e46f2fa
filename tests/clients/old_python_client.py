"""Asks for usage through the Python client of Waldur 7.9.0, which must be first on the path.

Its task is read as JSON from standard input, its answers are written as JSON to standard output. That
client has no ``sync_all``: all pages are asked for one by one.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

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

Query = dict[str, Any]


def typed(query: Query) -> Query:
    """The parameters in the types that the client takes."""
    return {name: UUID(value) if name.endswith("_uuid") else value for name, value in query.items()}


def plain(items: list[AllocationUserUsage]) -> list[dict[str, Any]]:
    return [item.to_dict() for item in items]


def refusal(refused: UnexpectedStatus) -> dict[str, Any]:
    return {"status": refused.status_code, "error": json.loads(refused.content or b"{}")}


def answer(ask: Callable[..., Any], *given: Any) -> Any:
    """What comes of it, be it a refusal."""
    try:
        return ask(*given)
    except UnexpectedStatus as refused:
        return refusal(refused)


def by_link(client: AuthenticatedClient, query: Query) -> list[dict[str, Any]]:
    """All pages, each the one that the Link header of the page before calls the next."""
    rows, page = [], 1
    while page:
        reply = usage_list.sync_detailed(client=client, **query, page=page)
        rows += plain(reply.parsed)
        link = re.search(r'<([^>]*)>; rel="next"', reply.headers["Link"])
        page = int(parse_qs(urlsplit(link[1]).query)["page"][0]) if link else 0
    return rows


def by_number(client: AuthenticatedClient, query: Query, total: int) -> list[dict[str, Any]]:
    """All pages, until there are as many rows as were counted."""
    rows: list[dict[str, Any]] = []
    page = 0
    while len(rows) < total:
        page += 1
        rows += plain(usage_list.sync(client=client, **query, page=page))
    return rows


def walk(client: AuthenticatedClient, query: Query) -> dict[str, Any]:
    total = count(client, query)
    return {
        "count": total,
        "by_link": by_link(client, query),
        "by_number": by_number(client, query, total),
    }


def page(client: AuthenticatedClient, query: Query) -> dict[str, Any]:
    return {"rows": plain(usage_list.sync(client=client, **query))}


def count(client: AuthenticatedClient, query: Query) -> int:
    found: int = usage_count.sync(client=client, **query)
    return found


def row(client: AuthenticatedClient, row_id: int) -> dict[str, Any]:
    found: dict[str, Any] = usage_retrieve.sync(id=row_id, client=client).to_dict()
    return found


async def page_and_count(client: AuthenticatedClient, query: Query) -> Any:
    try:
        rows = await usage_list.asyncio(client=client, **query)
        return {"rows": plain(rows)}, await usage_count.asyncio(client=client, **query)
    except UnexpectedStatus as refused:
        return refusal(refused), refusal(refused) | {"error": {}}


async def asynchronous(
    client: AuthenticatedClient, questions: Mapping[str, Query]
) -> dict[str, Any]:
    asked = [page_and_count(client, query) for query in questions.values()]
    return dict(zip(questions, await asyncio.gather(*asked), strict=True))


def answers(task: dict[str, Any]) -> dict[str, Any]:
    @cache
    def signed_in(token: str) -> AuthenticatedClient:
        return AuthenticatedClient(base_url=task["address"], token=token)

    client, stranger = signed_in(task["token"]), signed_in(task["stranger"])
    questions = {name: typed(query) for name, query in task["questions"].items()}
    return {
        "version": version("waldur-api-client"),
        "pages": {name: answer(page, client, query) for name, query in questions.items()},
        "counts": {name: answer(count, client, query) for name, query in questions.items()},
        "asynchronous": asyncio.run(asynchronous(client, questions)),
        "walks": {
            name: walk(signed_in(told["token"]), typed(told["query"]))
            for name, told in task["walks"].items()
        },
        "retrieved": {
            reader: [answer(row, signed_in(told["token"]), row_id) for row_id in told["ids"]]
            for reader, told in task["retrievals"].items()
        },
        "refused": {
            "list": answer(page, stranger, {}),
            "count": answer(count, stranger, {}),
            "retrieve": answer(row, stranger, 1),
        },
    }


if __name__ == "__main__":
    json.dump(answers(json.load(sys.stdin)), sys.stdout)
