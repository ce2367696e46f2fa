"""The documents at ``/api/schema/``: of the usage endpoint the first says what Waldur's says, the second says all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import msgspec
import pytest

from nodehours.faces.api.asked import LIST_PARAMETERS, ROW_PARAMETERS
from nodehours.faces.api.fields import NAMES
from nodehours.faces.api.routes import COLLECTIONS
from tests.centre import Centre
from tests.serving import USAGE

Part = Mapping[str, Any]
PLAIN, FULL = "/api/schema/", "/api/schema/full/"
DECIMAL = r"^-?\d{0,18}(?:\.\d{0,2})?$"
PAGE_TEXT = "A page number within the paginated result set."
SIZE_TEXT = "Number of results to return per page."


@pytest.fixture(scope="module")
def plain(centre: Centre) -> Part:
    return served(centre, PLAIN)


@pytest.fixture(scope="module")
def full(centre: Centre) -> Part:
    return served(centre, FULL)


def served(centre: Centre, path: str) -> Part:
    """The document, which anyone may read."""
    reply = httpx.get(centre.address + path)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "application/json"
    document: Part = reply.json()
    return document


def resolved(document: Part, part: Part) -> Part:
    for name in part.get("$ref", "").removeprefix("#/").split("/") if "$ref" in part else []:
        document = document[name]
    return document if "$ref" in part else part


def parameters(document: Part, path: str, method: str) -> list[tuple[str, str, str | None, str]]:
    """Each parameter's name, type, format and description, in their order."""
    found = [resolved(document, one) for one in document["paths"][path][method]["parameters"]]
    return [
        (
            one["name"],
            one["schema"]["type"],
            one["schema"].get("format"),
            one.get("description", ""),
        )
        for one in found
    ]


# What Waldur's document of version 7.9.0 says of the endpoint, in facts.
LISTED = [
    ("allocation", "string", None, ""),
    ("allocation_uuid", "string", "uuid", ""),
    ("month", "integer", None, ""),
    ("page", "integer", None, PAGE_TEXT),
    ("page_size", "integer", None, SIZE_TEXT),
    ("user", "string", None, ""),
    ("user_uuid", "string", "uuid", ""),
    ("year", "integer", None, ""),
]
FIELDS = [
    ("node_usage", {"type": "string", "format": "decimal", "pattern": DECIMAL}),
    ("month", {"type": "integer", "minimum": 1, "maximum": 12}),
    ("year", {"type": "integer", "minimum": 0, "maximum": 32767}),
    ("allocation", {"type": "string", "format": "uri"}),
    # `nullable` of OpenAPI 3.0 is a type of its own in 3.1.
    ("user", {"type": ["string", "null"], "format": "uri"}),
    ("username", {"type": "string", "maxLength": 64}),
    ("full_name", {"type": "string", "readOnly": True}),
]


def test_the_parameters_are_waldurs_with_their_types_and_words_in_their_order(plain: Part) -> None:
    assert plain["openapi"].startswith("3.1")
    assert parameters(plain, USAGE, "get") == LISTED
    assert parameters(plain, USAGE, "head") == LISTED
    row = plain["paths"][USAGE + "{id}/"]["get"]["parameters"]
    assert [(one["name"], one["in"], one["required"], one["schema"]) for one in row] == [
        ("id", "path", True, {"type": "integer"})
    ]
    assert row[0]["description"] == "A unique integer value identifying this allocation user usage."


def test_the_operations_are_called_and_secured_as_waldurs(plain: Part) -> None:
    listed, row = plain["paths"][USAGE], plain["paths"][USAGE + "{id}/"]
    name = "openportal_allocation_user_usage"

    assert {method: one["operationId"] for method, one in listed.items()} == {
        "get": f"{name}_list",
        "head": f"{name}_count",
    }
    assert {method: one["operationId"] for method, one in row.items()} == {
        "get": f"{name}_retrieve"
    }
    for one in (listed["get"], listed["head"], row["get"]):
        assert one["tags"] == ["openportal-allocation-user-usage"]
        assert one["security"] == [{"tokenAuth": []}, {"waldurOIDCAuth": []}]
    assert listed["head"]["description"] == (
        "Get number of items in the collection matching the request parameters."
    )
    schemes = plain["components"]["securitySchemes"]
    assert schemes["tokenAuth"] | {"description": ""} == {
        "type": "apiKey", "in": "header", "name": "Authorization", "description": "",
    }  # fmt: skip
    assert schemes["waldurOIDCAuth"]["scheme"] == "bearer"


def test_the_answers_are_waldurs_and_every_refusal_is_the_default_one(plain: Part) -> None:
    listed, row = plain["paths"][USAGE], plain["paths"][USAGE + "{id}/"]
    rows = listed["get"]["responses"]["200"]
    schema = rows["content"]["application/json"]["schema"]

    assert (schema["type"], rows["description"]) == ("array", "")
    assert schema["items"] == {"$ref": "#/components/schemas/AllocationUserUsage"}
    count = resolved(plain, rows["headers"]["x-result-count"])
    assert (count["description"], count["schema"]) == (
        "Total number of results available",
        {"type": "integer"},
    )
    assert list(rows["headers"]) == ["x-result-count"]
    assert listed["head"]["responses"]["200"] == {"description": "No response body"}
    assert (
        row["get"]["responses"]["200"]["content"]["application/json"]["schema"] == schema["items"]
    )
    for one in (listed["get"], listed["head"], row["get"]):
        assert list(one["responses"]) == ["200", "default"]


def test_the_row_has_waldurs_keys_in_their_order(plain: Part) -> None:
    schema = plain["components"]["schemas"]["AllocationUserUsage"]

    assert list(schema["properties"].items()) == FIELDS
    assert sorted(schema["required"]) == ["allocation", "full_name", "month", "username", "year"]


def test_the_full_document_has_every_parameter_that_is_taken_and_every_key(full: Part) -> None:
    for path, taken in ((USAGE, LIST_PARAMETERS), (USAGE + "{id}/", ROW_PARAMETERS)):
        told = {name for name, *_ in parameters(full, path, "get")} - {"id", "Prefer"}
        # The filters of a row are Waldur's habit, and no more told of than there.
        assert told <= taken
        assert taken - told <= {"format", *(name for name, *_ in LISTED)}
    schema = full["components"]["schemas"]["AllocationUserUsage"]
    assert set(schema["properties"]) == set(NAMES)


def test_both_tell_of_every_list_its_count_and_its_members(plain: Part, full: Part) -> None:
    assert list(plain["paths"]) == list(full["paths"])
    for path in COLLECTIONS:
        assert set(plain["paths"][path]) == {"get", "head"}
        assert any(other.startswith(path + "{") for other in plain["paths"])


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from [part["$ref"]] if "$ref" in part else []
        for inner in part.values():
            yield from references(inner)
    if isinstance(part, list):
        for inner in part:
            yield from references(inner)


@pytest.mark.parametrize("path", [PLAIN, FULL])
def test_what_is_referred_to_is_there_and_operations_have_names_of_their_own(
    centre: Centre, path: str
) -> None:
    document = served(centre, path)
    for target in references(document):
        assert resolved(document, {"$ref": target})
    names = [one["operationId"] for item in document["paths"].values() for one in item.values()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", [PLAIN, FULL, "/api/version/", "/api/docs/"])
def test_what_anyone_may_read_is_read_like_the_rest(centre: Centre, path: str) -> None:
    head = httpx.head(centre.address + path)
    redirect = httpx.get(centre.address + path.rstrip("/") + "?a=b")

    assert (head.status_code, head.content) == (200, b"")
    assert (redirect.status_code, redirect.headers["Location"]) == (301, f"{path}?a=b")
    assert httpx.post(centre.address + path).status_code == 405
    assert httpx.get(f"{centre.address}{path}x/").status_code == 404


@pytest.mark.parametrize("path", [PLAIN, FULL, "/api/version/"])
def test_who_takes_no_json_gets_none(centre: Centre, path: str) -> None:
    assert httpx.get(centre.address + path, headers={"Accept": "text/html"}).status_code == 406
    assert httpx.get(centre.address + path, params={"format": "yaml"}).status_code == 404
    assert httpx.get(centre.address + path, params={"format": "json"}).status_code == 200


def test_the_reference_page_loads_nothing_from_anywhere(centre: Centre, full: Part) -> None:
    reply = httpx.get(centre.address + "/api/docs/")

    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha")
    assert "<script" not in reply.text
    assert "src=" not in reply.text
    for item in full["paths"].values():
        for one in item.values():
            assert f'id="{one["operationId"]}"' in reply.text


def test_the_documents_are_the_same_bytes_each_time(centre: Centre) -> None:
    assert httpx.get(centre.address + PLAIN).content == httpx.get(centre.address + PLAIN).content
    assert msgspec.json.decode(httpx.get(centre.address + PLAIN).content)["info"]["version"]
