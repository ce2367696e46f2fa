"""Where nodehours reads reports otherwise than the openportal package, on purpose; anything else would be a bug.

Written a second time here, on plain ``json``, so that the two can be compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.node_seconds import MAX_NODE_SECONDS

_DAY = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
_DAILY = {
    "reports",
    "components",
    "num_jobs",
    "total_wait_seconds",
    "user_job_counts",
    "user_wait_seconds",
    "is_complete",
}


def stricter(text: str) -> set[str]:
    """Return why nodehours refuses a report, or a project in it, that the package accepts."""
    repeating: list[str] = []

    def read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            repeating.append("a key stands twice in one object: the package keeps the last")
        return dict(pairs)

    try:
        plain = json.loads(text, object_pairs_hook=read_object)
    except RecursionError:
        return {"nested too deeply: the package passes over what it does not know"}
    return {*repeating, *_of_whole(plain)}


def _of_whole(plain: Any) -> Iterator[str]:
    if re.search("[\ud800-\udfff]", json.dumps(plain, ensure_ascii=False)):
        yield "half of a character: the package passes over what it does not know"
    projects = [plain]
    if isinstance(plain, dict) and {"project", "portal"} <= plain.keys():
        yield "a report of a project and of a portal: the package is told which to read"
        return
    if isinstance(plain, dict) and "portal" in plain and isinstance(plain["reports"], dict):
        projects = list(plain["reports"].values())
        if _repeated(ProjectIdentifier.parse(key) for key in plain["reports"]):
            yield "a project stands twice, once with blanks: the package keeps the last"
    for project in projects:
        yield from _of_project(project)


def laxer(text: str) -> set[str]:
    """Return why nodehours accepts a report that the package refuses."""
    reasons = set()
    if re.search(r"[:\s]-0\s*[,}]", text):
        reasons.add("-0 is 0: to the package it is no whole number")
    return reasons


def _of_project(project: Any) -> Iterator[str]:
    if not isinstance(project, dict):
        yield "an array in place of an object: the package takes its fields in order"
        return
    if not isinstance(project["reports"], dict):
        return
    days = [key.strip() for key in project["reports"]]
    if not all(map(_DAY.fullmatch, days)):
        yield "a day with a sign or blanks inside: the package skips them"
    elif _repeated(tuple(map(int, day.split("-"))) for day in days):
        yield "a day stands twice, once without zeros: the package keeps the last"
    for daily in project["reports"].values():
        yield from _of_day(daily)
    yield from _of_users(project.get("users", {}), project["project"])


def _of_day(daily: Any) -> Iterator[str]:
    if not isinstance(daily, dict) or any(
        not isinstance(usage, dict) for by_user in _usages(daily) for usage in by_user.values()
    ):
        yield "an array in place of an object: the package takes its fields in order"
        return
    if daily and not _DAILY & daily.keys():
        yield "a day of another kind of report: to the package it is empty"
    counts = [daily.get("user_job_counts", {}), daily.get("user_wait_seconds", {})]
    names = {name for by_user in (*_usages(daily), *counts) for name in by_user}
    yield from _of_names(names | set(daily.get("components", {})))
    figures = [usage["seconds"] for by_user in _usages(daily) for usage in by_user.values()]
    figures += [count for by_user in counts for count in by_user.values()]
    figures += [daily.get("num_jobs", 0), daily.get("total_wait_seconds", 0)]
    if max(figures) > MAX_NODE_SECONDS:
        yield "a figure from 2**63 on: the ledger cannot keep it"


def _usages(daily: dict[str, Any]) -> list[dict[str, Any]]:
    return [daily.get("reports", {}), *daily.get("components", {}).values()]


def _of_users(users: dict[str, str], project: str) -> Iterator[str]:
    read = [UserIdentifier.parse(user) for user in users]
    if any(user.project_identifier != ProjectIdentifier.parse(project) for user in read):
        yield "a user of another project"
    if _repeated(read):
        yield "a user stands twice, once with blanks: the package keeps the last"
    yield from _of_names(set(users.values()))


def _of_names(names: set[str]) -> Iterator[str]:
    if not all(name.isprintable() and 1 <= len(name) <= 255 for name in names):
        yield "a name that is empty, too long, or has characters that nothing prints"


def _repeated(values: Iterator[Any] | list[Any]) -> bool:
    listed = list(values)
    return len(set(listed)) < len(listed)
