"""Which usage rows a query asks for."""

from urllib.parse import quote
from uuid import UUID

import pytest

from nodehours.faces.api.filters import read_filters
from nodehours.faces.api.forms import BadFilters, UnresolvableUrl
from nodehours.faces.api.wire import Sentence, read_query
from nodehours.terms.row import UsageFilter

HEX = "a181239cfd1d54fa95a7bb71e1e61a77"
HERS = UUID(HEX)
OTHER = UUID("ce4415a62b0455708f49707d89e62937")
EVERYTHING = UsageFilter()
NOTHING = None


def filters(**values: str) -> UsageFilter | None:
    return read_filters({name: [value] for name, value in values.items()})


def errors(**values: str) -> dict[str, list[str]]:
    with pytest.raises(BadFilters) as refused:
        filters(**values)
    assert refused.value.status == 400
    assert refused.value.body == refused.value.errors
    return refused.value.errors


# ------------------------------------------------------------------------------- all of them


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"allocation=&allocation_uuid=&user=&user_uuid=&month=&year=",
        b"allocation=%20&allocation_uuid=+&user=%09&user_uuid=%E2%80%83",
        b"month__gte=12&month__in=1,2&month[]=2&Month=2&search=x&o=-year&field=id",
        b"month=2&month=",
    ],
)
def test_blank_and_unknown_parameters_do_not_narrow(query: bytes) -> None:
    assert read_filters(read_query(query)) == EVERYTHING


@pytest.mark.parametrize("text", [" ", "  ", "\n", "\t", "\u2003"])
def test_white_space_alone_is_no_number(text: str) -> None:
    """As with Django's fields for numbers, which only the empty text leaves empty."""
    assert errors(month=text, year=text) == {
        "month": ["Enter a number."],
        "year": ["Enter a number."],
    }


def test_filters_hold_together() -> None:
    found = filters(year="2024", month="2", allocation_uuid=HEX, user_uuid=OTHER.hex)

    assert found == UsageFilter(allocation=HERS, user=OTHER, year=2024, month=2)


def test_the_last_of_a_repeated_filter_counts() -> None:
    assert read_filters(read_query(b"month=abc&month=1&month=2")) == UsageFilter(month=2)


def test_all_bad_values_are_named_at_once_in_the_order_of_declaration() -> None:
    found = errors(
        year="x", month="y", user_uuid="z", user="\0", allocation_uuid="5", allocation="/\0/"
    )

    assert list(found.items()) == [
        ("allocation", ["Null characters are not allowed."]),
        ("allocation_uuid", ["Enter a valid UUID."]),
        ("user", ["Null characters are not allowed."]),
        ("user_uuid", ["Enter a valid UUID."]),
        ("month", ["Enter a number."]),
        ("year", ["Enter a number."]),
    ]


def test_a_bad_value_wins_over_an_unresolvable_address_and_that_over_an_impossible_value() -> None:
    assert errors(allocation="/nope/", year="13", month="abc") == {"month": ["Enter a number."]}
    with pytest.raises(UnresolvableUrl):
        filters(allocation_uuid=OTHER.hex, user="/nope/", month="13")


# ----------------------------------------------------------------------------- month and year


@pytest.mark.parametrize(
    "text",
    ["2", "2.0", " 2 ", "+2", "02", "2e0", "2.5", "2.9", "0.2e1", "٢", "２", "2." + "0" * 5000],  # noqa: RUF001  # full-width and Arabic digits are the point
)
def test_a_month_is_any_decimal_number_cut_to_its_whole_part(text: str) -> None:
    assert filters(month=text) == UsageFilter(month=2)


@pytest.mark.parametrize(
    ("text", "year"),
    [("2024", 2024), ("2024.5", 2024), ("2_4", 24), ("13", 13), ("32767.9", 32767), ("-0.9", 0)],
)
def test_a_year_is_any_decimal_number_a_smallint_holds(text: str, year: int) -> None:
    assert filters(year=text) == UsageFilter(year=year)


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "13", "2_2", "2.024e3", "32767", "32768", "0.9", "1" + "0" * 49, "1e50", "1e-999"],
)
def test_a_month_outside_the_calendar_matches_nothing(text: str) -> None:
    assert filters(month=text) == NOTHING


@pytest.mark.parametrize("text", ["-1", "32768", "99999999999", "1e50", "-1e60", "-1e999999999"])
def test_a_year_outside_smallint_matches_nothing_and_goes_no_further(text: str) -> None:
    assert filters(year=text, month="2") == NOTHING


@pytest.mark.parametrize(
    "text",
    ["abc", "1,2", "2,024", "0x2", "true", "None", "--1", "1e", ".", "1e99999999999999999999"],
)
def test_what_is_no_number_is_bad(text: str) -> None:
    assert errors(month=text, year=text) == {
        "month": ["Enter a number."],
        "year": ["Enter a number."],
    }


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-inf", "\0", "2\0", "\ufffd"])
def test_what_is_not_finite_or_not_text_is_bad(text: str) -> None:
    assert errors(month=text) == {"month": ["Enter a number."]}


@pytest.mark.parametrize("text", ["1" + "0" * 51, "1e51", "1e60", "1e999999999"])
def test_a_number_beyond_ten_to_the_fiftieth_is_bad(text: str) -> None:
    assert errors(year=text) == {"year": ["Ensure this value is less than or equal to 1e+50."]}


# --------------------------------------------------------------------------------------- uuids


@pytest.mark.parametrize(
    "text",
    [
        HEX,
        HEX.upper(),
        str(HERS),
        f" {HEX} ",
        f"{{{HERS}}}",
        f"urn:uuid:{HERS}",
        "-".join(HEX[at : at + 4] for at in range(0, 32, 4)),
    ],
)
def test_a_uuid_is_whatever_python_takes_for_one(text: str) -> None:
    assert filters(allocation_uuid=text) == UsageFilter(allocation=HERS)
    assert filters(user_uuid=text) == UsageFilter(user=HERS)


@pytest.mark.parametrize(
    "text",
    ["abc", HEX[:-1], HEX + "0", "null", "5", "\0", f"{HEX},{HEX}", f"/api/users/{HEX}/", "g" * 32],
)
def test_what_is_no_uuid_is_bad(text: str) -> None:
    assert errors(allocation_uuid=text) == {"allocation_uuid": ["Enter a valid UUID."]}
    assert errors(user_uuid=text) == {"user_uuid": ["Enter a valid UUID."]}


# ----------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "url",
    [
        f"https://hpc.example/api/openportal-allocations/{HEX}/",
        f"https://elsewhere.example.net/api/openportal-allocations/{HEX}/",
        f"/api/openportal-allocations/{HEX}/",
        f"  /api/openportal-allocations/{HEX}/  ",
        f"//hpc.example/api/openportal-allocations/{HEX}/",
        f"ftp://hpc.example:99999/api/openportal-allocations/{HEX}/?month=2#top",
        f"https://hpc.example/api/openportal-allocations/{HERS}/",
        f"https://hpc.example/api/openportal-allocations/{HEX.upper()}/",
    ],
)
def test_only_the_path_of_an_allocations_address_counts(url: str) -> None:
    assert filters(allocation=url) == UsageFilter(allocation=HERS)


def test_a_users_address_names_the_user() -> None:
    assert filters(user=f"https://hpc.example/api/users/{HEX}/") == UsageFilter(user=HERS)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"/api/users/{HEX}/", id="another kind of thing"),
        pytest.param("/api/users/me/", id="the reader, who is no allocation"),
        pytest.param("/api/openportal-allocations/", id="the list"),
        pytest.param("/api/openportal-allocations/xyz/", id="a member whose uuid is none"),
        pytest.param("/api/openportal-allocation-user-usage/1/", id="a usage row"),
        pytest.param("/api/openportal-project-usage-reports/1/", id="a report"),
        pytest.param(f"/api/openportal-accounting-summary/{HEX}/", id="a summary"),
        pytest.param(f"/api/openportal-associations/{HEX}/", id="an association"),
        pytest.param(f"/api/customers/{HEX}/", id="a customer"),
        pytest.param("/api/projects/", id="the projects"),
        pytest.param("/api/", id="the root of the API"),
        pytest.param("/api/version/", id="the version"),
        pytest.param("https://hpc.example/", id="the front page"),
        pytest.param("https://hpc.example", id="a host without a path"),
        pytest.param(HEX, id="a bare uuid"),
        pytest.param(str(HERS), id="a bare uuid with hyphens"),
        pytest.param("xyz", id="text"),
        pytest.param(f"api/openportal-allocations/{HEX}/", id="a relative path"),
        pytest.param("http://[::1/api/", id="a host that is none"),
        pytest.param(f"http://[::1/api/openportal-allocations/{HEX}/", id="a good path after it"),
    ],
)
def test_an_address_of_no_allocation_matches_nothing(url: str) -> None:
    assert filters(allocation=url) == NOTHING


@pytest.mark.parametrize("url", ["/api/users/me/", f"/api/openportal-allocations/{HEX}/", HEX])
def test_an_address_of_no_user_matches_nothing(url: str) -> None:
    assert filters(user=url) == NOTHING


@pytest.mark.parametrize(
    "path",
    [
        "/nope/",
        "/api/nope/",
        "/api",
        f"/api/openportal-allocations/{HEX}",
        f"/api/openportal-allocations/{HEX}.json/",
        f"/api/openportal-allocations/{HEX}//",
        f"/api/openportal-allocations/{HEX}/pull/",
        f"/api/version/{HEX}/",
        f"//api/openportal-allocations/{HEX}/",
    ],
)
def test_an_address_that_leads_nowhere_is_not_found(path: str) -> None:
    for name in ("allocation", "user"):
        with pytest.raises(UnresolvableUrl) as refused:
            filters(**{name: path})
        assert (refused.value.status, refused.value.body) == (404, {"detail": "Not found."})


def test_an_address_with_a_nul_is_bad_wherever_it_leads() -> None:
    sentence = Sentence.NULL_CHARACTERS.text

    assert errors(allocation="/api/\0/") == {"allocation": [sentence]}
    assert errors(user="http://[::1/\0") == {"user": [sentence]}


# ------------------------------------------------------------------------- two ways to say one


def test_an_address_and_a_uuid_that_agree_are_one_filter() -> None:
    url = f"/api/openportal-allocations/{HEX}/"

    assert filters(allocation=url, allocation_uuid=HEX) == UsageFilter(allocation=HERS)


def test_an_address_and_a_uuid_that_disagree_match_nothing() -> None:
    url = f"/api/openportal-allocations/{HEX}/"

    assert filters(allocation=url, allocation_uuid=OTHER.hex) == NOTHING
    assert filters(user=f"/api/users/{HEX}/", user_uuid=OTHER.hex, year="2024") == NOTHING


def test_the_nil_uuid_is_a_filter_like_another() -> None:
    nil = UUID(int=0)

    assert filters(allocation_uuid=nil.hex) == UsageFilter(allocation=nil)
    assert filters(allocation_uuid=nil.hex, allocation=f"/api/users/{HEX}/") == NOTHING


def test_an_address_survives_the_query_string() -> None:
    url = quote(f"https://hpc.example/api/users/{HEX}/", safe="")

    assert read_filters(read_query(f"user={url}".encode())) == UsageFilter(user=HERS)
