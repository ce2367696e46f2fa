"""A project's report with something wrong in it: what is said of it, of which project, and of which place.

Each example is one line of JSON and one fault. The place is a path in the document, or a byte of it.
"""

import json
from typing import Any

import pytest

from nodehours.terms.fault import Fault
from tests.sources.wheel import NAME, fault, openportal, read_one

DAY = '$.reports["2026-09-01"]'
MAX = 2**63 - 1
OVER = f"Expected `int` <= {MAX}"


def report(*, project: str = "climate.brics", users: str = "{}", **days: str) -> str:
    """Write a report; days are named ``d2026_09_01``."""
    named = ", ".join(f'"{day[1:].replace("_", "-")}": {text}' for day, text in days.items())
    return f'{{"project": "{project}", "reports": {{{named}}}, "users": {users}}}'


def of_seconds(seconds: str) -> str:
    return report(d2026_09_01=f'{{"reports": {{"alice": {{"seconds": {seconds}}}}}}}')


def of_local_user(name: str) -> str:
    return report(d2026_09_01=f'{{"reports": {{"{name}": {{"seconds": 1}}}}}}')


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        ("-1", "Expected `int` >= 0"),
        ("-9223372036854775809", "Expected `int` >= 0"),
        (str(2**63), OVER),
        (str(2**64), OVER),
        ("9" * 25, OVER),
        ("9" * 10**5, OVER),
        ("-" + "9" * 10**5, "Expected `int` >= 0"),
        ("1.0", "Expected `int`, got `float`"),
        ("1.5", "Expected `int`, got `float`"),
        ("1e3", "Expected `int`, got `float`"),
        ("1E400", "Expected `int`, got `float`"),
        ("-0.0", "Expected `int`, got `float`"),
        ("null", "Expected `int`, got `null`"),
        ("true", "Expected `int`, got `bool`"),
        ('"1"', "Expected `int`, got `str`"),
        ("[1]", "Expected `int`, got `array`"),
        ("{}", "Expected `int`, got `object`"),
    ],
    ids=lambda text: text[:24],
)
def test_seconds_that_are_no_whole_number_from_0_to_the_largest_are_refused(
    seconds: str, sentence: str
) -> None:
    place = f"{DAY}.reports.alice.seconds"

    assert fault(of_seconds(seconds)) == Fault(NAME, sentence, "climate.brics", place)


def test_the_largest_figure_is_read_to_the_second() -> None:
    (day,) = read_one(of_seconds(str(MAX))).days.values()

    assert day.node_seconds == MAX


@pytest.mark.parametrize(
    ("daily", "place", "sentence"),
    [
        ("null", "", "Expected `object`, got `null`"),
        ("[]", "", "Expected `object`, got `array`"),
        ("7200", "", "Expected `object`, got `int`"),
        ('{"reports": null}', ".reports", "Expected `object`, got `null`"),
        ('{"reports": [["alice", 1]]}', ".reports", "Expected `object`, got `array`"),
        ('{"reports": {"alice": 1}}', ".reports.alice", "Expected `object`, got `int`"),
        ('{"reports": {"alice": {}}}', ".reports.alice",
         "Object missing required field `seconds`"),
        ('{"reports": {"al.ice": {"hours": 2}}}', '.reports["al.ice"]',
         "Object missing required field `seconds`"),
        ('{"is_complete": null}', ".is_complete", "Expected `bool`, got `null`"),
        ('{"is_complete": 1}', ".is_complete", "Expected `bool`, got `int`"),
        ('{"is_complete": "true"}', ".is_complete", "Expected `bool`, got `str`"),
        ('{"num_jobs": -1}', ".num_jobs", "Expected `int` >= 0"),
        ('{"num_jobs": 9223372036854775808}', ".num_jobs", OVER),
        ('{"total_wait_seconds": 0.5}', ".total_wait_seconds", "Expected `int`, got `float`"),
        ('{"user_job_counts": {"alice": null}}', ".user_job_counts.alice",
         "Expected `int`, got `null`"),
        ('{"user_wait_seconds": {"alice": -5}}', ".user_wait_seconds.alice",
         "Expected `int` >= 0"),
        ('{"components": {"cpu": 5}}', ".components.cpu", "Expected `object`, got `int`"),
        ('{"components": {"cpu": {"alice": {"seconds": "5"}}}}',
         ".components.cpu.alice.seconds", "Expected `int`, got `str`"),
    ],
)  # fmt: skip
def test_a_day_with_a_value_of_the_wrong_type_is_refused(
    daily: str, place: str, sentence: str
) -> None:
    assert fault(report(d2026_09_01=daily)) == Fault(NAME, sentence, "climate.brics", DAY + place)


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("2026-02-30", "'2026-02-30' is not a day of the calendar"),
        ("2026-13-01", "'2026-13-01' is not a day of the calendar"),
        ("1969-12-31", "'1969-12-31' is outside the years 1970 to 2200"),
        ("2201-01-01", "'2201-01-01' is outside the years 1970 to 2200"),
        ("2026-09", "'2026-09' is not a date of the form YYYY-MM-DD"),
        ("2026-09-01T00:00:00Z", "'2026-09-01T00:00:00Z' is not a date of the form YYYY-MM-DD"),
        ("yesterday", "'yesterday' is not a date of the form YYYY-MM-DD"),
        ("", "'' is not a date of the form YYYY-MM-DD"),
    ],
)
def test_a_key_that_is_no_day_is_refused(key: str, sentence: str) -> None:
    text = json.dumps({"project": "climate.brics", "reports": {key: {}}})
    place = "$.reports.yesterday" if key == "yesterday" else f'$.reports["{key}"]'

    assert fault(text) == Fault(NAME, sentence, "climate.brics", place)


def test_a_day_without_leading_zeros_is_the_same_day() -> None:
    day = '{"reports": {"alice": {"seconds": 5}}}'

    assert read_one(report(d2026_9_1=day)) == read_one(report(d2026_09_01=day))


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ('{"project": "climate.brics", "reports": {"2026-09-01": {}, "2026-09-01": {}}}',
         DAY, "the key '2026-09-01' stands twice in one object"),
        (report(d2026_09_01="{}", d2026_9_1="{}"),
         '$.reports["2026-9-1"]', "the day 2026-09-01 stands twice"),
        (report(d2026_09_01='{"reports": {"a": {"seconds": 1}, "a": {"seconds": 2}}}'),
         DAY + ".reports.a", "the key 'a' stands twice in one object"),
        (report(d2026_09_01='{"reports": {"a": {"seconds": 1, "seconds": 1}}}'),
         DAY + ".reports.a.seconds", "the key 'seconds' stands twice in one object"),
        (report(d2026_09_01=r'{"reports": {"a": {"seconds": 1}, "\u0061": {"seconds": 2}}}'),
         DAY + ".reports.a", "the key 'a' stands twice in one object"),
        (report(d2026_09_01='{"reports": {}, "reports": {}}'),
         DAY + ".reports", "the key 'reports' stands twice in one object"),
        (report(users='{"u.climate.brics": "a", "u.climate.brics": "b"}'),
         '$.users["u.climate.brics"]', "the key 'u.climate.brics' stands twice in one object"),
        (report(users='{"u.climate.brics": "a", " u.climate.brics ": "b"}'),
         '$.users[" u.climate.brics "]', "the user u.climate.brics stands twice"),
        ('{"project": "climate.brics", "reports": {}, "later": [{}, {"x": {"y": 1, "y": 1}}]}',
         "$.later[1].x.y", "the key 'y' stands twice in one object"),
    ],
)  # fmt: skip
def test_what_stands_twice_is_refused_since_one_of_the_two_would_be_lost(
    text: str, place: str, sentence: str
) -> None:
    assert fault(text) == Fault(NAME, sentence, "climate.brics", place)


@pytest.mark.parametrize("disguise", ["", '"\\u0022:", "\\u0022:"', '"\\":", "\\":"'])
def test_no_other_text_in_the_report_can_hide_that_a_local_user_stands_twice(disguise: str) -> None:
    """Strings that look like the end of a key must not make up for the members that were dropped."""
    twice = '{"reports": {"a": {"seconds": 1}, "a": {"seconds": 2}}}'
    text = report(d2026_09_01=twice)[:-1] + f', "note": [{disguise}]}}'

    assert fault(text).place == DAY + ".reports.a"


@pytest.mark.parametrize("again", ['"project"', r'"pro\u006aect"', '"reports"', '"users"'])
def test_a_member_of_the_whole_that_stands_twice_refuses_the_document(again: str) -> None:
    key = json.loads(again)

    assert fault(f"{report()[:-1]}, {again}: {{}}}}") == Fault(
        NAME, f"the key '{key}' stands twice", None, f"$.{key}"
    )


PROJECT_FORM = (
    " is not of the form project.portal"
    " (a part is 1 to 64 letters, digits, '_' and '-', and does not begin with '-')"
)
USER_FORM = PROJECT_FORM.replace("project.portal", "user.project.portal")


@pytest.mark.parametrize(
    ("project", "shown"),
    [
        ("", "''"),
        ("climate", "'climate'"),
        ("alice.climate.brics", "'alice.climate.brics'"),
        ("cli mate.brics", "'cli mate.brics'"),
        ("prój.brics", "'prój.brics'"),
        ("climate.", "'climate.'"),
        ("-climate.brics", "'-climate.brics'"),
        ("c" * 65 + ".b", "'" + "c" * 64 + "…'"),
        (r"climate.brics\u0000", r"'climate.brics\x00'"),
    ],
)
def test_a_project_that_is_no_identifier_is_refused_and_not_named(project: str, shown: str) -> None:
    assert fault(report(project=project)) == Fault(NAME, shown + PROJECT_FORM, None, "$.project")


@pytest.mark.parametrize("half", [r"\ud83d", r"\uDE00", r"\ude00\ud83d", r"a\ud83d\n"])
def test_half_a_character_is_refused_wherever_it_stands(half: str) -> None:
    """JSON can say half of 😀, and nothing else can: no name, and no text that is written anywhere."""
    quoted = f'"{half}"'
    sentence = f"{json.loads(quoted)!r} holds half of a character"

    assert fault(report(project=half)) == Fault(NAME, sentence, None, "$.project")
    assert fault(of_local_user(half)).sentence == sentence
    assert fault(of_local_user(half)).project == "climate.brics"
    later = f'{report()[:-1]}, "later": [1, "{half}"]}}'
    assert fault(later) == Fault(NAME, sentence, "climate.brics", "$.later[1]")
    assert fault(f'{{"{half}": 1}}') == Fault(NAME, sentence, None, "byte 1")


def test_both_halves_are_a_character() -> None:
    (day,) = read_one(of_local_user(r"\ud83d\ude00")).days.values()

    assert list(day.usage) == ["😀"]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [("null", "Expected `str`, got `null`"), ("7", "Expected `str`, got `int`")],
)
def test_a_project_that_is_no_text_is_refused(value: str, sentence: str) -> None:
    text = f'{{"project": {value}, "reports": {{}}}}'

    assert fault(text) == Fault(NAME, sentence, None, "$.project")


@pytest.mark.parametrize(
    ("users", "place", "sentence"),
    [
        ("null", "$.users", "Expected `object`, got `null`"),
        ("[]", "$.users", "Expected `object`, got `array`"),
        ('{"u.climate.brics": null}', '$.users["u.climate.brics"]', "Expected `str`, got `null`"),
        ('{"u.climate.brics": 7}', '$.users["u.climate.brics"]', "Expected `str`, got `int`"),
        ('{"u.climate.brics": ""}', '$.users["u.climate.brics"]',
         "'' cannot be a local user (1 to 255 printable characters)"),
        ('{"climate.brics": "x"}', '$.users["climate.brics"]', "'climate.brics'" + USER_FORM),
        ('{"u@x.climate.brics": "x"}', '$.users["u@x.climate.brics"]',
         "'u@x.climate.brics'" + USER_FORM),
        ('{"u.ocean.brics": "x"}', '$.users["u.ocean.brics"]',
         "a user of ocean.brics, not of climate.brics"),
        ('{"u.climate.gw4": "x"}', '$.users["u.climate.gw4"]',
         "a user of climate.gw4, not of climate.brics"),
    ],
)  # fmt: skip
def test_users_that_are_not_users_of_the_project_are_refused(
    users: str, place: str, sentence: str
) -> None:
    assert fault(report(users=users)) == Fault(NAME, sentence, "climate.brics", place)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("", '[""]'),
        (r"a\u0000", r'["a\u0000"]'),
        (r"\u001b[2J", r'["\u001b[2J"]'),
        (r"\u009b2J", r'["\u009b2J"]'),
        (r"\u202ealice", r'["\u202ealice"]'),
        (r"two\nlines", r'["two\nlines"]'),
        ("x" * 256, '["' + "x" * 255 + '…"]'),
    ],
)
def test_a_local_user_no_account_can_be_called_is_refused_and_steers_no_terminal(
    name: str, step: str
) -> None:
    found = fault(of_local_user(name))

    assert found.place == f"{DAY}.reports{step}"
    assert found.sentence.endswith(" cannot be a local user (1 to 255 printable characters)")


@pytest.mark.parametrize(
    ("daily", "place"),
    [
        ('{"user_job_counts": {"": 1}}', '.user_job_counts[""]'),
        ('{"user_wait_seconds": {"": 1}}', '.user_wait_seconds[""]'),
        ('{"components": {"cpu": {"": {"seconds": 1}}}}', '.components.cpu[""]'),
        ('{"components": {"": {}}}', '.components[""]'),
    ],
)
def test_names_are_checked_wherever_they_stand(daily: str, place: str) -> None:
    assert fault(report(d2026_09_01=daily)).place == DAY + place


def test_a_day_of_another_kind_of_report_is_no_day_without_usage() -> None:
    """Read as OpenPortal reads it, unknown fields ignored, this would be an empty day."""
    sentence = "not a day of a usage report: its keys are 'project_quotas', 'user_quotas'"
    text = report(d2026_09_01='{"project_quotas": {}, "user_quotas": {}}')

    assert fault(text) == Fault(NAME, sentence, "climate.brics", DAY)


def test_an_empty_day_is_a_day_without_usage_that_is_not_complete() -> None:
    (day,) = read_one(report(d2026_09_01="{}")).days.values()

    assert (day.is_complete, day.usage) == (False, {})


STORAGE = """{"project": "climate.brics", "generated_at": "2026-09-01T00:00:00Z", "users": {},
              "project_quotas": {}, "user_quotas": {}}"""
OTHERS: list[tuple[str, Any]] = [
    ("a storage report", openportal.ProjectStorageReport.from_json(STORAGE).to_json()),
    ("award details", openportal.AwardDetails('{"name": "Climate"}').to_json()),
    ("a day alone", '{"reports": {"alice": {"seconds": 7}}, "is_complete": true}'),
    ("nothing", "{}"),
]


@pytest.mark.parametrize("text", [text for _, text in OTHERS], ids=[name for name, _ in OTHERS])
def test_another_kind_of_document_is_refused_with_its_keys(text: str) -> None:
    keys = ", ".join(map(repr, list(json.loads(text))[:5])) or "none"
    sentence = f"neither a ProjectUsageReport nor a UsageReport of OpenPortal: its keys are {keys}"

    assert fault(text) == Fault(NAME, sentence, None, "$")
