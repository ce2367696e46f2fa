"""Any report that the openportal package can make: read here, it says and sums to what the package says."""

import json

from hypothesis import example, given

from nodehours.terms.usage import ProjectUsage
from tests.sources.wheel import (
    assert_sums_like_wheel,
    months,
    read,
    same_as_wheel,
    statement,
    wheel_months,
    wheel_reports,
)
from tests.sources.written import documents

SHARED = """{
  "project": "climate.brics",
  "reports": {"2026-09-01": {"reports": {"shared": {"seconds": 10}, "unknown": {"seconds": 4}}}},
  "users": {"alice.climate.brics": "shared", "bob.climate.brics": "shared",
            "carol.climate.brics": "unknown"}
}"""


@given(documents())
@example(SHARED)
@example('{"reports": {}, "project": " climate . brics "}')
@example('{"portal": "brics", "reports": {}}')
@example('{"project": "a.b", "reports": {" 2026-9-1\\u2003": {}}, "users": {" u.a.b": "x"}}')
@example('{"project": "a.b", "reports": {}, "users": {}, "unknown": [{"field": 1e400}], "": null}')
def test_a_report_says_here_what_it_says_there_however_it_is_written(text: str) -> None:
    by_wheel = wheel_reports(text)
    assert by_wheel is not None

    items = read(text)

    assert {str(item.project) for item in items} == by_wheel.keys()
    assert len(items) == len(by_wheel)
    for item in items:
        assert isinstance(item, ProjectUsage), item
        assert same_as_wheel(item, by_wheel[str(item.project)])


@given(documents())
@example(SHARED)
def test_a_report_sums_here_to_what_it_sums_there_by_month_and_in_all(text: str) -> None:
    by_wheel = wheel_reports(text)
    assert by_wheel is not None

    for item in read(text):
        assert isinstance(item, ProjectUsage), item
        report = by_wheel[str(item.project)]
        assert_sums_like_wheel(statement(item), report)
        for month, there in wheel_months(report).items():
            assert_sums_like_wheel(months(item)[month], there)


@given(documents())
def test_members_that_nobody_knows_are_passed_over_wherever_they_stand(text: str) -> None:
    """The next generation of the package adds fields; today's usage is read from its reports as well."""
    plain = json.loads(text)
    projects = plain["reports"].values() if "portal" in plain else [plain]
    known = read(text)

    plain["generated_at"] = "2026-11-23T00:00:00Z"
    for project in projects:
        project["version"] = {"major": 1, "more": [1.5, None, True]}
        for daily in project["reports"].values():
            daily.setdefault("is_complete", False)
            daily["requeue_events"] = {"NODE_FAIL": -1}

    assert read(json.dumps(plain)) == known
