"""Every endpoint of the API: the lists and their members, the map of them, and the version."""

from __future__ import annotations

from typing import Final

import msgspec
from litestar import route
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from nodehours import __version__
from nodehours.faces.api.counts import Counts
from nodehours.faces.api.exchange import (
    METHODS,
    AnyRequest,
    Collection,
    Exchange,
    answered,
    answered_anyone,
    shown_anyone,
)
from nodehours.faces.api.forms import Form
from nodehours.faces.api.listing import Listing, listed, retrieved
from nodehours.faces.api.neighbours import (
    ACCOUNTING,
    ALLOCATIONS,
    ASSOCIATIONS,
    CUSTOMERS,
    PROJECTS,
    REPORTS,
)
from nodehours.faces.api.openapi import document
from nodehours.faces.api.people import list_people, retrieve_person
from nodehours.faces.api.reference import reference_page
from nodehours.faces.api.routes import COLLECTIONS
from nodehours.faces.api.usage import USAGE
from nodehours.faces.api.wire import (
    DOCS_PATH,
    FULL_SCHEMA_PATH,
    ROOT_PATH,
    SCHEMA_PATH,
    USERS_PATH,
    VERSION_PATH,
    NotFound,
)
from nodehours.queries.pool import Pool


def _collection(name: str, of: Listing) -> Collection:
    async def answer_list(exchange: Exchange) -> ASGIResponse:
        return await listed(exchange, of)

    async def answer_member(exchange: Exchange) -> ASGIResponse:
        return await retrieved(exchange, of)

    return Collection(of.path, name, answer_list, answer_member)


async def _map(exchange: Exchange) -> ASGIResponse:
    """Answer the address of every list by its name, as DRF's root does."""
    Form(exchange.params).judge(exchange.heed(frozenset({"format"}), {}))
    names = {path.strip("/").rpartition("/")[2]: path for path in COLLECTIONS}
    return exchange.reply({name: exchange.base + path for name, path in names.items()}, {})


async def _nothing(_: Exchange) -> ASGIResponse:
    raise NotFound


LISTS: Final = (
    USAGE,
    _collection("Allocation", ALLOCATIONS),
    _collection("Association", ASSOCIATIONS),
    Collection(USERS_PATH, "User", list_people, retrieve_person),
    _collection("Customer", CUSTOMERS),
    _collection("Project", PROJECTS),
    _collection("Project Usage Report", REPORTS),
    _collection("Project Accounting Summary", ACCOUNTING),
)
ROOT: Final = Collection(ROOT_PATH, "Api Root", _map, _nothing)


def _routed(path: str, of: Collection) -> HTTPRouteHandler:
    """Have all methods reach the collection: what it does not take is refused in Waldur's order."""

    @route(path, http_method=METHODS)
    async def answer(request: AnyRequest, pool: Pool, counts: Counts) -> ASGIResponse:
        return await answered(request, pool, counts, of)

    return answer


@route(VERSION_PATH, http_method=METHODS)
async def version(request: AnyRequest) -> ASGIResponse:
    """Tell the version of nodehours, to anyone, as Waldur tells its own."""
    return answered_anyone(request, VERSION_PATH, {"version": __version__})


@route(SCHEMA_PATH, http_method=METHODS)
async def schema(request: AnyRequest) -> ASGIResponse:
    """Answer the document that Waldur's generators know, to anyone."""
    return answered_anyone(request, SCHEMA_PATH, msgspec.Raw(_PLAIN))


@route(FULL_SCHEMA_PATH, http_method=METHODS)
async def full_schema(request: AnyRequest) -> ASGIResponse:
    """Answer the document that tells all, to anyone."""
    return answered_anyone(request, FULL_SCHEMA_PATH, msgspec.Raw(_FULL))


@route(DOCS_PATH, http_method=METHODS)
async def docs(request: AnyRequest) -> ASGIResponse:
    """Show the reference to anyone."""
    return shown_anyone(request, DOCS_PATH, _REFERENCE.html, _REFERENCE.policy)


_PLAIN: Final = msgspec.json.encode(document(is_full=False))
_FULL: Final = msgspec.json.encode(document(is_full=True))
_REFERENCE: Final = reference_page(document(is_full=True))

HANDLERS: Final = [
    *(_routed(of.path, of) for of in LISTS),
    *(_routed(of.path + "{segment:str}", of) for of in LISTS),
    _routed(ROOT_PATH, ROOT),
    version,
    schema,
    full_schema,
    docs,
]
