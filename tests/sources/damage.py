"""Reports with damage: to their bytes, and to what they say while they stay sound JSON."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.sources.written import documents

PROJECT = """{"users": {"alice.a.b": "älice"}, "project": "a.b", "reports": {
    "2026-09-01": {"reports": {"älice": {"seconds": 7200}, "unknown": {"seconds": 1}},
                   "components": {"cpu": {"älice": {"seconds": 90}}}, "is_complete": true}}}"""
PORTAL = f'{{"reports": {{"a.b": {PROJECT}, "c.b": {{"project": "c.b", "reports": {{}}}}}}, "portal": "b"}}'

# What a damaged report is likely to have in the wrong place, and what could mislead a reader of JSON.
SNIPPETS = [
    *'{}[]",:\\ 0-1.e+', "\n", "\f", "\0", "\ufeff", "ä", "null", "true", "NaN", "Infinity", "-0",
    "0x1", "1e999", "9223372036854775808", "18446744073709551616", '"', '\\"', '\\"', "\\u0022",
    "\\ud800", "\\u0000", '"project"', '"reports"', '"users"', '"portal"', '"seconds":', '"a.b"',
    '"2026-09-01":', '"2026-9-1":{},', '" 2026-09-01 ":{},', '"+2026-9-1":{},', '{"seconds":1}',
    "[1]", "[]", "{}", ",", "//", "/**/", "'", '"x":{"seconds":2},', '"x":[2],', '"y":"y",',
]  # fmt: skip
RAW = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\x80"]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A report with a few places damaged: some bytes gone, new, changed, or there twice."""
    text = draw(st.sampled_from([PROJECT, PORTAL]) | documents()).encode()
    snippets = st.sampled_from([s.encode() for s in SNIPPETS]) | st.sampled_from(RAW)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 1, 2, 5, 20])))
        middle = draw(snippets | st.binary(max_size=3) | st.just(text[start:end] * 2))
        text = text[:start] + middle + text[end:]
    return text


ODD: list[Any] = [
    None, True, False, 0, -1, 1.0, 1e3, 2**63 - 1, 2**63, 2**64 - 1, 2**64, "", "1", "x", "\0", "ä",
    [], [5], [{}], {}, {"seconds": 2}, {"seconds": None}, {"x": {"seconds": 2}}, {"x": [2]},
    {"2026-09-01": {}}, {"2026-9-01 ": {}, " 2026-09-1": {}}, {"2026-09-31": {}}, {"x.y.brics": "z"},
]  # fmt: skip
NAMES = ["project", "portal", "reports", "users", "seconds", "components", "is_complete", "num_jobs",
         "a.b", "x", "", "2026-09-01", "2026-9-1", " 2026-09-01", "u.a.b", "u.a.b ", "\x1b"]  # fmt: skip


@st.composite
def odd(draw: st.DrawFn) -> bytes:
    """A report that is sound JSON, with a few values and names that may not be right where they stand."""
    plain = json.loads(draw(st.sampled_from([PROJECT, PORTAL]) | documents()))
    for _ in range(draw(st.integers(1, 2))):
        inside = plain
        while isinstance(inside, dict) and inside:
            key = draw(st.sampled_from(sorted(inside)))
            if not isinstance(inside[key], dict) or draw(st.integers(0, 3)) == 0:
                match draw(st.sampled_from(["value", "value", "key", "both", "none"])):
                    case "value":
                        inside[key] = deepcopy(draw(st.sampled_from(ODD)))
                    case "key":
                        inside[draw(st.sampled_from(NAMES))] = inside.pop(key)
                    case "both":
                        inside[draw(st.sampled_from(NAMES))] = deepcopy(inside[key])
                    case _:
                        del inside[key]
                break
            inside = inside[key]
    return json.dumps(plain, ensure_ascii=draw(st.booleans())).encode()
