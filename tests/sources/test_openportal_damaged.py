"""Damaged reports: nothing raises, nothing is read from a report that is cut off, and nothing is read wrong."""

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from nodehours.terms.fault import Fault
from nodehours.terms.usage import ProjectUsage
from tests.sources.damage import PORTAL, PROJECT, damaged, odd
from tests.sources.differences import laxer, stricter
from tests.sources.wheel import fault, read, read_one, same_as_wheel, wheel_reports


@pytest.mark.parametrize("text", [PROJECT, PORTAL], ids=["project", "portal"])
def test_a_report_that_is_cut_off_at_any_byte_gives_one_fault_and_no_project(text: str) -> None:
    whole = text.encode()

    for length in range(len(whole)):
        found = fault(whole[:length])
        assert found.sentence.startswith("not JSON: ")
        assert found.place is not None
        assert int(found.place.removeprefix("byte ")) <= length


@pytest.mark.parametrize("text", [PROJECT, PORTAL], ids=["project", "portal"])
def test_a_report_that_lacks_any_of_its_marks_gives_a_fault(text: str) -> None:
    for at in (at for at, character in enumerate(text) if character in '{}[]",:'):
        assert any(isinstance(item, Fault) for item in read(text[:at] + text[at + 1 :]))


@given(st.binary())
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"\x00" * 9)
@example('{"project": "a.b", "reports": {}}'.encode("utf-16"))
def test_any_bytes_are_refused(content: bytes) -> None:
    assert fault(content).document == "report.json"


@given(damaged() | odd())
def test_a_damaged_report_raises_nothing_and_faults_say_where_in_one_printable_line(
    content: bytes,
) -> None:
    for item in read(content):
        if isinstance(item, Fault):
            assert str(item).isprintable()
            assert item.sentence
            assert item.place


@settings(max_examples=400)
@given(damaged() | odd())
@example(PROJECT.encode())
@example(PROJECT.replace("7200", "-0").encode())
@example(PROJECT.replace("7200", str(2**63)).encode())
@example(PROJECT.replace('{"seconds": 7200}', "[7200]").encode())
@example(PROJECT.replace("2026-09-01", "+2026-09-01").encode())
@example(PROJECT.replace('"alice.a.b"', '"alice.c.b"').encode())
@example(PROJECT.replace("unknown", "älice").encode())
@example(PROJECT.replace("unknown", "\\u0000").encode())
@example(PORTAL.replace('"c.b": {', '" a.b": {"reports": {}, ').replace('"c.b"', '"a.b"').encode())
def test_what_is_read_is_what_the_package_reads_and_what_is_refused_has_a_known_reason(
    content: bytes,
) -> None:
    items = read(content)
    faults = [item for item in items if isinstance(item, Fault)]
    text = content.decode(errors="replace")
    is_text = text.encode() == content
    by_wheel = wheel_reports(text) if is_text else None
    if by_wheel is None:
        event("the package refuses it")
        assert faults or laxer(text)
        return
    usages = {str(item.project): item for item in items if isinstance(item, ProjectUsage)}
    assert usages.keys() <= by_wheel.keys()
    assert all(same_as_wheel(usage, by_wheel[project]) for project, usage in usages.items())
    if faults:
        event("nodehours is stricter")
        assert stricter(text)
    else:
        event("both read it")
        assert usages.keys() == by_wheel.keys()


STRICTER: list[tuple[str, str, str]] = [
    ("7200", str(2**63), "a figure from 2**63 on"),
    ('{"seconds": 7200}', "[7200]", "an array in place of an object"),
    ("2026-09-01", "+2026-09-01", "a day with a sign"),
    ("2026-09-01", "2026- 9- 1", "a day with a sign or blanks inside"),
    ('"2026-09-01"', '"2026-9-1": {}, "2026-09-01"', "a day stands twice"),
    ('"alice.a.b"', '"alice.c.b"', "a user of another project"),
    ('"alice.a.b"', '"alice.a.b ": "x", "alice.a.b"', "a user stands twice"),
    ("unknown", "älice", "a key stands twice"),
    ("unknown", "\\u001b[2J", "a name that is empty, too long, or has"),
    ("unknown", "", "a name that is empty"),
    ("unknown", "x" * 256, "a name that is empty, too long"),
    ('"2026-09-01"', '"2026-09-02": {"quotas": 1}, "2026-09-01"', "a day of another kind"),
    ('"project"', '"later": ' + "[" * 10**5 + "]" * 10**5 + ', "project"', "nested too deeply"),
]


@pytest.mark.parametrize(("old", "new", "reason"), STRICTER, ids=[r for _, _, r in STRICTER])
def test_where_nodehours_is_stricter_than_the_package_it_is_so_on_purpose(
    old: str, new: str, reason: str
) -> None:
    text = PROJECT.replace(old, new)
    assert wheel_reports(text) is not None

    assert fault(text).project == "a.b"
    assert any(why.startswith(reason) for why in stricter(text))


def test_where_nodehours_is_laxer_than_the_package_no_figure_can_be_wrong() -> None:
    text = PROJECT.replace("7200", "-0")
    assert wheel_reports(text) is None

    (day,) = read_one(text).days.values()

    assert laxer(text)
    assert day.usage["älice"].node_seconds == 0
