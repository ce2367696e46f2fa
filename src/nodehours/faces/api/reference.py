"""The API's reference for people: a page drawn from the full OpenAPI document, without a script or another host."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nodehours.faces.api.wire import FULL_SCHEMA_PATH, SCHEMA_PATH, USAGE_PATH

Part = Mapping[str, Any]

_TEMPLATES: Final = Environment(
    loader=PackageLoader("nodehours.faces.api"), autoescape=True, undefined=StrictUndefined
)
_HOST: Final = "https://api.example.com"
_MODULE: Final = "openportal_allocation_user_usage"


class Page(NamedTuple):
    """The page, and the policy by which a browser loads nothing else for it."""

    html: str
    policy: str


class Sample(NamedTuple):
    """How an operation is called."""

    httpie: str
    python: str


class Row(NamedTuple):
    """A parameter or a key of an answer, by its name; ``where`` a parameter stands."""

    name: str
    type: str
    where: str = ""
    meaning: str = ""


class Operation(NamedTuple):
    """An operation as it is drawn."""

    id: str
    method: str
    path: str
    description: str
    parameters: Sequence[Row]
    fields: Sequence[Row]
    is_list: bool
    headers: Sequence[str]
    statuses: Sequence[tuple[str, str]]
    sample: Sample | None


class Tag(NamedTuple):
    """The operations of one endpoint."""

    name: str
    operations: list[Operation]


def reference_page(document: Part) -> Page:
    """Draw *document*."""
    style = _TEMPLATES.get_template("reference.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    tags = _tags(document)
    html = _TEMPLATES.get_template("reference.html").render(
        info=document["info"],
        tags=tags,
        style=Markup(style),  # noqa: S704  # our own file, and nothing in it is put in
        schema=SCHEMA_PATH,
        full_schema=FULL_SCHEMA_PATH,
        refusals=_refusals(document),
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
    )
    return Page(html, policy)


def _tags(document: Part) -> list[Tag]:
    tags: dict[str, Tag] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            (name,) = operation["tags"]
            drawn = _operation(document, path, method, operation)
            tags.setdefault(name, Tag(name, [])).operations.append(drawn)
    return list(tags.values())


def _operation(document: Part, path: str, method: str, operation: Part) -> Operation:
    found = operation["responses"]["200"]
    schema = _schema(found)
    is_list = schema.get("type") == "array"
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        description=operation.get("description", ""),
        parameters=[_parameter(document, one) for one in operation.get("parameters", [])],
        fields=list(_fields(document, schema["items"] if is_list else schema)),
        is_list=is_list,
        headers=list(found.get("headers", {})),
        statuses=[
            (status, _resolved(document, one)["description"] or "It is answered.")
            for status, one in operation["responses"].items()
        ],
        sample=_sample(path, method, operation),
    )


def _schema(response: Part) -> Part:
    found: Part = response.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def _fields(document: Part, schema: Part) -> Iterator[Row]:
    for name, one in _resolved(document, schema).get("properties", {}).items():
        yield Row(name, _type(one))


def _parameter(document: Part, parameter: Part) -> Row:
    one = _resolved(document, parameter)
    return Row(one["name"], _type(one["schema"]), one["in"], one.get("description", ""))


def _resolved(document: Part, part: Part) -> Part:
    """Follow a reference; what is none is itself."""
    if "$ref" not in part:
        return part
    found = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def _type(schema: Part) -> str:
    """Write a type in words: ``string (uri) or null``, ``list of Permission``."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return ", ".join(choice for choice in schema["enum"] if not choice.startswith("-"))
    if schema.get("type") == "array":
        return f"list of: {_type(schema['items'])}"
    types = schema.get("type", "anything")
    names = [types] if isinstance(types, str) else types
    shown = [
        f"{name} ({schema['format']})" if name != "null" and "format" in schema else name
        for name in names
    ]
    return " or ".join(shown)


def _sample(path: str, method: str, operation: Part) -> Sample | None:
    if method != "get":
        return None
    address = path.replace("{id}", "123").replace("{uuid}", "6f9c2e1b40d84f0c9d4f2a7c5b3e8d10")
    httpie = f'http GET {_HOST}{address} Authorization:"Token YOUR_API_TOKEN"'
    name = operation["operationId"]
    if not path.startswith(USAGE_PATH):
        return Sample(httpie, "")
    asked = "id=123, client=client" if "{id}" in path else "client=client"
    lines = [
        "from waldur_api_client import AuthenticatedClient",
        f"from waldur_api_client.api.{_MODULE} import {name}",
        "",
        f'client = AuthenticatedClient(base_url="{_HOST}", token="YOUR_API_TOKEN")',
        f"print({name}.sync({asked}))",
    ]
    return Sample(httpie, "\n".join(lines))


def _refusals(document: Part) -> list[tuple[str, str]]:
    return [
        (name.removeprefix("Refusal"), one["description"])
        for name, one in document["components"]["responses"].items()
    ]
