"""OpenPortal's usage reports: ``ProjectUsageReport``, and the portal-wide ``UsageReport`` that holds many.

The shapes are those of the ``openportal`` package, generations 0.32 and 0.94: every field but ``project``
and ``reports`` is optional, unknown fields are ignored, figures are whole seconds, days are UTC dates.
Stricter than that package where usage could be lost or counted twice without a word (repeated keys, a day or
a user named twice, a user of another project, another kind of report) and where the ledger could not keep what
it accepts (figures from 2**63 on, names with characters that nothing prints): these are faults. A fault stops
its project and no other. Its place is a path in the project's report if the project can be named, else in the
document; a byte is always one of the document.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, TypeVar

import msgspec

from nodehours.sources.document import Document
from nodehours.sources.json_text import (
    FaultyError,
    Member,
    Text,
    decoded,
    locate,
    members,
    repeated,
    step,
)
from nodehours.terms.fault import Fault, shown
from nodehours.terms.identifiers import (
    BLANKS,
    PortalIdentifier,
    ProjectIdentifier,
    UserIdentifier,
    read_component,
    read_local_user,
)
from nodehours.terms.month import read_day
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from nodehours.terms.usage import Claim, Component, DailyUsage, Day, ProjectUsage

_MAX_COMPARED_BYTES = 2**24

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


@dataclass(frozen=True, slots=True)
class _Part:
    """Where one project's report stands in the document, and what the document says that it is of."""

    member: Member
    project: ProjectIdentifier | None
    portal: PortalIdentifier | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """The text of one item of a report as it came: members of a portal's report, or the whole document."""

    content: Text
    portal: PortalIdentifier | None = None
    parts: tuple[Member, ...] = ()

    def __len__(self) -> int:
        """How many bytes the text has."""
        if not self.parts:
            return len(self.content)
        return sum(part.end - part.start for part in self.parts)

    def whole(self) -> bytes:
        """Return all of it as a document of its own: each value of a portal's report as it came, byte by byte."""
        if not self.parts:
            return self.content[:]
        portal = json.dumps(str(self.portal)).encode()
        return b'{"portal": ' + portal + b', "reports": ' + self._written(self.parts) + b"}"

    def of_days(self, days: Collection[date]) -> bytes:
        """Return a project's report of *days* only: each value as it came, byte by byte.

        Who has which local user is left out: a report says that anew each time, and it was never in doubt.
        """
        start, end = 0, len(self.content)
        if self.parts:
            _, start, end = self.parts[0]
        top = {member.key: member for member in members(self.content, start, end)}
        found = members(self.content, top["reports"].start, top["reports"].end)
        kept = self._written(
            member for member in found if read_day(member.key.strip(BLANKS)) in days
        )
        return b'{"project": ' + self._value(top["project"]) + b', "reports": ' + kept + b"}"

    def _written(self, found: Iterable[Member]) -> bytes:
        keys = ((json.dumps(one.key, ensure_ascii=False).encode(), one) for one in found)
        return b"{" + b", ".join(key + b": " + self._value(one) for key, one in keys) + b"}"

    def _value(self, member: Member) -> bytes:
        return self.content[member.start : member.end].strip()


def record_sha256(record: bytes) -> bytes:
    """Return a hash of what *record* says, whatever the order in which its objects' members stand.

    OpenPortal writes them in another order each time. Of what is no JSON, or is very large, it is that of the bytes.
    """
    if len(record) <= _MAX_COMPARED_BYTES:
        with suppress(FaultyError, ValueError, RecursionError):
            record = msgspec.json.encode(decoded(record), order="sorted")
    return hashlib.sha256(record).digest()


class Report:
    """A report opened: ``len()`` is how many projects it tells of, iterating reads them one after the other.

    Each is what the report says of the project, or what is wrong with it. Memory is bounded by the largest
    project, not by the report. A document that is not one whole report gives a single fault and no project.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._faults: list[tuple[Fault, Record]] = []
        self._parts: list[_Part] = []
        try:
            self._parts = self._find_parts()
        except FaultyError as error:
            self._faults = [(self._fault(error), Record(document.content))]

    def __len__(self) -> int:
        """How many items iterating will give."""
        return len(self._faults) + len(self._parts)

    def __iter__(self) -> Iterator[ProjectUsage | Fault]:
        """Give the faults of the whole, then each project."""
        return (item for item, _ in self.records())

    def records(self) -> Iterator[tuple[ProjectUsage | Fault, Record]]:
        """Give each item with its own text; a fault of the whole has the whole."""
        yield from self._faults
        for part in self._parts:
            yield self._read(part), self._record(part)

    def _record(self, *parts: _Part) -> Record:
        """Tell the text of one project's parts; a document of one project is that whole."""
        content, portal = self._document.content, parts[0].portal
        return Record(content, portal, tuple(part.member for part in parts) if portal else ())

    def _read(self, part: _Part) -> ProjectUsage | Fault:
        try:
            return _project_usage(self._document.content, part)
        except FaultyError as error:
            return self._fault(error, part.project)

    def _fault(self, error: FaultyError, project: ProjectIdentifier | None = None) -> Fault:
        named = str(project) if project else None
        return Fault(self._document.name, error.sentence, named, error.place)

    def _find_parts(self) -> list[_Part]:
        content = self._document.content
        found = list(members(content))
        keys = [member.key for member in found]
        if twice := repeated(keys):
            raise FaultyError(f"the key {shown(twice[0])} stands twice", f"${step(twice[0])}")
        top = dict(zip(keys, found, strict=True))
        if {"project", "reports"} <= top.keys():
            return [_Part(Member("", 0, len(content)), self._named(top["project"]))]
        if {"portal", "reports"} <= top.keys():
            return self._find_projects(top)
        named = ", ".join(map(shown, keys[:5])) or "none"
        sentence = (
            f"neither a ProjectUsageReport nor a UsageReport of OpenPortal: its keys are {named}"
        )
        raise FaultyError(sentence, "$")

    def _named(self, member: Member) -> ProjectIdentifier | None:
        """Tell whose report this is, to name it in faults; what is wrong with the name itself is found later."""
        try:
            return self._string(member, ProjectIdentifier.parse)
        except FaultyError:
            return None

    def _string(self, member: Member, parse: Callable[[str], Value]) -> Value:
        """Read a member of the document that is a string."""
        place = f"${step(member.key)}"
        return _parsed(parse, _converted(self._decoded(member), str, place), place)

    def _decoded(self, member: Member) -> Any:
        text = self._document.content[member.start : member.end]
        return decoded(text, member.start, f"${step(member.key)}")

    def _find_projects(self, top: dict[str, Member]) -> list[_Part]:
        """Find all projects before the first is read: of a report that is cut off, none is."""
        content, reports = self._document.content, top.pop("reports")
        portal = self._string(top.pop("portal"), PortalIdentifier.parse)
        for ignored in top.values():
            self._decoded(ignored)
        if content[reports.start : reports.start + 1] != b"{":
            raise FaultyError("Expected `object`", "$.reports")
        parts: list[_Part] = []
        for member in list(members(content, reports.start, reports.end)):
            try:
                project = _parsed(ProjectIdentifier.parse, member.key, "$.reports", member.key)
                parts.append(_Part(member, project, portal))
            except FaultyError as error:
                self._faults.append((self._fault(error), Record(content, portal, (member,))))
        return self._without_repeated(parts)

    def _without_repeated(self, parts: list[_Part]) -> list[_Part]:
        twice = dict.fromkeys(repeated(part.project for part in parts))
        error = FaultyError("the project stands twice in the report", "$")
        twins: dict[ProjectIdentifier | None, list[_Part]] = {project: [] for project in twice}
        for part in parts:
            if part.project in twins:
                twins[part.project].append(part)
        for project, found in twins.items():
            self._faults.append((self._fault(error, project), self._record(*found)))
        return [part for part in parts if part.project not in twice]


def _project_usage(content: Text, part: _Part) -> ProjectUsage:
    _, start, end = part.member
    plain = decoded(content[start:end], start)
    report = _converted(plain, _Project, "$")
    project = _parsed(ProjectIdentifier.parse, report.project, "$.project")
    if part.project not in {None, project}:
        sentence = f"the report under the key of {part.project} is for {project}"
        raise FaultyError(sentence, "$.project")
    if part.portal and part.portal.portal != project.portal:
        sentence = f"a project of {project.portal} in the report of {part.portal}"
        raise FaultyError(sentence, "$.project")
    days = _days(report, plain["reports"])
    return ProjectUsage(project, days, _claims(report.users, project))


def _days(report: _Project, plain: dict[str, Any]) -> dict[date, Day]:
    days: dict[date, Day] = {}
    for key, daily in report.reports.items():
        place = f"$.reports{step(key)}"
        day = _parsed(read_day, key.strip(BLANKS), place)
        if day in days:
            raise FaultyError(f"the day {day} stands twice", place)
        _check_shape(plain[key], place)
        days[day] = _day(daily, place)
    return days


def _converted(plain: Any, kind: type[Value], place: str) -> Value:
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        where, sentence = locate(plain, kind, place) or (place, str(error))
        raise FaultyError(sentence, where) from error


def _parsed(parse: Callable[[str], Value], text: str, place: str, *steps: str) -> Value:
    """Read *text*, which stands at *place* or, from there, some steps further in."""
    try:
        return parse(text)
    except ValueError as error:
        raise FaultyError(str(error), place + "".join(map(step, steps))) from error


def _check_shape(plain: dict[str, Any], place: str) -> None:
    """Refuse a day of another kind of report, which would otherwise pass for a day without usage."""
    if plain and _DAILY_FIELDS.isdisjoint(plain):
        keys = ", ".join(map(shown, list(plain)[:5]))
        raise FaultyError(f"not a day of a usage report: its keys are {keys}", place)


def _day(daily: _Daily, place: str) -> Day:
    local_users = {
        _parsed(read_local_user, local_user, place, field, local_user): None
        for field in ("reports", "user_job_counts", "user_wait_seconds")
        for local_user in getattr(daily, field)
    }
    usage = {
        local_user: DailyUsage(
            daily.reports[local_user].seconds if local_user in daily.reports else 0,
            daily.user_job_counts.get(local_user, 0),
            daily.user_wait_seconds.get(local_user, 0),
        )
        for local_user in local_users
    }
    components = dict(_components(daily, place))
    return Day(daily.is_complete, daily.num_jobs, daily.total_wait_seconds, usage, components)


def _components(daily: _Daily, place: str) -> Iterator[tuple[Component, int]]:
    for name, used in daily.components.items():
        component = _parsed(read_component, name, place, "components", name)
        for local_user, seconds in used.items():
            _parsed(read_local_user, local_user, place, "components", name, local_user)
            yield Component(local_user, component), seconds.seconds


def _claims(users: dict[str, str], project: ProjectIdentifier) -> frozenset[Claim]:
    claims: dict[UserIdentifier, Claim] = {}
    for key, name in users.items():
        user = _parsed(UserIdentifier.parse, key, "$.users", key)
        if user.project_identifier != project:
            sentence = f"a user of {user.project_identifier}, not of {project}"
            raise FaultyError(sentence, f"$.users{step(key)}")
        if user in claims:
            raise FaultyError(f"the user {user} stands twice", f"$.users{step(key)}")
        claims[user] = Claim(_parsed(read_local_user, name, "$.users", key), user)
    return frozenset(claims.values())
