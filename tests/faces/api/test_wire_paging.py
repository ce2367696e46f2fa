"""Pages: how large, which one, and the links between them."""

import pytest

from nodehours.faces.api.paging import (
    LAST,
    InvalidPage,
    Last,
    existing_page,
    link_header,
    page_count,
    read_page,
    read_page_size,
)
from nodehours.faces.api.wire import read_query

URL = "https://hpc.example/api/openportal-allocation-user-usage/"


@pytest.mark.parametrize(
    ("query", "size"),
    [
        (b"", 10),
        (b"page_size=2", 2),
        (b"page_size=%2B2", 2),
        (b"page_size=%202%20", 2),
        (b"page_size=1_0_0", 100),
        (b"page_size=%EF%BC%92", 2),
        (b"page_size=300", 300),
        (b"page_size=301", 300),
        (b"page_size=100000000000000000000", 300),
        (b"page_size=5&page_size=7", 7),
    ],
)
def test_a_page_size_is_any_number_up_to_300(query: bytes, size: int) -> None:
    assert read_page_size(read_query(query)) == size


@pytest.mark.parametrize(
    "text", [b"0", b"-1", b"abc", b"", b"+", b"2.0", b"%00", b"last", b"9" * 5000]
)
def test_what_is_no_page_size_is_ten(text: bytes) -> None:
    assert read_page_size(read_query(b"page_size=" + text)) == 10


@pytest.mark.parametrize(
    ("query", "page"),
    [
        (b"", 1),
        (b"page=", 1),
        (b"page", 1),
        (b"page=2", 2),
        (b"page=%2B2", 2),
        (b"page=+2", 2),
        (b"page=1_0", 10),
        (b"page=%D9%A3", 3),
        (b"page=last", LAST),
        (b"page=2&page=3", 3),
        (b"page=x&page=", 1),
        (b"page=9999999999999999999999", 9999999999999999999999),
    ],
)
def test_a_page_is_any_number_or_last(query: bytes, page: int | Last) -> None:
    assert read_page(read_query(query)) == page


@pytest.mark.parametrize(
    "text",
    [b"0", b"-1", b"abc", b"1.0", b"1.5", b"LAST", b"Last", b"%20last", b"+", b"%00", b"9" * 5000],
)
def test_anything_else_is_no_page(text: bytes) -> None:
    with pytest.raises(InvalidPage) as refused:
        read_page(read_query(b"page=" + text))

    assert refused.value.status == 404
    assert refused.value.body == {"detail": "Invalid page."}


@pytest.mark.parametrize(
    ("total", "size", "pages"),
    [(0, 10, 1), (1, 10, 1), (10, 10, 1), (11, 10, 2), (1_000_000, 300, 3334), (10**18, 1, 10**18)],
)
def test_the_rows_fill_pages_and_no_rows_fill_one(total: int, size: int, pages: int) -> None:
    assert page_count(total, size) == pages


def test_the_first_page_exists_even_if_it_is_empty() -> None:
    pages = page_count(0, 10)

    assert existing_page(1, pages) == 1
    assert existing_page(LAST, pages) == 1
    with pytest.raises(InvalidPage):
        existing_page(2, pages)


def test_a_page_beyond_the_end_is_invalid_however_far() -> None:
    assert existing_page(100_000, 100_000) == 100_000
    for beyond in (100_001, 10**22):
        with pytest.raises(InvalidPage):
            existing_page(beyond, 100_000)


def test_a_page_in_the_middle_links_to_all_four() -> None:
    """The second page of three links back without `page`, because page 1 is the bare address."""
    assert link_header(URL, {}, 2, 3) == (
        f'<{URL}>; rel="first", <{URL}>; rel="prev", '
        f'<{URL}?page=3>; rel="next", <{URL}?page=3>; rel="last"'
    )


def test_the_first_page_has_no_previous_and_the_last_no_next() -> None:
    assert link_header(URL, {}, 1, 2) == (
        f'<{URL}>; rel="first", <{URL}?page=2>; rel="next", <{URL}?page=2>; rel="last"'
    )
    assert link_header(URL, {"page": ["3"]}, 3, 3) == (
        f'<{URL}>; rel="first", <{URL}?page=2>; rel="prev", <{URL}?page=3>; rel="last"'
    )


def test_a_single_page_is_first_and_last() -> None:
    assert link_header(URL, {"page": ["1"]}, 1, 1) == f'<{URL}>; rel="first", <{URL}>; rel="last"'


def test_the_query_of_a_link_is_sorted_by_key() -> None:
    links = link_header(URL, read_query(b"page_size=2&page=2"), 2, 5)

    assert f'<{URL}?page=3&page_size=2>; rel="next"' in links
    assert f'<{URL}?page_size=2>; rel="first"' in links


@pytest.mark.parametrize(
    ("query", "echoed"),
    [
        (b"page_size=301", "page_size=301"),
        (b"zulu=1&alpha=2", "alpha=2&zulu=1"),
        (b"b=2&a=1&b=1", "a=1&b=2&b=1"),
        (b"foo", "foo="),
        (b"foo=a%20b", "foo=a+b"),
        (b"foo=%c3%a9", "foo=%C3%A9"),
        (b"foo=%FF", "foo=%EF%BF%BD"),
        (b"month__in=1,2", "month__in=1%2C2"),
        (b"user=/api/users/x/", "user=%2Fapi%2Fusers%2Fx%2F"),
        (b"foo=%0D%0AX-Evil:1", "foo=%0D%0AX-Evil%3A1"),
        (b'a>,<b=">;rel="next"', "a%3E%2C%3Cb=%22%3E%3Brel%3D%22next%22"),
        (b"page=1&page=2&page=9", ""),
    ],
)
def test_a_link_echoes_what_the_client_sent_and_escapes_it(query: bytes, echoed: str) -> None:
    links = link_header(URL, read_query(query), 1, 1)

    address = f"{URL}?{echoed}" if echoed else URL
    assert links == f'<{address}>; rel="first", <{address}>; rel="last"'
