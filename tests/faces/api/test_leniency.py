"""What is said in vain: Prefer read, what was ignored told, and refused for who wants to hear of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.faces.api.leniency import page_size_fault, prefers_strict, read_vain
from nodehours.faces.api.order import read_order
from nodehours.faces.api.paging import read_page_size
from nodehours.faces.api.wire import read_query
from nodehours.terms.row import OrderBy

UNKNOWN = "Unknown parameter."


@pytest.mark.parametrize(
    "headers",
    [
        ["handling=strict"],
        ["Handling = STRICT"],
        ['handling="strict"'],
        ["respond-async, wait=100, handling=strict"],
        ["return=minimal; foo=bar, handling=strict;x=y"],
        ["respond-async", "handling=strict"],
        ["handling=strict, handling=lenient"],
    ],
)
def test_strict_handling_is_asked_for(headers: list[str]) -> None:
    assert prefers_strict(headers)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["handling"],
        ["handling="],
        ["handling=lenient"],
        ["handling=lenient, handling=strict"],
        ["x-handling=strict"],
        ["handling=strictly"],
        ["foo; handling=strict"],
        ["foo=handling=strict"],
        ["strict"],
        ["\xff=strict"],
    ],
)
def test_strict_handling_is_not_asked_for(headers: list[str]) -> None:
    assert not prefers_strict(headers)


@given(st.lists(st.text(st.characters(codec="latin-1")), max_size=3))
def test_any_header_is_read(headers: list[str]) -> None:
    assert prefers_strict(headers) in {True, False}


def test_unknown_parameters_are_named_once_and_in_their_order() -> None:
    params = read_query(b"month=2&foo=1&bar=&foo=2&Month=3")
    vain = read_vain(params, {"month"}, {})

    assert vain.headers == {"X-Ignored-Parameters": "foo, bar, Month"}
    assert vain.refusals == dict.fromkeys(["foo", "bar", "Month"], UNKNOWN)


def test_nothing_in_vain_is_not_told() -> None:
    assert read_vain(read_query(b"month=2"), {"month"}, {}).headers == {}


def test_what_was_not_taken_as_it_is_is_named_but_for_the_page_size() -> None:
    vain = read_vain(read_query(b""), set(), {"page_size": "too large", "o": "no choice"})

    assert vain.headers == {"X-Ignored-Parameters": "o"}
    assert vain.refusals == {"page_size": "too large", "o": "no choice"}


@given(st.lists(st.text(), max_size=60))
def test_any_names_are_a_header_of_bounded_length(names: list[str]) -> None:
    params = {name: [""] for name in names}
    told = read_vain(params, set(), {}).headers.get("X-Ignored-Parameters", "")

    assert re.fullmatch(r"[\w.~%, -]*", told, re.ASCII)
    assert len(told) < 20 * (64 * 12 + 2) + 10


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (b"", None),
        (b"page_size=", None),
        (b"page_size=%202%20", None),
        (b"page_size=300", None),
        (b"page_size=301", "Ensure this value is less than or equal to 300."),
        (b"page_size=0", "Ensure this value is greater than or equal to 1."),
        (b"page_size=-1", "Ensure this value is greater than or equal to 1."),
        (b"page_size=abc", "A valid integer is required."),
        (b"page_size=2.0", "A valid integer is required."),
        (b"page_size=5&page_size=x", "A valid integer is required."),
    ],
)
def test_a_page_size_that_is_not_used_as_it_is_has_a_fault(
    query: bytes, sentence: str | None
) -> None:
    fault = page_size_fault(read_query(query), 300)

    assert fault == ({"page_size": sentence} if sentence else {})


@given(st.integers() | st.text())
def test_a_page_size_has_a_fault_just_when_another_is_used(size: int | str) -> None:
    params = {"page_size": [str(size)]}
    text = str(size).strip()
    used = str(read_page_size(params))

    if page_size_fault(params, 300):
        assert text != used
    elif text:
        assert int(text) == int(used)


KEYS = ("year", "username")


@pytest.mark.parametrize(
    ("query", "by", "faults"),
    [
        (b"", [], []),
        (b"o=", [], []),
        (b"o=year", ["year"], []),
        (b"o=-year,username", ["-year", "username"], []),
        (b"o=-year&o=username", ["-year", "username"], []),
        (b"o=%20year%20,,", ["year"], []),
        (b"o=year,-year,year", ["year"], []),
        (b"o=nope,year", ["year"], ["o"]),
        (b"o=--year", [], ["o"]),
        (b"o=Year", [], ["o"]),
        (b"ordering=year&order_by=year", [], []),
    ],
)
def test_an_order_is_read(query: bytes, by: list[str], faults: list[str]) -> None:
    order = read_order(read_query(query), KEYS)

    assert list(order.by) == [OrderBy(one.removeprefix("-"), one.startswith("-")) for one in by]
    assert list(order.faults) == faults
