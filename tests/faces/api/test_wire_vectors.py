"""Every recorded exchange, answered from what the wire alone decides.

The server played here is the order of Waldur's checks and a handful of facts: the first rows are
of 2023, there are usage rows of 2023 and 2024, and a million of them.
"""

from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET

from nodehours.faces.api.filters import read_filters
from nodehours.faces.api.paging import (
    existing_page,
    link_header,
    page_count,
    read_page,
    read_page_size,
)
from nodehours.faces.api.wire import (
    ALLOW,
    USAGE_PATH,
    BadCredentials,
    NotFound,
    Parameters,
    Refusal,
    Sentence,
    last_value,
    method_refusal,
    options_body,
    read_accept,
    read_credentials,
    read_query,
    read_row_id,
)
from nodehours.terms.row import UsageFilter
from tests.golden import Vector, vectors, words

ALLOCATIONS = [UUID("a181239cfd1d54fa95a7bb71e1e61a77"), *(UUID(int=n) for n in range(1, 6))]
USERS = {
    "plain": UUID("ce4415a62b0455708f49707d89e62937"),
    "owner": UUID(int=7),
    "inactive": UUID(int=8),
}
TOKENS = {name: f"{name}-token" for name in ("staff", "plain", "inactive")}
WORDS = words(ALLOCATIONS, USERS, TOKENS)
ROW_ALLOCATION = ALLOCATIONS[0]


class Reply(msgspec.Struct):
    """A status, the headers the wire decides, and the body, unset where rows would be told."""

    status: int
    headers: dict[str, str]
    body: Any = UNSET


def answer(vector: Vector) -> Reply:
    try:
        return perform(vector)
    except Refusal as refusal:
        return Reply(refusal.status, {"Allow": ALLOW, **refusal.headers}, refusal.body)


def perform(vector: Vector) -> Reply:
    """Waldur's order: negotiation, credentials, method, filters, then the row or the page."""
    target = urlsplit(vector.path)
    params = read_query(target.query.encode())
    read_accept(vector.headers.get("Accept"), last_value(params, "format"))
    is_staff = sign_in(vector.headers.get("Authorization")) == "staff"
    segment = unquote(target.path.removeprefix(USAGE_PATH).removesuffix("/"))
    if vector.method == "OPTIONS":
        return Reply(
            200, {"Allow": ALLOW}, options_body("Allocation User Usage", of_member=bool(segment))
        )
    if vector.method not in ALLOW:
        raise method_refusal(vector.method, is_staff=is_staff)
    return retrieve(segment, params) if segment else list_page(params)


def sign_in(authorization: str | None) -> str:
    token = read_credentials(None if authorization is None else authorization.encode())
    if token is None:
        raise BadCredentials(Sentence.NOT_AUTHENTICATED)
    name = next((name for name, known in TOKENS.items() if known == token), None)
    if name is None:
        raise BadCredentials(Sentence.UNKNOWN_TOKEN)
    if name == "inactive":
        raise BadCredentials(Sentence.INACTIVE_USER)
    return name


def retrieve(segment: str, params: Parameters) -> Reply:
    filters = read_filters(params)
    row_id = read_row_id(segment)
    is_row = row_id is not None and row_id <= 10
    if not is_row or filters is None or not is_of_row(filters):
        raise NotFound(Sentence.NO_SUCH_ROW)
    return Reply(200, {"Allow": ALLOW})


def is_of_row(filters: UsageFilter) -> bool:
    return filters.allocation in {None, ROW_ALLOCATION} and filters.year in {None, 2023}


def list_page(params: Parameters) -> Reply:
    total = 1_000_000 if has_rows(read_filters(params)) else 0
    pages = page_count(total, read_page_size(params))
    page = existing_page(read_page(params), pages)
    link = link_header(f"https://hpc.example{USAGE_PATH}", params, page, pages)
    headers = {"Allow": ALLOW, "X-Result-Count": str(total), "Link": link}
    return Reply(200, headers, UNSET if total else [])


def has_rows(filters: UsageFilter | None) -> bool:
    return (
        filters is not None
        and filters.allocation in {None, *ALLOCATIONS}
        and filters.user in {None, *USERS.values()}
        and filters.year in {None, 2023, 2024}
    )


def is_played(vector: Vector) -> bool:
    """Tell whether the wire decides: redirects and unknown paths are the web framework's."""
    return not vector.name.startswith("slash/") and vector.name != "retrieve/no-slash"


PLAYED = [vector.filled(WORDS) for vector in vectors() if is_played(vector)]


@pytest.mark.parametrize("vector", PLAYED, ids=[vector.name for vector in PLAYED])
def test_the_wire_answers_as_recorded(vector: Vector) -> None:
    reply = answer(vector)

    assert reply.status == vector.expect.status
    if vector.expect.body is not UNSET:
        assert reply.body == vector.expect.body
    assert dict(vector.expect.headers).items() <= reply.headers.items()
    assert set(vector.expect.headers_present) <= set(reply.headers)


def test_the_filters_errors_keep_their_order_in_json() -> None:
    with pytest.raises(Refusal) as refused:
        read_filters(read_query(b"year=x&month=y&user_uuid=z&allocation_uuid=w"))

    assert msgspec.json.encode(refused.value.body) == (
        b'{"allocation_uuid":["Enter a valid UUID."],"user_uuid":["Enter a valid UUID."],'
        b'"month":["Enter a number."],"year":["Enter a number."]}'
    )


def test_all_vectors_are_there_and_every_place_has_a_word() -> None:
    every = vectors()

    assert len(every) == 177
    assert all("{" not in vector.filled(WORDS).path for vector in every)
    assert len(PLAYED) == 172
