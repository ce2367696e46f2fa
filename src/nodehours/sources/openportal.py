"""OpenPortal's usage reports: ``ProjectUsageReport``, and the portal-wide ``UsageReport`` that holds many.

The shapes are those of the ``openportal`` package, generations 0.32 and 0.94: every field but ``project``
and ``reports`` is optional, unknown fields are ignored, figures are whole seconds, days are UTC dates.
Stricter than that package where usage could be lost or counted twice without a word: repeated keys, a day
named twice, a user of another project, and another kind of report are faults.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Any, TypeVar

import msgspec

from nodehours.sources.document import Document
from nodehours.sources.json_text import MalformedError, Member, locate, members, repeated_key
from nodehours.terms.fault import Fault
from nodehours.terms.identifiers import (
    PortalIdentifier,
    ProjectIdentifier,
    UserIdentifier,
    read_component,
    read_local_user,
)
from nodehours.terms.month import read_day
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from nodehours.terms.usage import Claim, Component, DailyUsage, Day, ProjectUsage

Value = TypeVar("Value")
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_NODE_SECONDS)]


class _Usage(msgspec.Struct):
    seconds: Count


class _Daily(msgspec.Struct):
    """``DailyProjectUsageReport``: keys are local users; component seconds are the component's own."""

    reports: dict[str, _Usage] = {}
    components: dict[str, dict[str, _Usage]] = {}
    num_jobs: Count = 0
    total_wait_seconds: Count = 0
    user_job_counts: dict[str, Count] = {}
    user_wait_seconds: dict[str, Count] = {}
    is_complete: bool = False


class _Project(msgspec.Struct):
    """``ProjectUsageReport``: keys of ``reports`` are days, ``users`` maps user identifiers to local users."""

    project: str
    reports: dict[str, _Daily]
    users: dict[str, str] = {}


_DAILY_FIELDS = frozenset(_Daily.__struct_fields__)


class _FaultyError(Exception):
    """A fault inside one project's report: a sentence and the place."""

    def __init__(self, sentence: str, place: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.place = place


class Report:
    """A report opened: ``len()`` is how many projects it tells of, iterating reads them one after the other.

    Each is what the report says of the project, or what is wrong with it. Memory is bounded by the largest
    project, not by the report. A document that is not one whole report gives a single fault and no project.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._portal: PortalIdentifier | None = None
        self._members: list[Member] = []
        self._faults: list[Fault] = []
        try:
            self._find_members()
        except MalformedError as error:
            self._refuse(f"not JSON: {error}")

    def __len__(self) -> int:
        """How many items iterating will give."""
        return len(self._members) + len(self._faults)

    def __iter__(self) -> Iterator[ProjectUsage | Fault]:
        """Give the faults of the whole, then each project."""
        yield from self._faults
        for member in self._members:
            yield _read_project(self._document, member, self._portal)

    def _refuse(self, sentence: str, project: str | None = None, place: str | None = None) -> None:
        self._faults.append(Fault(self._document.name, sentence, project, place))

    def _find_members(self) -> None:
        top = list(members(self._document.content))
        keys = [member.key for member in top]
        if twice := _repeated(keys):
            self._refuse(f"the key {twice[0]!r} stands twice", place="$")
        elif "project" in keys and "reports" in keys:
            self._members = [Member("", 0, len(self._document.content))]
        elif "portal" in keys and "reports" in keys:
            self._find_projects({member.key: member for member in top})
        else:
            named = ", ".join(map(repr, keys[:5])) or "none"
            self._refuse(
                f"neither a ProjectUsageReport nor a UsageReport of OpenPortal: its keys are {named}"
            )

    def _find_projects(self, top: dict[str, Member]) -> None:
        content = self._document.content
        try:
            name = msgspec.json.decode(content[top["portal"].start : top["portal"].end], type=str)
            self._portal = PortalIdentifier.parse(name)
        except (ValueError, msgspec.MsgspecError) as error:
            self._refuse(str(error), place="$.portal")
            return
        # All of them are found before the first is read: a report that is cut off posts nothing.
        found = list(members(content, top["reports"].start))
        twice = _repeated([member.key.strip() for member in found])
        for project in twice:
            self._refuse("the project stands twice in the report", project)
        self._members = [member for member in found if member.key.strip() not in twice]


def _repeated(keys: list[str]) -> list[str]:
    return [key for key, count in Counter(keys).items() if count > 1]


def _read_project(
    document: Document, member: Member, portal: PortalIdentifier | None
) -> ProjectUsage | Fault:
    try:
        usage = _project_usage(document.content[member.start : member.end])
        if portal is not None:
            _check_key(usage.project, member.key, portal)
    except _FaultyError as error:
        return Fault(document.name, error.sentence, member.key or None, error.place)
    return usage


def _check_key(project: ProjectIdentifier, key: str, portal: PortalIdentifier) -> None:
    if str(project) != key.strip():
        message = f"the report under this key is for {project}"
        raise _FaultyError(message, "$.project")
    if project.portal != portal.portal:
        message = f"a project of {project.portal} in the report of {portal}"
        raise _FaultyError(message, "$.project")


def _project_usage(text: bytes) -> ProjectUsage:
    plain = _decoded(text)
    report = _converted(plain)
    project = _parsed(ProjectIdentifier.parse, report.project, "$.project")
    days: dict[date, Day] = {}
    for key, daily in report.reports.items():
        place = f'$.reports["{key}"]'
        day = _parsed(read_day, key.strip(), place)
        if day in days:
            message = f"the day {day} stands twice"
            raise _FaultyError(message, place)
        _check_shape(plain["reports"][key], place)
        days[day] = _day(daily, place)
    return ProjectUsage(project, days, _claims(report.users, project))


def _decoded(text: bytes) -> Any:
    try:
        plain = msgspec.json.decode(text)
        twice = repeated_key(text, plain)
    except RecursionError:
        raise _FaultyError("nested too deeply") from None
    except (msgspec.DecodeError, ValueError) as error:
        message = f"not JSON: {error}"
        raise _FaultyError(message) from error
    if twice is not None:
        message = f"the key {twice!r} stands twice in one object"
        raise _FaultyError(message)
    return plain


def _converted(plain: Any) -> _Project:
    try:
        return msgspec.convert(plain, _Project)
    except msgspec.ValidationError as error:
        place, sentence = locate(plain, _Project) or ("$", str(error))
        raise _FaultyError(sentence, place) from error


def _parsed(parse: Callable[[str], Value], text: str, place: str) -> Value:
    try:
        return parse(text)
    except ValueError as error:
        raise _FaultyError(str(error), place) from error


def _check_shape(plain: dict[str, Any], place: str) -> None:
    """Refuse a day of another kind of report, which would otherwise pass for a day without usage."""
    if plain and _DAILY_FIELDS.isdisjoint(plain):
        message = (
            f"not a day of a usage report: its keys are {', '.join(map(repr, list(plain)[:5]))}"
        )
        raise _FaultyError(message, place)


def _day(daily: _Daily, place: str) -> Day:
    local_users = {**daily.reports, **daily.user_job_counts, **daily.user_wait_seconds}
    usage = {
        _parsed(read_local_user, local_user, place): DailyUsage(
            daily.reports[local_user].seconds if local_user in daily.reports else 0,
            daily.user_job_counts.get(local_user, 0),
            daily.user_wait_seconds.get(local_user, 0),
        )
        for local_user in local_users
    }
    return Day(
        daily.is_complete,
        daily.num_jobs,
        daily.total_wait_seconds,
        usage,
        dict(_components(daily, place)),
    )


def _components(daily: _Daily, place: str) -> Iterator[tuple[Component, int]]:
    for name, used in daily.components.items():
        component = _parsed(read_component, name, f"{place}.components")
        for local_user, seconds in used.items():
            named = _parsed(read_local_user, local_user, f"{place}.components")
            yield Component(named, component), seconds.seconds


def _claims(users: dict[str, str], project: ProjectIdentifier) -> frozenset[Claim]:
    claims = (_claim(user, local_user, project) for user, local_user in users.items())
    return frozenset(claims)


def _claim(user: str, local_user: str, project: ProjectIdentifier) -> Claim:
    place = f'$.users["{user}"]'
    user_identifier = _parsed(UserIdentifier.parse, user, place)
    if user_identifier.project_identifier != project:
        message = f"a user of {user_identifier.project_identifier}, not of {project}"
        raise _FaultyError(message, place)
    return Claim(_parsed(read_local_user, local_user, place), user_identifier)
