"""What holds for every query, however odd."""

import re
from contextlib import suppress
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from nodehours.faces.api.filters import MONTHS, YEARS, read_filters
from nodehours.faces.api.forms import BadFilters, UnresolvableUrl
from nodehours.faces.api.paging import (
    LAST,
    InvalidPage,
    link_header,
    page_url,
    read_page,
    read_page_size,
)
from nodehours.faces.api.wire import (
    BadCredentials,
    BadHost,
    NotAcceptable,
    NotFound,
    Parameters,
    absolute_base,
    read_accept,
    read_credentials,
    read_query,
    read_row_id,
)
from nodehours.terms.row import UsageFilter

URL = "https://hpc.example/api/openportal-allocation-user-usage/"
NAMES = ["allocation", "allocation_uuid", "user", "user_uuid", "month", "year"]
LINK = re.compile(r'<([^<>]*)>; rel="(first|prev|next|last)"')

texts = st.text() | st.text("0123456789abcdef-_+.eE{}/: \0", max_size=40)
parameters = st.dictionaries(
    st.sampled_from([*NAMES, "page", "page_size"]) | texts,
    st.lists(texts, min_size=1, max_size=3),
    max_size=6,
)
raw_queries = st.binary() | st.lists(
    st.tuples(st.sampled_from([name.encode() for name in NAMES]), st.binary()), max_size=5
).map(lambda pairs: b"&".join(name + b"=" + value for name, value in pairs))


@st.composite
def places(draw: st.DrawFn) -> tuple[int, int]:
    """A page, and how many there are."""
    pages = draw(st.integers(1, 10**6))
    return draw(st.integers(1, pages)), pages


def links(header: str) -> dict[str, str]:
    """The addresses of a Link header by relation, read by splitting at commas."""
    matches = [LINK.fullmatch(part) for part in header.split(", ")]
    return {match[2]: match[1] for match in matches if match}


@given(parameters, places())
def test_every_link_carries_the_same_parameters_and_its_own_page(
    params: Parameters, place: tuple[int, int]
) -> None:
    page, pages = place
    wanted = {"first": 1, "prev": page - 1, "next": page + 1, "last": pages}
    found = links(link_header(URL, params, page, pages))

    assert list(found) == [name for name, number in wanted.items() if 1 <= number <= pages]
    for relation, address in found.items():
        echoed = dict(read_query(urlsplit(address).query.encode()))
        number = int(echoed.pop("page", ["1"])[0])
        assert number == wanted[relation]
        assert echoed == {name: values for name, values in params.items() if name != "page"}


@given(raw_queries, places())
def test_a_link_has_nothing_in_it_that_could_end_it(raw: bytes, place: tuple[int, int]) -> None:
    header = link_header(URL, read_query(raw), *place)

    for part in header.split(", "):
        match = LINK.fullmatch(part)
        assert match
        assert re.fullmatch(r"[A-Za-z0-9_.~:/?&=+%-]+", match[1])


@given(parameters, places())
def test_the_next_page_links_back_to_this_one(params: Parameters, place: tuple[int, int]) -> None:
    page, pages = place[0], place[1] + 1
    following = links(link_header(URL, params, page, pages))["next"]
    sent = read_query(urlsplit(following).query.encode())

    assert links(link_header(URL, sent, page + 1, pages))["prev"] == page_url(URL, params, page)


@given(raw_queries | st.just(b""))
def test_filters_are_read_or_refused_and_never_fail_otherwise(raw: bytes) -> None:
    check_filters(read_query(raw))


@given(parameters)
def test_filters_of_any_text_are_read_or_refused(params: Parameters) -> None:
    check_filters(params)


def check_filters(params: Parameters) -> None:
    with suppress(BadFilters, UnresolvableUrl):
        found = read_filters(params)
        asked = found or UsageFilter()
        assert asked.month is None or asked.month in MONTHS
        assert asked.year is None or asked.year in YEARS


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_number_up_to_the_limit_is_read_and_what_passes_fits_the_store(number: object) -> None:
    check_filters({"month": [str(number)], "year": [str(number)]})


@given(texts, texts)
def test_pages_are_read_or_invalid(page: str, page_size: str) -> None:
    params = {"page": [page], "page_size": [page_size]}

    assert 1 <= read_page_size(params) <= 300
    with suppress(InvalidPage):
        wanted = read_page(params)
        assert wanted is LAST or wanted >= 1


@given(st.sampled_from([b"", b"Token ", b"Bearer ", b"Bearer Token "]), st.binary())
def test_credentials_are_a_token_or_none_or_bad(scheme: bytes, rest: bytes) -> None:
    with suppress(BadCredentials):
        token = read_credentials(scheme + rest)
        assert token != ""


@given(texts)
def test_a_row_id_is_a_number_the_store_holds_or_refused(segment: str) -> None:
    with suppress(NotFound):
        row_id = read_row_id(segment)
        assert row_id is None or 0 < row_id < 2**63


@given(texts | st.none(), texts | st.none())
def test_an_accept_header_is_met_or_refused(
    accept: str | None, format_parameter: str | None
) -> None:
    with suppress(NotFound, NotAcceptable):
        read_accept(accept, format_parameter)


@given(texts, texts | st.none())
def test_no_base_of_an_address_can_break_a_header(host: str, forwarded_proto: str | None) -> None:
    with suppress(BadHost):
        base = absolute_base("https", host, forwarded_proto)
        assert not set(base) & set(',<>" \r\n')
