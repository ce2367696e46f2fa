"""The text of what a report says, taken out of it: values byte by byte, and told apart by what they say."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.sources.document import Document
from nodehours.sources.openportal import Record, Report, record_sha256
from nodehours.terms.usage import ProjectUsage
from tests.intake.files import portal, report

CLIMATE = report(
    "climate.brics", {f"2026-03-0{day}": {"al": day, "bö": 2} for day in (1, 2, 3)}, alice="al"
)
OCEAN = report("ocean.brics", {"2026-03-01": {"ca": 1}}, carol="ca")


def records(text: str) -> list[tuple[Any, Record]]:
    return list(Report(Document("report.json", text.encode(), b"")).records())


@pytest.mark.parametrize("content", [CLIMATE, portal(OCEAN, CLIMATE)], ids=["project", "portal"])
@given(numbers=st.sets(st.integers(0, 2)))
def test_a_record_of_some_days_is_a_report_of_these_days(
    content: dict[str, Any], numbers: set[int]
) -> None:
    usage, record = records(json.dumps(content, indent=1, ensure_ascii=False))[-1]
    wanted = {day for place, day in enumerate(sorted(usage.days)) if place in numbers}

    ((again, _),) = records(record.of_days(wanted).decode())

    assert again == ProjectUsage(usage.project, {day: usage.days[day] for day in wanted})


def test_a_project_of_a_portal_is_a_portals_report_of_its_own() -> None:
    text = json.dumps(portal(OCEAN, CLIMATE), indent=1)

    for usage, record in records(text):
        assert record.whole() in (
            b'{"portal": "brics", "reports": {"%s": %s}}' % (str(usage.project).encode(), value)
            for value in (_value(text, OCEAN), _value(text, CLIMATE))
        )


def _value(text: str, project: dict[str, Any]) -> bytes:
    """How the project's report stands in *text*, indented as it is there."""
    start = text.index("{", text.index(f'"{project["project"]}": {{'))
    return text[start : text.index("\n  }", start) + 4].encode()


@given(st.randoms(use_true_random=False))
def test_a_record_is_the_same_in_whatever_order_its_members_stand(chance: random.Random) -> None:
    one = json.dumps(portal(CLIMATE, OCEAN)).encode()
    other = json.dumps(_shuffled(portal(CLIMATE, OCEAN), chance), indent=2).encode()

    assert record_sha256(one) == record_sha256(other)


def _shuffled(value: Any, chance: random.Random) -> Any:
    if not isinstance(value, dict):
        return value
    keys = chance.sample(list(value), len(value))
    return {key: _shuffled(value[key], chance) for key in keys}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1}', b'{"a": 2}'),
        (b'{"a": 1}', b'{"a": 1} '[:-2]),
        (b'{"a": 1, "a": 2}', b'{"a": 2}'),
        (b'{"a": 1, "a": 2}', b'{"a": 3, "a": 2}'),
        (b"\xff", b"\xfe"),
        (b"[" * 100_000, b"[" * 100_001),
    ],
)
def test_what_says_something_else_is_another_record(one: bytes, other: bytes) -> None:
    assert record_sha256(one) != record_sha256(other)
