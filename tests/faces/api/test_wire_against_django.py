"""What nodehours makes of a request, and what the libraries beneath Waldur make of it, are the same.

Both are given what stands on the wire. Where nodehours means to differ is said in `waldur_model.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
from hypothesis import assume, given
from hypothesis import settings as at_most
from hypothesis import strategies as st

from nodehours.faces.api.filters import read_filters
from nodehours.faces.api.paging import (
    existing_page,
    link_header,
    page_count,
    read_page,
    read_page_size,
)
from nodehours.faces.api.wire import (
    USAGE_PATH,
    BadCredentials,
    NotFound,
    Parameters,
    Refusal,
    Sentence,
    read_accept,
    read_credentials,
    read_query,
    read_row_id,
)
from nodehours.terms.row import UsageFilter
from tests.faces.api import odd_requests as odd
from tests.faces.api.waldur_model import BASE, Answer, ask

LIST: Final = BASE + USAGE_PATH


def has_a_media_type_with_an_equals_sign(accept: str | None) -> bool:
    """Whether Django would read a type only up to the sign: see DIFFERENCES."""
    kinds = (part.partition(";") for part in (accept or "").split(","))
    return any(semicolon and "=" in kind for kind, semicolon, _ in kinds)


# ------------------------------------------------------------------------------------- queries


class Verdict(NamedTuple):
    """What becomes of a list's request: a refusal's JSON, or what is asked for, and which rows are told."""

    status: int
    body: Any
    link: str | None = None

    @property
    def links(self) -> list[str]:
        return [] if self.link is None else self.link.split(", ")


def judged_by_django(query: bytes, total: int) -> Verdict:
    answer = ask(query, count_of=lambda _: total)
    return Verdict(answer.status, answer.body, answer.headers.get("Link"))


def judged(query: bytes, total: int) -> Verdict:
    try:
        return listed(read_query(query), total)
    except Refusal as refusal:
        return Verdict(refusal.status, msgspec.json.encode(refusal.body))


def listed(params: Parameters, total: int) -> Verdict:
    filters = read_filters(params)
    found = 0 if filters is None else total
    size = read_page_size(params)
    count = page_count(found, size)
    page = existing_page(read_page(params), count)
    rows = range(found)[(page - 1) * size : page * size]
    body = {"asked": told(filters), "rows": list(rows)}
    return Verdict(200, body, link_header(LIST, params, page, count))


def told(filters: UsageFilter | None) -> dict[str, object] | None:
    if filters is None:
        return None
    columns = {name: getattr(filters, name) for name in ("allocation", "user", "month", "year")}
    return {name: value for name, value in columns.items() if value is not None}


def test_every_known_trap_is_judged_as_django_judges_it() -> None:
    for query in odd.known_traps():
        assert judged(query, 25) == judged_by_django(query, 25), query


@at_most(max_examples=600)
@given(odd.queries, odd.totals)
def test_a_query_is_judged_as_django_judges_it(query: bytes, total: int) -> None:
    assert judged(query, total) == judged_by_django(query, total)


@at_most(max_examples=600)
@given(odd.filter_queries)
def test_filters_mean_what_they_mean_to_django_filter(query: bytes) -> None:
    assert judged(query, 1) == judged_by_django(query, 1)


@at_most(max_examples=400)
@given(odd.pages, odd.pages, odd.totals, odd.encodings)
def test_pages_are_cut_as_the_paginator_of_django_cuts_them(
    page: str, size: str, total: int, encode: Callable[[str], str]
) -> None:
    query = f"page={encode(page)}&page_size={encode(size)}".encode()

    assert judged(query, total) == judged_by_django(query, total)


@at_most(max_examples=400)
@given(odd.other_queries, st.integers(1, 50), st.integers(1, 50))
def test_links_are_written_to_the_letter_as_drf_writes_them(
    others: bytes, page: int, count: int
) -> None:
    query = on_page(others, min(page, count))
    found = judged_by_django(query, count)
    assume(has_rows(found))

    assert found.link == link_header(LIST, read_query(query), min(page, count), count)


@at_most(max_examples=200)
@given(odd.other_queries, st.integers(1, 9), st.integers(2, 9))
def test_links_with_a_pin_are_those_of_a_client_that_asked_as_of_it(
    others: bytes, page: int, count: int
) -> None:
    """All but the first: that leads to the ledger of its own day."""
    query = on_page(others, min(page, count))
    found = judged_by_django(query, count)
    assume(has_rows(found) and "as_of" not in read_query(query))

    links = link_header(LIST, read_query(query), min(page, count), count, 7).split(", ")

    assert links[:1] == found.links[:1]
    assert links[1:] == judged_by_django(query + b"&as_of=7", count).links[1:]


def on_page(others: bytes, page: int) -> bytes:
    return b"%b&page=%d&page_size=1" % (others, page)


def has_rows(verdict: Verdict) -> bool:
    """Whether there is something to link; hypothesis may hit upon a filter by chance."""
    return verdict.status == 200 and bool(verdict.body["rows"])


# ----------------------------------------------------------------------------------- a request


def refused(read: Callable[[], object]) -> Verdict | None:
    """The refusal that reading ends in, None if there is none."""
    try:
        read()
    except Refusal as refusal:
        return Verdict(refusal.status, msgspec.json.encode(refusal.body))
    return None


def refusal_of(answer: Answer) -> Verdict | None:
    return None if answer.status == 200 else Verdict(answer.status, answer.body)


@at_most(max_examples=600)
@given(odd.accepts, odd.formats)
def test_what_the_client_takes_is_negotiated_as_drf_negotiates(
    accept: str | None, asked_format: str
) -> None:
    assume(is_read_by_django(accept) and not has_a_media_type_with_an_equals_sign(accept))

    answer = ask(b"format=" + quote(asked_format).encode(), accept=accept)

    assert refused(lambda: read_accept(accept, asked_format)) == refusal_of(answer)


def test_every_known_media_range_is_taken_or_refused_as_drf_does() -> None:
    for accept in filter(is_read_by_django, odd.every_media_range()):
        if not has_a_media_type_with_an_equals_sign(accept):
            found = refused(lambda: read_accept(accept))  # noqa: B023  # called at once
            assert found == refusal_of(ask(accept=accept)), accept


def is_read_by_django(accept: str | None) -> bool:
    """Django fails at some parameters of media types: see DIFFERENCES."""
    try:
        ask(accept=accept)
    except (TypeError, ValueError):
        return False
    return True


@at_most(max_examples=500)
@given(odd.authorizations)
def test_credentials_are_read_as_the_token_authentication_of_drf_reads_them(
    authorization: bytes | None,
) -> None:
    answer = ask(authorization=authorization)

    assert refused(lambda: key(authorization)) == refusal_of(answer)
    assert answer.reader is None or answer.reader.key == key(authorization)


def test_every_known_way_to_sign_in_is_read_as_drf_reads_it() -> None:
    for authorization in odd.every_credential():
        found = refused(lambda: key(authorization))  # noqa: B023  # called at once
        assert found == refusal_of(ask(authorization=authorization)), authorization


def key(authorization: bytes | None) -> str:
    found = read_credentials(authorization)
    if found is None:
        raise BadCredentials(Sentence.NOT_AUTHENTICATED)
    return found


@at_most(max_examples=400)
@given(odd.segments)
def test_a_row_is_looked_up_by_what_django_takes_for_its_number(segment: str) -> None:
    answer = ask(segment=segment)

    assert refused(lambda: row_id(segment)) == refusal_of(answer)
    assert answer.status == 404 or answer.body == {"asked": {"id": row_id(segment)}}


def test_every_known_number_of_a_row_is_read_as_django_reads_it() -> None:
    for segment in [*odd.NUMBERS, *odd.LONG, *filter(None, odd.SPACES), *odd.UUIDS]:
        found = refused(lambda: row_id(segment))  # noqa: B023  # called at once
        assert found == refusal_of(ask(segment=segment)), segment


def row_id(segment: str) -> int:
    found = read_row_id(segment)
    if found is None:
        raise NotFound(Sentence.NO_SUCH_ROW)
    return found
