"""The API as OpenAPI documents: the one that Waldur's generators know, and one that tells all.

Of the usage endpoint the first says what Waldur's own document says of it, with its words and in its order, so that
what is generated from it is what it was; every refusal is its ``default`` response. The second adds our parameters,
headers and keys, and each status by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from nodehours import __version__
from nodehours.faces.api import forms
from nodehours.faces.api.fields import NAMES
from nodehours.faces.api.listing import Filter, Listing
from nodehours.faces.api.neighbours import (
    ACCOUNTING,
    ALLOCATIONS,
    ASSOCIATIONS,
    CUSTOMERS,
    PROJECTS,
    REPORTS,
)
from nodehours.faces.api.openapi_schemas import (
    FULL_USAGE,
    SCHEMAS,
    USAGE,
    Schema,
    listed,
    reference,
)
from nodehours.faces.api.people import USERS
from nodehours.faces.api.wire import ROOT_PATH, USAGE_PATH, USERS_PATH, VERSION_PATH
from nodehours.queries.sorted_usage import KEYS

Part = dict[str, Any]

_USAGE_NAME: Final = "AllocationUserUsage"
_SECURITY: Final[list[dict[str, list[str]]]] = [{"tokenAuth": []}, {"waldurOIDCAuth": []}]
_COUNTED: Final = "Get number of items in the collection matching the request parameters."
_PAGES: Final = [
    {"$ref": "#/components/parameters/Page"},
    {"$ref": "#/components/parameters/PageSize"},
]
_ERRORS: Final = {
    "400": "A parameter's value is of the wrong kind, or handling=strict was preferred and something is in vain.",
    "401": "Nobody is signed in.",
    "404": "There is no such thing or page, or none that the reader may see.",
    "406": "The client takes no JSON.",
    "503": "The ledger is unavailable just now; try again.",
}
_HEADERS: Final[Mapping[str, Part]] = {
    "XResultCount": {
        "description": "Total number of results available",
        "schema": {"type": "integer"},
        "example": 42,
    },
    "XPageSize": {
        "description": "How many rows a page has: the size that was used.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 300},
    },
    "Link": {
        "description": "The addresses of the first, previous, next and last page (RFC 8288).",
        "schema": {"type": "string"},
    },
    "XIgnoredParameters": {
        "description": "The parameters that were ignored, in whole or in part, parted by commas.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "What the answer can be told by: send it back as If-None-Match.",
        "schema": {"type": "string"},
    },
    "LastModified": {
        "description": "When what the reader may see last changed.",
        "schema": {"type": "string"},
    },
}
_PARAMETERS: Final[Mapping[str, Part]] = {
    "Page": {
        "name": "page",
        "required": False,
        "in": "query",
        "description": "A page number within the paginated result set.",
        "schema": {"type": "integer"},
    },
    "PageSize": {
        "name": "page_size",
        "required": False,
        "in": "query",
        "description": "Number of results to return per page.",
        "schema": {"type": "integer"},
    },
}
_SCHEMES: Final[Mapping[str, Part]] = {
    "tokenAuth": {"type": "apiKey", "in": "header", "name": "Authorization", "description": ""},
    "waldurCookieAuth": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": ""},
    "waldurOIDCAuth": {"type": "http", "scheme": "bearer", "description": ""},
}

# ------------------------------------------------------------------------------------ parameters


def _query(name: str, schema: Schema, description: str = "") -> Part:
    told = {"in": "query", "name": name, "schema": schema}
    return {**told, "description": description} if description else told


_TEXT: Final[Schema] = {"type": "string"}
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}
_NUMBER: Final[Schema] = {"type": "integer"}
_USAGE_PARAMETERS: Final = [
    _query("allocation", _TEXT),
    _query("allocation_uuid", _UUID),
    _query("month", _NUMBER),
    *_PAGES,
    _query("user", _TEXT),
    _query("user_uuid", _UUID),
    _query("year", _NUMBER),
]
_MEANINGS: Final[Mapping[str, str]] = {
    "allocation": "The allocation's address, as in a row; only its path counts.",
    "allocation_uuid": "The allocation's UUID, with or without hyphens.",
    "month": "1 to 12, UTC.",
    "user": "The user's address, as in a row; only its path counts.",
    "user_uuid": "The user's UUID, with or without hyphens.",
    "year": "The year, UTC.",
}
_ROW_PARAMETERS: Final = [
    _query(
        "as_of",
        _TEXT,
        "As of when: a revision's number, an instant with its offset (RFC 3339), or a date, which means its end, UTC.",
    ),
    _query(
        "modified_after",
        _TEXT,
        "Only rows that have changed since: after a revision or an instant, or from the beginning of a date on, UTC.",
    ),
    _query("field", {"type": "array", "items": {"type": "string", "enum": list(NAMES)}}, "The keys to send."),
]  # fmt: skip
_LIST_PARAMETERS: Final = [
    _query(
        "o",
        {
            "type": "array",
            "items": {"type": "string", "enum": [f"{sign}{key}" for key in KEYS for sign in ("", "-")]},
        },
        "The order: keys, with a minus sign before one that goes downwards. Without it: year, month, allocation, id.",
    ),
    *_ROW_PARAMETERS,
]  # fmt: skip
_PREFER: Final = {
    "in": "header",
    "name": "Prefer",
    "schema": _TEXT,
    "description": "handling=strict: refuse what would be ignored (RFC 7240).",
}

_KINDS: Final[Mapping[Callable[..., object], Schema]] = {
    forms.read_uuid: _UUID,
    forms.read_boolean: {"type": "boolean"},
    forms.read_never: {"type": "boolean"},
}


def _filter(name: str, one: Filter) -> Part:
    """Say a filter by the kind of value that it reads."""
    if isinstance(one.read, range):
        return _query(name, _NUMBER)
    kind = _kind(one.read)
    return _query(name, {"type": "array", "items": kind} if one.is_several else kind)


def _kind(read: Callable[..., object]) -> Schema:
    if isinstance(read, partial) and read.func is forms.read_choice:
        return {"type": "string", "enum": list(read.args[0])}
    return _KINDS.get(read.func if isinstance(read, partial) else read, _TEXT)


def _list_parameters(of: Listing) -> list[Part]:
    filters = [_filter(name, of.filters[name]) for name in sorted(of.filters)]
    return [_field(of), *filters, *_PAGES]


def _field(of: Listing, more: tuple[str, ...] = ()) -> Part:
    keys = [*of.keys, *more]
    return _query("field", {"type": "array", "items": {"type": "string", "enum": keys}})


# ------------------------------------------------------------------------------------- responses


def _response(description: str, schema: Schema | None = None, headers: Iterable[str] = ()) -> Part:
    told: Part = {"description": description}
    if schema is not None:
        told["content"] = {"application/json": {"schema": schema}}
    named = {name: {"$ref": f"#/components/headers/{name.replace('-', '')}"} for name in headers}
    return {**told, "headers": named} if named else told


def _refusals(is_full: bool) -> Part:  # noqa: FBT001  # which of the two documents it is
    if not is_full:
        return {"default": {"$ref": "#/components/responses/Refusal"}}
    return {status: {"$ref": f"#/components/responses/Refusal{status}"} for status in _ERRORS}


def _of_head(responses: Part) -> Part:
    """Say the same refusals of HEAD, which has no body."""
    words = {**_ERRORS, "default": "The request is refused."}
    return {
        status: {"description": words[status]} if status in words else one
        for status, one in responses.items()
    }


def _operation(
    name: str, tag: str, parameters: list[Part], responses: Part, description: str = ""
) -> Part:
    told: Part = {"operationId": name, "parameters": parameters, "tags": [tag]}
    if not parameters:
        del told["parameters"]
    told |= {"security": _SECURITY, "responses": responses}
    return {**told, "description": description} if description else told


# ----------------------------------------------------------------------------------------- paths


def _usage(is_full: bool) -> Part:  # noqa: FBT001  # which of the two documents it is
    tag, name = "openportal-allocation-user-usage", "openportal_allocation_user_usage"
    rows = {**listed(_USAGE_NAME), "description": ""}
    count = {"x-result-count": {"$ref": "#/components/headers/XResultCount"}}
    found = {**_response("", rows), "headers": count}
    counted = _response("No response body")
    row = _response("", reference(_USAGE_NAME))
    unchanged: Part = {}
    more_of_list: list[Part] = []
    more_of_row: list[Part] = []
    if is_full:
        validators = ("ETag", "Last-Modified", "X-Ignored-Parameters")
        of_list = (*validators, "Link", "X-Page-Size")
        found["headers"] = {**count, **_response("", None, of_list)["headers"]}
        counted["headers"] = found["headers"]
        row = _response("", reference(_USAGE_NAME), validators)
        unchanged = {"304": _response("Nothing has changed since the client read it.")}
        more_of_list, more_of_row = [*_LIST_PARAMETERS, _PREFER], [*_ROW_PARAMETERS, _PREFER]
    refusals = {**unchanged, **_refusals(is_full)}
    row_id = {
        "in": "path",
        "name": "id",
        "schema": {"type": "integer"},
        "description": "A unique integer value identifying this allocation user usage.",
        "required": True,
    }
    asked = [*_USAGE_PARAMETERS, *more_of_list]
    if is_full:
        asked = [{**one, **_meaning(one)} for one in asked]
    return {
        USAGE_PATH: {
            "get": _operation(f"{name}_list", tag, asked, {"200": found, **refusals}),
            "head": _operation(
                f"{name}_count", tag, asked, _of_head({"200": counted, **refusals}), _COUNTED
            ),
        },
        USAGE_PATH + "{id}/": {
            "get": _operation(
                f"{name}_retrieve", tag, [row_id, *more_of_row], {"200": row, **refusals}
            )
        },
    }  # fmt: skip


def _meaning(parameter: Part) -> Part:
    """What Waldur's document leaves unsaid."""
    meaning = _MEANINGS.get(parameter.get("name", ""))
    return {"description": meaning} if meaning else {}


def _listing(of: Listing, schema: str, key: str, is_full: bool) -> Part:  # noqa: FBT001  # as above
    tag = of.path.strip("/").rpartition("/")[2]
    name = tag.replace("-", "_")
    refusals = _refusals(is_full)
    parameters = _list_parameters(of)
    headers = ("X-Result-Count", "Link", "X-Page-Size", "X-Ignored-Parameters")
    kind = {"type": "integer"} if key == "id" else _UUID
    member = {"in": "path", "name": key, "schema": kind, "required": True}
    page = _response("", listed(schema), headers)
    counted = _response("No response body", None, headers)
    one = _response("", reference(schema))
    return {
        of.path: {
            "get": _operation(f"{name}_list", tag, parameters, {"200": page, **refusals}),
            "head": _operation(
                f"{name}_count", tag, parameters, _of_head({"200": counted, **refusals}), _COUNTED
            ),
        },
        f"{of.path}{{{key}}}/": {
            "get": _operation(
                f"{name}_retrieve", tag, [member, _field(of, of.more)], {"200": one, **refusals}
            )
        },
    }


def _others(is_full: bool) -> Part:  # noqa: FBT001  # as above
    refusals = _refusals(is_full)
    me = _response("", reference("User"))
    version = _operation(
        "version_retrieve", "version", [], {"200": _response("", reference("Version")), **refusals}
    )
    return {
        USERS_PATH + "me/": {
            "get": _operation("users_me_retrieve", "users", [_field(USERS, USERS.more)], {"200": me, **refusals}),
            "head": _operation(
                "users_me_count", "users", [], _of_head({"200": _response("No response body"), **refusals}), _COUNTED
            ),
        },
        VERSION_PATH: {"get": {**version, "security": []}},
        ROOT_PATH: {
            "get": _operation("api_root_retrieve", "api", [], {
                "200": _response("The address of every list, by its name.", {
                    "type": "object", "additionalProperties": {"type": "string", "format": "uri"}}),
                **refusals,
            })
        },
    }  # fmt: skip


_LISTINGS: Final = (
    (ALLOCATIONS, "Allocation", "uuid"),
    (ASSOCIATIONS, "Association", "uuid"),
    (USERS, "User", "uuid"),
    (CUSTOMERS, "Customer", "uuid"),
    (PROJECTS, "Project", "uuid"),
    (REPORTS, "CachedProjectUsageReport", "id"),
    (ACCOUNTING, "ProjectAccountingSummary", "uuid"),
)


def document(*, is_full: bool) -> Part:
    """Return the document, plain or full."""
    paths = _usage(is_full)
    for of, schema, key in _LISTINGS:
        paths |= _listing(of, schema, key, is_full)
    paths |= _others(is_full)
    refusal = reference("Refusal")
    responses = {"Refusal": _response("The request is refused.", refusal)}
    if is_full:
        responses = {
            f"Refusal{status}": _response(text, refusal) for status, text in _ERRORS.items()
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nodehours API",
            "version": __version__,
            "description": "Node-hours per user, per allocation, per month, as Waldur's clients read them.",
        },
        "paths": paths,
        "components": {
            "schemas": {_USAGE_NAME: FULL_USAGE if is_full else USAGE, **SCHEMAS},
            "securitySchemes": dict(_SCHEMES),
            "parameters": dict(_PARAMETERS),
            "headers": dict(_HEADERS),
            "responses": responses,
        },
    }  # fmt: skip
