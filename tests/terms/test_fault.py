"""A fault is said in one line, and nothing in it can steer a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.fault import Fault, shown


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (Fault("report.json", "the document is empty"), "report.json: the document is empty"),
        (
            Fault("report.json", "it is cut off", place="byte 17"),
            "report.json: byte 17: it is cut off",
        ),
        (
            Fault("r.json", "Expected `int`", "climate.brics", '$.reports["2026-09-01"]'),
            'r.json: climate.brics: $.reports["2026-09-01"]: Expected `int`',
        ),
    ],
)
def test_a_fault_names_the_document_the_project_the_place_and_what_is_wrong(
    fault: Fault, line: str
) -> None:
    assert str(fault) == line


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("alice", "'alice'"),
        ("it's", '"it\'s"'),
        ("two\nlines", r"'two\nlines'"),
        ("\x1b[2J", r"'\x1b[2J'"),
        ("x" * 65, f"'{'x' * 64}…'"),
    ],
)
def test_text_from_outside_is_quoted_and_cut(text: str, quoted: str) -> None:
    assert shown(text) == quoted


@given(st.text(st.characters()))
def test_what_is_shown_is_short_and_printable(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= 65 * len(r"\U0010ffff") + 2
