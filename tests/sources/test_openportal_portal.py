"""The report of a portal: a fault in one project stops no other, a fault in the whole stops all."""

import json
from typing import Any

import pytest

from nodehours.terms.fault import Fault
from nodehours.terms.usage import ProjectUsage
from tests.sources.wheel import NAME, fault, openportal, read

DAY = {"reports": {"alice": {"seconds": 7200}}, "is_complete": True}


def project(name: str, **changed: Any) -> dict[str, Any]:
    return {"project": name, "reports": {"2026-09-01": DAY}, "users": {}} | changed


def portal(**projects: Any) -> str:
    """Write a report of brics; projects are named ``climate__brics``."""
    reports = {name.replace("__", "."): inner for name, inner in projects.items()}
    return json.dumps({"portal": "brics", "reports": reports})


def names(items: list[ProjectUsage | Fault]) -> list[str | None]:
    return [str(item.project) for item in items if isinstance(item, ProjectUsage)]


def faults(items: list[ProjectUsage | Fault]) -> list[Fault]:
    return [item for item in items if isinstance(item, Fault)]


def test_each_project_is_read_on_its_own() -> None:
    items = read(portal(ocean__brics=project("ocean.brics"), ice__brics=project("ice.brics")))

    assert names(items) == ["ocean.brics", "ice.brics"]
    assert faults(items) == []


def test_a_portal_without_projects_is_a_report_of_nothing() -> None:
    assert read(portal()) == []


@pytest.mark.parametrize(
    ("ice", "place", "sentence"),
    [
        (None, "$", "Expected `object`, got `null`"),
        ([], "$", "Expected `object`, got `array`"),
        ({}, "$", "Object missing required field `project`"),
        ({"project": "ice.brics"}, "$", "Object missing required field `reports`"),
        (project("ocean.brics"), "$.project",
         "the report under the key of ice.brics is for ocean.brics"),
        (project("ice.brics", users={"u.ocean.brics": "u"}), '$.users["u.ocean.brics"]',
         "a user of ocean.brics, not of ice.brics"),
        (project("ice.brics", reports={"2026-09-01": {"reports": {"u": {"seconds": -1}}}}),
         '$.reports["2026-09-01"].reports.u.seconds', "Expected `int` >= 0"),
        (project("ice.brics", reports={"2026-09-31": DAY}), '$.reports["2026-09-31"]',
         "'2026-09-31' is not a day of the calendar"),
    ],
)  # fmt: skip
def test_a_fault_in_one_project_names_it_and_its_place_there_and_stops_no_other(
    ice: Any, place: str, sentence: str
) -> None:
    text = portal(
        climate__brics=project("climate.brics"), ice__brics=ice, ocean__brics=project("ocean.brics")
    )

    items = read(text)

    assert names(items) == ["climate.brics", "ocean.brics"]
    assert faults(items) == [Fault(NAME, sentence, "ice.brics", place)]


def test_a_project_of_another_portal_is_refused() -> None:
    items = read(portal(ice__gw4=project("ice.gw4"), ocean__brics=project("ocean.brics")))

    sentence, place = "a project of gw4 in the report of brics", "$.project"
    assert names(items) == ["ocean.brics"]
    assert faults(items) == [Fault(NAME, sentence, "ice.gw4", place)]


@pytest.mark.parametrize("key", ["ice", "", "a.b.c", "ice.brícs", "\x1b[2J.brics", "i" * 10**5])
def test_a_key_that_names_no_project_is_refused_and_not_repeated_as_a_name(key: str) -> None:
    text = json.dumps(
        {"portal": "brics", "reports": {key: project("ice.brics"), "o.brics": project("o.brics")}}
    )

    items = read(text)

    (found,) = faults(items)
    assert names(items) == ["o.brics"]
    assert (found.project, str(found).isprintable(), len(str(found)) < 600) == (None, True, True)
    assert "is not of the form project.portal" in found.sentence


@pytest.mark.parametrize("again", ['"ice.brics"', r'"ice.b\u0072ics"', '" ice . brics "'])
def test_a_project_that_stands_twice_is_refused_both_times(again: str) -> None:
    """One of the two would be lost, or both be posted in the order of chance."""
    ice, ocean = json.dumps(project("ice.brics")), json.dumps(project("ocean.brics"))
    text = f'{{"reports": {{"ice.brics": {ice}, "ocean.brics": {ocean}, {again}: {ice}}}, "portal": "brics"}}'

    items = read(text)

    assert names(items) == ["ocean.brics"]
    assert faults(items) == [
        Fault(NAME, "the project stands twice in the report", "ice.brics", "$")
    ]


def test_text_that_is_not_json_inside_one_project_is_placed_by_its_byte() -> None:
    text = portal(ice__brics=project("ice.brics"), ocean__brics=project("ocean.brics"))
    broken = text.replace("7200", "72OO", 1)

    items = read(broken)

    byte = broken.index("72OO") + 2
    assert names(items) == ["ocean.brics"]
    assert faults(items) == [
        Fault(NAME, "not JSON: expecting ',' delimiter", "ice.brics", f"byte {byte}")
    ]


def test_text_that_is_not_utf_8_inside_one_project_is_placed_by_its_byte() -> None:
    text = portal(ö__brics=project("x.brics"), ice__brics=project("ice.brics")).encode()
    broken = text.replace(b"alice", b"al\xffce").replace(b"\\u00f6.brics", "ö.brics".encode())

    items = read(broken)

    assert names(items) == []
    assert [item.place for item in faults(items)] == [
        '$.reports["ö.brics"]',
        f"byte {broken.index(bytes([0xFF]), broken.index(b'ice'))}",
    ]


PORTAL_FORM = (
    " is not of the form portal"
    " (a part is 1 to 64 letters, digits, '_' and '-', and does not begin with '-')"
)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("7", "Expected `str`, got `int`"),
        ("null", "Expected `str`, got `null`"),
        ('"climate.brics"', f"'climate.brics'{PORTAL_FORM}"),
        ('""', f"''{PORTAL_FORM}"),
    ],
)
def test_a_portal_that_is_no_name_refuses_the_whole(name: str, sentence: str) -> None:
    text = f'{{"portal": {name}, "reports": {{}}}}'

    assert fault(text) == Fault(NAME, sentence, None, "$.portal")


@pytest.mark.parametrize("reports", ["null", "[]", "7", '"x"'])
def test_reports_that_are_no_object_refuse_the_whole(reports: str) -> None:
    text = f'{{"portal": "brics", "reports": {reports}}}'

    assert fault(text) == Fault(NAME, "Expected `object`", None, "$.reports")


CLIMATE = json.dumps(project("climate.brics"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"portal": "brics",§, "reports": {"climate.brics": %}}', "expected a key and a colon"),
        ('{"portal": "brics" §"reports": {"climate.brics": %}}', "expected ',' or '}'"),
        ('{"portal": "brics", "reports": {"climate.brics": % §"x": 1}}', "expected ',' or '}'"),
        ('{"portal": "brics", "reports": {"climate.brics": %,§}}', "expected a key and a colon"),
        ('{"portal": "brics", "reports": {"climate.brics": %},§}', "expected a key and a colon"),
        ('{"portal": "brics", "reports": {"climate.brics": %}} §x',
         "there is more text after the object"),
        ('{"portal": "brics", "reports": {"climate.brics": %}}§\f',
         "there is more text after the object"),
        ('{"portal": "brics", "reports": {"climate.brics": %}§', "it is cut off"),
        ('{"portal": "brics", §', "it is cut off"),
        ('{"portal": §', "it is cut off"),
        ('{"portal": "brics", "reports": §{"climate.brics":',
         "it is cut off inside the value that begins here"),
        ('{"portal": "brics", "reports": §{"climate.brics": %',
         "it is cut off inside the value that begins here"),
        ('{"portal": "brics", "reports": {"climate.brics": %, §"ice.br',
         "a string does not end"),
        ('{"portal": "brics", "later": §tru, "reports": {"climate.brics": %}}', "expecting value"),
        ('{"portal": "brics", "later": [1,§,2], "reports": {"climate.brics": %}}',
         "expecting value"),
    ],
    ids=lambda text: text[:60],
)  # fmt: skip
def test_of_a_report_that_is_not_whole_json_no_project_is_read(text: str, sentence: str) -> None:
    """§ marks the byte that is named, % a project with which nothing is wrong."""
    whole = text.replace("%", CLIMATE)

    found = fault(whole.replace("§", ""))

    assert found == Fault(NAME, f"not JSON: {sentence}", None, f"byte {whole.index('§')}")


def test_members_that_nobody_knows_have_to_be_sound_as_well() -> None:
    deep = portal(climate__brics=project("climate.brics"))[:-1] + f', "later": {"[" * 10**5}'

    assert fault(deep + "]" * 10**5 + "}") == Fault(NAME, "nested too deeply", None, "$.later")


def test_a_report_of_storage_has_no_usage_in_any_project() -> None:
    storage = {
        "project": "ice.brics",
        "generated_at": "2026-09-01T00:00:00Z",
        "project_quotas": {},
        "user_quotas": {},
        "users": {},
    }
    text = portal(ice__brics=storage)
    assert openportal.StorageReport.from_json(text).projects != []

    sentence = "Object missing required field `reports`"
    assert fault(text) == Fault(NAME, sentence, "ice.brics", "$")
