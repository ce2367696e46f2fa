"""Reports as hypothesis draws them: built with the openportal package, and written as some generation of it may."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from random import Random
from typing import Any

from hypothesis import strategies as st

from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from tests.sources.wheel import openportal

PORTAL = "brics"
COUNTERS = {"num_jobs": 0, "total_wait_seconds": 0, "user_job_counts": {}, "user_wait_seconds": {}}

parts = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,11}", fullmatch=True)
days = st.dates(date(2026, 8, 30), date(2026, 10, 2)) | st.dates(
    date(1970, 1, 1), date(2200, 12, 31)
)
# Names as accounts have them, and as OpenPortal would let them through: any printable text.
accounts = st.from_regex(r"[a-z][a-z0-9_-]{0,7}(\.[a-z0-9_-]{1,7})?", fullmatch=True)
printable = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
local_users = st.sampled_from(["alice.climate", "bob", "old", "unknown"]) | accounts | printable
# Sums of a whole report stay below 2**64, where the package's own would no longer grow.
seconds = st.integers(0, 10**6) | st.integers(0, 2**48) | st.sampled_from([0, 1, 86_400])
figures = seconds | st.just(MAX_NODE_SECONDS)


@st.composite
def daily_reports(draw: st.DrawFn) -> Any:
    """One day as a portal puts it together."""
    daily = openportal.DailyProjectUsageReport()
    for local_user, used in draw(st.dictionaries(local_users, seconds, max_size=4)).items():
        daily.set_usage(local_user, openportal.Usage(used))
    if draw(st.booleans()):
        daily.add_unattributed_usage(openportal.Usage(draw(seconds)))
    used_of = st.tuples(st.sampled_from(["cpu", "gpu", "memory"]), local_users)
    for (component, local_user), used in draw(
        st.dictionaries(used_of, figures, max_size=3)
    ).items():
        daily.set_component_usage(component, local_user, openportal.Usage(used))
    if draw(st.booleans()):
        daily.set_complete()
    return daily


@st.composite
def project_reports(draw: st.DrawFn) -> Any:
    """A ``ProjectUsageReport`` of a few days; users may share a local user, or have one that never ran."""
    project = f"{draw(parts)}.{PORTAL}"
    report = openportal.ProjectUsageReport(openportal.ProjectIdentifier(project))
    for day, daily in draw(st.dictionaries(days, daily_reports(), max_size=4)).items():
        report.set_report(day, daily)
    owned = st.sampled_from(["alice.climate", "bob", "unknown"]) | accounts
    for user, local_user in draw(st.dictionaries(parts, owned, max_size=4)).items():
        report.add_mapping(openportal.UserMapping(f"{user}.{project}:{local_user}:group"))
    return report


@st.composite
def portal_reports(draw: st.DrawFn) -> Any:
    """A ``UsageReport`` of a few projects."""
    reports = draw(st.lists(project_reports(), max_size=3, unique_by=lambda r: str(r.project)))
    empty = openportal.UsageReport(openportal.PortalIdentifier(PORTAL))
    return openportal.UsageReport.combine([empty, *(r.to_usage_report() for r in reports)])


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A report of either kind as text: in any order of keys, in any layout, with or without what is optional."""
    plain = _sorted(draw(project_reports() | portal_reports()).to_json())
    random = draw(st.randoms(use_true_random=False))
    projects = plain["reports"].values() if "portal" in plain else [plain]
    for project in projects:
        for local_user in draw(st.lists(printable, max_size=2)):
            project["users"][f"{draw(parts)}.{project['project']}"] = local_user
        for daily in project["reports"].values():
            _write_counters(daily, random)
        if not project["users"] and random.random() < 0.5:
            del project["users"]
    return json.dumps(
        _shuffled(plain, random),
        indent=draw(st.sampled_from([None, 0, 2, "\t"])),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r\n ")])),
        ensure_ascii=draw(st.booleans()),
    )


def _write_counters(daily: dict[str, Any], random: Random) -> None:
    """Write a day as 0.32 does, counters always; as 0.94 does, without zeros; or with counts of jobs."""
    generation = random.choice(["0.32", "0.94", "counted"])
    if generation == "0.32":
        daily.update({"components": {}} | COUNTERS | daily)
    elif generation == "counted":
        daily["num_jobs"] = random.randrange(9)
        daily["total_wait_seconds"] = random.randrange(MAX_NODE_SECONDS)
        for field in ("user_job_counts", "user_wait_seconds"):
            daily[field] = {local_user: random.randrange(9) for local_user in ("bob", "late")}
    else:
        for field in ("reports", "is_complete"):
            if not daily[field]:
                del daily[field]


def _sorted(text: str) -> Any:
    """Read what the package wrote. It writes keys in another order each time, which hypothesis cannot replay."""
    return json.loads(json.dumps(json.loads(text), sort_keys=True))


def _shuffled(plain: Any, random: Random) -> Any:
    if not isinstance(plain, Mapping):
        return plain
    keys = list(plain)
    random.shuffle(keys)
    return {key: _shuffled(plain[key], random) for key in keys}
