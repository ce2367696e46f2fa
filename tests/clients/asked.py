"""What every client is told to ask for, and what must come, worked out from the reports of the centre.

A task and its answers are JSON, so that a client may be a program in any language. A question is
named by its parameters, as in ``month+year``; ``""`` asks for everything.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

from tests.centre import READERS, Centre, Row
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

Names = tuple[str, ...]
STRANGER = "deadbeef"
NO_PAGE = "Invalid page."
NO_ROW = "No AllocationUserUsage matches the given query."
NO_TOKEN = "Invalid token."
_NO_ID = 2_000_000_000


def alone_and_in_pairs(parameters: list[str]) -> list[Names]:
    return [(), *((name,) for name in parameters), *combinations(parameters, 2)]


def values(centre: Centre) -> dict[str, Any]:
    """What is asked for with each parameter: addresses and UUIDs as the ledger has them."""
    of = {name: next(row for row in centre.rows if FILTERS[name](row.told)) for name in FILTERS}
    return {
        "allocation": of["allocation"].wire(centre.address)["allocation"],
        "allocation_uuid": str(of["allocation_uuid"].allocation),
        "user": of["user"].wire(centre.address)["user"],
        "user_uuid": str(of["user_uuid"].user),
        "month": 2,
        "year": 2024,
    } | PAGING


def matching(centre: Centre, names: Names, reader: str = "staff") -> list[Row]:
    filters = [FILTERS[name] for name in names if name in FILTERS]
    return [row for row in centre.seen_by(reader) if all(holds(row.told) for holds in filters)]


def task(centre: Centre) -> dict[str, Any]:
    """What a program reads."""
    given = values(centre)
    questions = alone_and_in_pairs(PARAMETERS)
    return {
        "address": centre.address,
        "token": centre.tokens["staff"],
        "stranger": STRANGER,
        "questions": {
            "+".join(names): {name: given[name] for name in names} for names in questions
        },
        "walks": _walks(centre, given),
        "retrievals": {
            reader: {"token": centre.tokens[reader], "ids": ids}
            for reader, ids in _asked_for(centre).items()
        },
    }


def _walks(centre: Centre, given: dict[str, Any]) -> dict[str, Any]:
    """All pages: of ten for staff, of the largest size for each reader, of fifty for each filter and pair."""
    every_reader = {
        reader: {"token": centre.tokens[reader], "query": {"page_size": 300}} for reader in READERS
    }
    filtered = {
        "+".join(names): {
            "token": centre.tokens["staff"],
            "query": {name: given[name] for name in names} | ({"page_size": 50} if names else {}),
        }
        for names in alone_and_in_pairs(list(FILTERS))
    }
    return every_reader | filtered


def _asked_for(centre: Centre) -> dict[str, list[int]]:
    """Who asks for which rows: some they may see, some they may not, and one that there is not."""
    ids = [row.id for row in (*centre.rows[::12], *centre.seen_by("member"))]
    return {reader: [*ids, _NO_ID] for reader in ("staff", "member", "nobody")}


# ------------------------------------------------------------------------------ what must come


def expected(centre: Centre) -> dict[str, Any]:
    """What a program must answer."""
    return {
        "pages": pages(centre),
        "counts": _counts(centre),
        "walks": _all_pages(centre),
        "retrieved": _rows(centre),
        "refused": _strangers(),
    }


def pages(centre: Centre) -> dict[str, Any]:
    return {"+".join(names): _page(centre, names) for names in alone_and_in_pairs(PARAMETERS)}


def _counts(centre: Centre) -> dict[str, Any]:
    """The count of all pages; where there is no such page its refusal, which has no body to a HEAD."""
    return {
        name: len(matching(centre, tuple(name.split("+"))))
        if "rows" in page
        else page | {"error": {}}
        for name, page in pages(centre).items()
    }


def _page(centre: Centre, names: Names) -> dict[str, Any]:
    size = PAGING["page_size"] if "page_size" in names else 10
    start = size * (PAGING["page"] - 1) if "page" in names else 0
    found = matching(centre, names)
    if start and start >= len(found):
        return refused(404, NO_PAGE)
    return {"rows": centre.wire(found[start : start + size])}


def _all_pages(centre: Centre) -> dict[str, Any]:
    found = {
        **{reader: matching(centre, (), reader) for reader in READERS},
        **{"+".join(names): matching(centre, names) for names in alone_and_in_pairs([*FILTERS])},
    }
    return {
        name: {"count": len(rows), "by_link": centre.wire(rows), "by_number": centre.wire(rows)}
        for name, rows in found.items()
    }


def _rows(centre: Centre) -> dict[str, Any]:
    answers = {}
    for reader, ids in _asked_for(centre).items():
        seen = {row.id: row.wire(centre.address) for row in centre.seen_by(reader)}
        answers[reader] = [seen.get(row_id, refused(404, NO_ROW)) for row_id in ids]
    return answers


def refused(status: int, detail: str) -> dict[str, Any]:
    return {"status": status, "error": {"detail": detail}}


def _strangers() -> dict[str, Any]:
    refusal = refused(401, NO_TOKEN)
    return {"list": refusal, "count": refusal | {"error": {}}, "retrieve": refusal}
