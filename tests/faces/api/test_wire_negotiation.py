"""What the client takes, which methods there are, and what the server calls itself."""

import pytest

from nodehours.faces.api.wire import (
    ALLOW,
    BadHost,
    NotAcceptable,
    NotFound,
    absolute_base,
    method_refusal,
    options_body,
    read_accept,
)


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "application/json",
        "Application/JSON",
        "application/*",
        "*/json",
        "application/json; charset=utf-8",
        "application/json; indent=4",
        "application/json;q=0",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/csv , application/json",
    ],
)
def test_json_is_taken_by(accept: str | None) -> None:
    read_accept(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*",
        "application",
        "application/xml",
        "text/html",
        "text/csv",
        "text/json",
        "garbage",
        "application/vnd.api+json",
        "application/jsonp",
    ],
)
def test_json_is_not_taken_by(accept: str) -> None:
    with pytest.raises(NotAcceptable) as refused:
        read_accept(accept)

    assert refused.value.status == 406
    assert refused.value.body == {"detail": "Could not satisfy the request Accept header."}


@pytest.mark.parametrize("format_parameter", [None, "", "json"])
def test_a_format_of_json_or_none_changes_nothing(format_parameter: str | None) -> None:
    read_accept("*/*", format_parameter)


@pytest.mark.parametrize("format_parameter", ["xml", "csv", "api", "JSON", " json", "\0"])
def test_another_format_is_not_there_whatever_is_accepted(format_parameter: str) -> None:
    for accept in (None, "application/json", "text/html"):
        with pytest.raises(NotFound) as refused:
            read_accept(accept, format_parameter)
        assert (refused.value.status, refused.value.body) == (404, {"detail": "Not found."})


def test_staff_learn_that_there_is_nothing_to_write_to() -> None:
    refusal = method_refusal("POST", is_staff=True)

    assert refusal.status == 405
    assert refusal.body == {"detail": 'Method "POST" not allowed.'}
    assert ALLOW == "GET, HEAD, OPTIONS"


def test_everybody_else_learns_that_they_may_not_write() -> None:
    refusal = method_refusal("DELETE", is_staff=False)

    assert refusal.status == 403
    assert refusal.body == {"detail": "You do not have permission to perform this action."}


def test_a_method_with_braces_is_named_as_it_is() -> None:
    body = method_refusal("{status}", is_staff=True).body

    assert body == {"detail": 'Method "{status}" not allowed.'}


def test_options_tell_the_list_from_a_row() -> None:
    assert options_body("Allocation User Usage", of_member=False) == {
        "name": "Allocation User Usage List",
        "description": "",
        "renders": ["application/json"],
        "parses": [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ],
    }
    assert (
        options_body("Allocation User Usage", of_member=True)["name"]
        == "Allocation User Usage Instance"
    )


@pytest.mark.parametrize(
    ("scheme", "host", "forwarded_proto", "base"),
    [
        ("http", "hpc.example", None, "http://hpc.example"),
        ("https", "hpc.example", None, "https://hpc.example"),
        ("http", "hpc.example:8000", None, "http://hpc.example:8000"),
        ("http", "[::1]:8000", None, "http://[::1]:8000"),
        ("http", "my_host-1", None, "http://my_host-1"),
        ("http", "hpc.example", "https", "https://hpc.example"),
        ("http", "hpc.example", " HTTPS ", "https://hpc.example"),
        ("http", "hpc.example", "https, http", "https://hpc.example"),
        ("http", "hpc.example", "http, https", "http://hpc.example"),
        ("https", "hpc.example", "http", "http://hpc.example"),
        ("http", "hpc.example", "javascript", "http://hpc.example"),
    ],
)
def test_addresses_begin_with(
    scheme: str, host: str, forwarded_proto: str | None, base: str
) -> None:
    assert absolute_base(scheme, host, forwarded_proto) == base


@pytest.mark.parametrize(
    "host",
    ["", "a b", "a,b", 'a"b', "a>b", "<a", "a/b", "a\r\nX: y", "a\n", "user@host", "höst", "a%2Cb"],
)
def test_no_address_is_made_of_a_host_that_could_break_a_header(host: str) -> None:
    with pytest.raises(BadHost) as refused:
        absolute_base("https", host, None)

    assert refused.value.status == 400
    assert refused.value.body == {"detail": "Invalid Host header."}
