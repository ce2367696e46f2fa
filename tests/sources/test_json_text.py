"""JSON text looked at without being decoded, and decoded strictly: the json module is the model."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodehours.sources.json_text import (
    FaultyError,
    Member,
    decoded,
    members,
    repeated,
    step,
)

# Text that looks like the end of a key, of a string or of an object, inside strings.
tricky = st.sampled_from(
    ['":', ":", '"', "\\", '\\"', "{", "}", "]", ",", '{"seconds": 1}', "é", "😀"]
)
strings = st.lists(tricky | st.text(max_size=3), max_size=3).map("".join)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | strings
floats = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | floats | st.builds(lambda n: {"seconds": n}, st.integers(0, 9)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=12,
)
layouts = st.fixed_dictionaries(
    {
        "indent": st.sampled_from([None, 0, 1, "\t"]),
        "ensure_ascii": st.booleans(),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,\r\n", "\t: ")]),
    }
)
objects = st.dictionaries(strings, values, max_size=5)
# An object as pairs, so that keys can be repeated; and such objects in one another.
pairs = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(st.tuples(st.sampled_from(["a", "b", '":', "é"]), inner), max_size=3).map(tuple)
    ),
    max_leaves=10,
)


def written(value: Any, *, ascii_only: bool) -> str:
    """Write a value in which tuples of pairs are objects."""
    if isinstance(value, tuple):
        inside = (
            f"{json.dumps(key, ensure_ascii=ascii_only)}: {written(inner, ascii_only=ascii_only)}"
            for key, inner in value
        )
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(inner, ascii_only=ascii_only) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def read_by_json(text: bytes) -> tuple[Any, list[bool]]:
    """Decode with json, and tell of each object whether a key stands twice in it; the outermost is the last."""
    repeating: list[bool] = []

    def read_object(found: list[tuple[str, Any]]) -> dict[str, Any]:
        repeating.append(len({key for key, _ in found}) < len(found))
        return dict(found)

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    plain = json.loads(text.decode(), object_pairs_hook=read_object, parse_constant=refuse)
    json.dumps(plain, ensure_ascii=False).encode()  # raises when there is half of a character
    return plain, repeating


def is_object_of_good_values(text: bytes) -> bool:
    try:
        plain, repeating = read_by_json(text)
    except ValueError:
        return False
    return isinstance(plain, dict) and not any(repeating[:-1])


def refusal(text: str) -> FaultyError | None:
    try:
        decoded(text.encode())
    except FaultyError as error:
        return error
    return None


def refusal_of_members(text: bytes) -> FaultyError | None:
    try:
        for member in members(text):
            decoded(text[member.start : member.end], member.start)
    except FaultyError as error:
        return error
    return None


@given(objects, layouts, st.text(" \t\r\n"), st.text(" \t\r\n"))
def test_the_members_of_an_object_are_those_that_json_finds_in_its_order(
    plain: dict[str, Any], layout: dict[str, Any], before: str, after: str
) -> None:
    text = f"{before}{json.dumps(plain, **layout)}{after}".encode()

    found = list(members(text))

    assert [(m.key, json.loads(text[m.start : m.end])) for m in found] == list(plain.items())


@given(objects, layouts)
def test_a_value_is_found_without_the_blanks_around_it(
    plain: dict[str, Any], layout: dict[str, Any]
) -> None:
    text = json.dumps(plain, **layout).encode()

    for member in members(text):
        assert text[member.start : member.end] == text[member.start : member.end].strip()


@given(objects, objects, layouts)
def test_the_members_of_an_inner_object_are_found_between_its_start_and_its_end(
    outer: dict[str, Any], inner: dict[str, Any], layout: dict[str, Any]
) -> None:
    text = json.dumps({**outer, "inner": inner, "more": 1}, **layout).encode()
    (place,) = (member for member in members(text) if member.key == "inner")

    found = list(members(text, place.start, place.end))

    assert [(m.key, json.loads(text[m.start : m.end])) for m in found] == list(inner.items())


def test_repeated_members_are_all_found() -> None:
    found = list(members(b'{"a": 1, "a": 2}'))

    assert found == [Member("a", 6, 7), Member("a", 14, 15)]
    assert repeated(member.key for member in found) == ["a"]


@given(objects, layouts, st.data())
@example({}, {}, None)
def test_a_damaged_object_is_refused_or_each_of_its_values_is(
    plain: dict[str, Any], layout: dict[str, Any], data: st.DataObject | None
) -> None:
    """Members that are found, and values that can be decoded, make an object that is whole to json as well."""
    text = json.dumps(plain, **layout).encode()
    if data:
        at = data.draw(st.integers(0, len(text)))
        middle = data.draw(st.sampled_from([b"", *(bytes([c]) for c in b'{}[]",: \\0\f')]))
        text = text[:at] + middle + text[data.draw(st.integers(at, at + 2)) :]

    error = refusal_of_members(text)

    assert (error is None) == is_object_of_good_values(text)
    if error:
        assert error.place is not None
        assert error.place.startswith("$") or int(error.place.removeprefix("byte ")) <= len(text)


@given(values, layouts)
def test_what_is_decoded_is_what_json_decodes(plain: Any, layout: dict[str, Any]) -> None:
    assert decoded(json.dumps(plain, **layout).encode()) == plain


@given(pairs, st.booleans())
@example((("a", (("b", 1), ("b", 2))), ("a", '":')), True)
@example((("a", ['":', '":']), ("b", (("x", 1), ("x", 2)))), False)
def test_a_key_that_stands_twice_is_found_exactly_when_json_would_drop_something(
    value: Any, ascii_only: bool
) -> None:
    text = written(value, ascii_only=ascii_only)

    error = refusal(text)

    assert (error is not None) == any(read_by_json(text.encode())[1])
    assert error is None or "stands twice in one object" in error.sentence


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1, "a": 2}', "$.a"),
        ('{"a": 1, "\\u0061": 2}', "$.a"),
        ('[{}, {"x y": {"b": 1, "b": 1}}]', '$[1]["x y"].b'),
        ('{"a": {"b": 1, "b": 2}, "a": {}}', "$.a"),
        ('{"a": {"b": 1, "b": 2}, "c": {"d": {"e": 1, "e": 2}}}', "$.c.d.e"),
        ('{"": 1, "": 2}', '$[""]'),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_place(text: str, place: str) -> None:
    with pytest.raises(FaultyError, match="stands twice in one object") as refused:
        decoded(text.encode())

    assert refused.value.place == place


@pytest.mark.parametrize(
    ("text", "sentence", "place"),
    [
        (b"", "not JSON: expecting value", "byte 100"),
        (b'{"a": ', "not JSON: expecting value", "byte 106"),
        (b'{"a": tru}', "not JSON: expecting value", "byte 106"),
        (b'{"a": 01}', "not JSON: expecting ',' delimiter", "byte 107"),
        (b'{"a" 1}', "not JSON: expecting ':' delimiter", "byte 105"),
        (b'{"a": "b}', "not JSON: unterminated string", "byte 106"),
        (b'{"a": "\x00"}', "not JSON: invalid control character", "byte 107"),
        (b'{"a": "\\x"}', "not JSON: invalid \\escape", "byte 107"),
        (b'{"a": 1} {}', "not JSON: extra data", "byte 109"),
        (b'{"a": 1}\f', "not JSON: extra data", "byte 108"),
        ('{"ä": tru}'.encode(), "not JSON: expecting value", "byte 107"),
        (b'{"NaN": NaN}', "not JSON: NaN is no number", "byte 108"),
        (b'["\\"NaN", -Infinity]', "not JSON: -Infinity is no number", "byte 110"),
        (b'{"a": "\xff"}', "not UTF-8: invalid start byte", "byte 107"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8: invalid continuation byte", "byte 107"),
        (b"[" * 10**5, "nested too deeply", "$.here"),
        (b'{"a":' * 10**5, "nested too deeply", "$.here"),
        (b"[" * 10**5 + b"]" * 10**5, "nested too deeply", "$.here"),
        (b'{"a": {"b": ["\\ud800"]}}', "'\\ud800' holds half of a character", "$.here.a.b[0]"),
        (b'{"a": {"\\udfff": 1}}', "'\\udfff' holds half of a character", '$.here.a["\\udfff"]'),
    ],
    ids=lambda part: repr(part)[:40],
)  # fmt: skip
def test_what_is_no_json_is_refused_with_its_byte_in_the_document(
    text: bytes, sentence: str, place: str
) -> None:
    """The text begins at byte 100 of its document, and is at $.here in it."""
    with pytest.raises(FaultyError) as refused:
        decoded(text, 100, "$.here")

    assert (refused.value.sentence, refused.value.place) == (sentence, place)


@given(st.integers(), st.integers(20, 6000))
def test_a_number_of_any_length_is_read_and_stays_out_of_range(number: int, digits: int) -> None:
    """Python itself stops at 4300 digits, with an error that is no JSON error."""
    sign = "-" if number < 0 else ""
    long = int(decoded(f"{sign}1{'0' * digits}".encode()))

    assert decoded(str(number).encode()) == number if abs(number) < 10**23 else True
    assert long <= -(10**20) if sign else long >= 10**20


@pytest.mark.parametrize(
    ("key", "written_step"),
    [
        ("reports", ".reports"),
        ("_a1", "._a1"),
        ("2026-09-01", '["2026-09-01"]'),
        ("alice.climate", '["alice.climate"]'),
        ("müller", '["müller"]'),
        ('"', '["\\""]'),
        ("\x1b[2J", '["\\u001b[2J"]'),
        ("\x9b", '["\\u009b"]'),
        ("", '[""]'),
        ("x" * 256, '["' + "x" * 255 + '…"]'),
    ],
)
def test_a_step_to_a_member_is_written_so_that_it_can_be_pasted(
    key: str, written_step: str
) -> None:
    assert step(key) == written_step
    assert step(key).isprintable()
