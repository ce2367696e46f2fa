"""Waldur's usage rows, saved as JSON: read exactly, each once, and each fault with its place."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.waldur_rows import read_rows
from nodehours.terms.figure import Naming, StatedUsage
from nodehours.terms.month import Month

CLIMATE = "https://waldur.example/api/openportal-allocations/" + "c" * 32 + "/"
OCEAN = "https://waldur.example/api/openportal-allocations/" + "0" * 32 + "/"
NO_KEY = "Object missing required field"


def row(
    node_usage: object, username: str, allocation: str = CLIMATE, **other: Any
) -> dict[str, Any]:
    user = None if username == "unknown" else f"https://waldur.example/api/users/{username}/"
    return {
        "node_usage": node_usage, "month": 3, "year": 2026, "allocation": allocation,
        "user": user, "username": username, "full_name": "Ångström",
    } | other  # fmt: skip


def read(content: object) -> StatedUsage:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_rows(Document("rows.json", raw, bytes(32)))


def faults(content: object) -> list[str]:
    return [str(fault) for fault in read(content).faults]


def refusal(content: object) -> str:
    with pytest.raises(UnreadableError) as refused:
        read(content)
    return str(refused.value)


def test_rows_become_figures_of_the_projects_that_their_users_tell() -> None:
    told = read([
        row("780.08", "alice.climate.brics"), row("0.25", "unknown"), row("1.00", "bob.ocean.brics", OCEAN),
    ])  # fmt: skip

    assert [one[:4] for one in told.figures] == [
        ("climate.brics", Month(2026, 3), 2_808_288, "alice.climate.brics"),
        ("climate.brics", Month(2026, 3), 900, "unknown"),
        ("ocean.brics", Month(2026, 3), 3_600, "bob.ocean.brics"),
    ]
    assert told.naming is Naming.USER_IDENTIFIERS
    assert told.rounding == 18
    assert not told.faults


def test_nobodys_row_of_an_allocation_without_others_goes_by_the_allocations_uuid() -> None:
    (found,) = read([row("1.00", "unknown", OCEAN)]).figures

    assert (found.project, found.user) == ("0" * 32, "unknown")


def test_what_only_users_with_a_login_have_may_be_left_out() -> None:
    """Waldur leaves ``full_name`` out of nobody's row; other versions have other keys beside."""
    short = row("1.00", "unknown")
    del short["full_name"], short["user"]

    assert read([short, row("1", "a.b.c", extra={"anything": []})]).faults == ()


@pytest.mark.parametrize(
    ("written", "node_seconds"),
    [('"780.08"', 2_808_288), ("780.08", 2_808_288), ("12", 43_200), ("1e2", 360_000),
     ("2562047788015215.50", 9_223_372_036_854_775_800), ("0.30000000000000004", 1_080)],
)  # fmt: skip
def test_figures_are_exact_as_text_and_as_numbers(written: str, node_seconds: int) -> None:
    text = json.dumps([row("FIGURE", "a.b.c")]).replace('"FIGURE"', written)

    (found,) = read(text.encode()).figures

    assert found.node_seconds == node_seconds


def test_a_row_that_comes_twice_is_counted_once_and_is_a_fault() -> None:
    """A walk through Waldur's pages gives some rows twice and others never."""
    told = read([row("1.00", "a.b.c"), row("2.00", "d.b.c"), row("1.00", "a.b.c")])

    assert sum(one.node_seconds for one in told.figures) == 3 * 3_600
    assert [str(fault) for fault in told.faults] == [
        "rows.json: $[2]: the row of 'a.b.c' stands here a second time"
    ]


def test_rows_of_one_user_in_other_months_and_allocations_are_other_rows() -> None:
    rows = [
        row("1", "a.b.c"),
        row("1", "a.b.c", month=4),
        row("1", "a.b.c", year=2025),
        row("1", "a.b.c", OCEAN),
    ]

    assert read(rows).faults == ()


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (7, "$[1]: Expected `object`, got `int`"),
        ({}, f"$[1]: {NO_KEY} `node_usage`"),
        (row(None, "a.b.c"), "$[1].node_usage: Expected `decimal`, got `null`"),
        (row("much", "a.b.c"), "$[1].node_usage: Invalid decimal string"),
        (row("-1.00", "a.b.c"), "$[1]: '-1.00' cannot be usage, which is 0 or more"),
        (row("NaN", "a.b.c"), "$[1]: 'NaN' cannot be usage, which is 0 or more"),
        (row("Infinity", "a.b.c"), "$[1]: 'Infinity' cannot be usage, which is 0 or more"),
        (row("1e999999", "a.b.c"), "$[1]: '1E+999999' is larger or finer than any usage"),
        (row("1e-999999", "a.b.c"), "$[1]: '1E-999999' is larger or finer than any usage"),
        (row("1", "a.b.c", month=13), "$[1]: month must be 1 to 12, not 13"),
        (row("1", "a.b.c", month="3"), "$[1].month: Expected `int`, got `str`"),
        (row("1", "a.b.c", year=10**9), "$[1]: '1000000000' is outside the years 1970 to 2200"),
        (row("1", "a.b.c", year=1969), "$[1]: '1969' is outside the years 1970 to 2200"),
        (row("1", "a\nb"), r"$[1]: 'a\nb' cannot be a user (1 to 255 printable characters)"),
        (row("1", "a.b.c", "here"), "$[1]: 'here' is not the address of an allocation"),
        (row("1", "a.b.c", None), "$[1].allocation: Expected `str`, got `null`"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_costs_no_other(bad: object, fault: str) -> None:
    told = read([row("1.00", "d.b.c"), bad, row("2.00", "e.b.c")])

    assert [one.user for one in told.figures] == ["d.b.c", "e.b.c"]
    assert [str(one) for one in told.faults] == [f"rows.json: {fault}"]


def test_a_key_that_stands_twice_in_a_row_is_a_fault() -> None:
    text = json.dumps([row("1.00", "a.b.c")]).replace('"month": 3', '"month": 3, "month": 4')

    assert faults(text.encode()) == [
        "rows.json: $[0].month: the key 'month' stands twice in one object"
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{}", "not an array of usage rows, but an object with the keys "),
        (b'{"detail": "Invalid token."}', "not an array of usage rows, but an object with the keys 'detail'"),
        (b"7", "not an array of usage rows"),
        (b"[1, 2", "byte "),
        (b"<html>", "byte 0: not JSON"),
        (b"[" * 100_000, "$: nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_array_of_rows_is_refused(content: bytes, sentence: str) -> None:
    assert refusal(content).startswith(sentence)


def test_an_empty_array_states_nothing() -> None:
    told = read([])

    assert (told.figures, told.faults, told.months) == ([], (), frozenset())


def test_a_byte_order_mark_is_left_aside() -> None:
    content = codecs.BOM_UTF8 + json.dumps([row("1.00", "a.b.c")]).encode()

    assert len(read(content).figures) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*row("1", "a")]), inner),
        max_leaves=20,
    ).map(lambda value: [value])
)
def test_no_json_does_anything_but_faults(content: Any) -> None:
    """None of these is a whole row."""
    text = (
        json.dumps(content).replace("NaN", "0").replace("-Infinity", "0").replace("Infinity", "0")
    )
    told = read(text.encode())

    assert len(told.figures) + len(told.faults) == 1
    assert all(str(fault).startswith("rows.json: $[0]") for fault in told.faults)
