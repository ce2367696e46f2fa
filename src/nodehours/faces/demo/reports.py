"""The OpenPortal reports of the demo: one invented portal, two machines, fourteen months.

Nobody and nothing in here exists: logins are made of syllables, projects and machines are made up.

The invented world depends on the calendar alone, and ``today`` only says where the telling stops.
So a later demo repeats the same history and adds to it. What every demo has to show (people
leaving, a lost day, a project ending) comes round every thirteen months, so that any thirteen
finished months hold it once.

Conventions: a month is a whole number, ``year * 12 + month - 1``; days are UTC dates; the last day
told is yesterday, which is not complete yet. The unfinished month is the one yesterday lies in, so
on the first of a month that is the month before. Chance draws floats; a figure becomes whole
node-seconds in ``_work``, before anything is summed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

import msgspec

from nodehours.terms.month import Month

PORTAL = "demo"
MONTHS = 14
STAFF = "demo-staff"  # the login of the centre's own staff; no report names it

_CYCLE = 13  # months after which what must be seen comes round again

_Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class DemoReport:
    """One portal-wide report of one resource and month: its file's name and its JSON.

    ``name`` is like ``isca/2026-11.json``, ``document`` like
    ``{"portal": "demo", "reports": {"climate.demo": {"project", "reports", "users"}}}``.
    """

    name: str
    resource: str
    document: bytes


def demo_reports(today: date) -> Iterator[DemoReport]:
    """Every report of the fourteen months that end with yesterday's, oldest first."""
    unfinished = _month_of(today - timedelta(days=1))
    for month in range(unfinished - MONTHS + 1, unfinished + 1):
        for machine in _MACHINES:
            yield _report(machine, month, today)


def demo_grants(today: date) -> Iterator[tuple[str, str, int]]:
    """(project, resource, node-hours of an ordinary month) of the projects that run in yesterday's month."""
    for project in _projects(_month_of(today - timedelta(days=1))):
        for machine, node_hours in project.node_hours.items():
            yield project.identifier, machine, node_hours


# --- who and where -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Machine:
    """A resource. ``node`` is what one node-second holds of each component (memory in MB)."""

    name: str
    node: Mapping[str, int]
    shared: frozenset[str]  # components a job may hold less of than its share of nodes


@dataclass(frozen=True, slots=True)
class _Project:
    """A project, its seats, and its node-hours a month on each machine at demand 1."""

    name: str
    seats: tuple[int, ...]
    node_hours: Mapping[str, int]
    job_node_hours: int
    first_month: int = 0
    old_account: bool = False  # runs jobs from an account made before there was a portal

    @property
    def identifier(self) -> str:
        return f"{self.name}.{PORTAL}"


_MACHINES = (
    _Machine(
        "isca",
        {"billing": 1152, "cpu": 288, "gpu": 4, "memory": 480_000},
        frozenset({"cpu", "memory"}),
    ),
    _Machine("tamar", {"billing": 256, "cpu": 256, "memory": 512_000}, frozenset({"memory"})),
)

_STANDING = (
    _Project("climate", (*range(11),), {"isca": 9_000, "tamar": 24_000}, 48),
    _Project("ocean", (*range(11, 19), 2, 5), {"tamar": 14_000}, 64, old_account=True),
    _Project("genome", (*range(19, 29),), {"isca": 1_800, "tamar": 6_500}, 2),
    _Project("proteins", (*range(29, 36), 20), {"isca": 7_500}, 6),
    _Project("fusion", (*range(36, 45),), {"tamar": 18_000}, 96),
    _Project("materials", (*range(45, 54), 37), {"isca": 2_600, "tamar": 8_000}, 8),
    _Project("language", (*range(54, 64),), {"isca": 22_000}, 40),
    _Project("cosmos", (*range(64, 72), 5, 47), {"tamar": 4_200}, 24),
)
_STANDING_SEATS = 72

_PILOTS = ("glacier", "plasma", "enzyme", "lattice", "corpus", "quasar")
_PILOT_SEATS = 6
_PILOT_MONTHS = 16  # longer than the cycle: the next pilot starts before this one ends
_PILOT_START = 6


def _projects(month: int) -> Iterator[_Project]:
    """The projects with a grant in ``month``: the standing ones and one or two pilots."""
    yield from _STANDING
    newest = (month - _PILOT_START) // _CYCLE
    for call in (newest - 1, newest):
        if month < call * _CYCLE + _PILOT_START + _PILOT_MONTHS:
            yield _pilot(call)


def _pilot(call: int) -> _Project:
    """The pilot project of one call. Names and people come again after six calls."""
    turn = call % len(_PILOTS)
    first_seat = _STANDING_SEATS + turn * _PILOT_SEATS
    return _Project(
        _PILOTS[turn],
        (*range(first_seat, first_seat + _PILOT_SEATS),),
        {"isca": 3_000, "tamar": 2_400},
        12,
        first_month=call * _CYCLE + _PILOT_START,
    )


def _rotates(seat: int) -> bool:
    """Whether a seat changes hands every cycle; the others are held by one person throughout."""
    return seat < _STANDING_SEATS and seat % 3 == 0


def _term(seat: int, month: int) -> tuple[int, int]:
    """(which holder of a rotating seat, which month of the holder's thirteen counted from 0)."""
    return divmod(month + seat * 5, _CYCLE)


def _is_leaving(seat: int, month: int) -> bool:
    """Whether the seat's holder goes in the middle of ``month``."""
    return _rotates(seat) and _term(seat, month)[1] == _CYCLE - 1


_SYLLABLES = tuple(first + second for first in "bdgklmprstvz" for second in "aeiou")
_HOLDERS = 5  # people who take turns on a rotating seat; after them the first comes back


def _holder(seat: int, month: int) -> str:
    """The login of the person in a seat."""
    return _login(seat, _term(seat, month)[0] % _HOLDERS if _rotates(seat) else 0)


def _login(seat: int, turn: int = 0) -> str:
    """A login of three syllables, another one for every seat and turn."""
    size = len(_SYLLABLES)
    # A prime step through all size**3 names: no name twice, and neighbours do not look alike.
    number = ((seat * _HOLDERS + turn) * 32_452_843 + 4_567) % size**3
    places = (number // size**2, number // size % size, number % size)
    return "".join(_SYLLABLES[place] for place in places)


# A plain member of one project only, with usage in every finished month, and that project.
MEMBER = f"{_login(1)}.{PORTAL}"
MEMBER_PROJECT = f"climate.{PORTAL}"


# --- what comes round every cycle --------------------------------------------------------------

_LOST_DAY = (7, "tamar", 9)  # month of the cycle, machine, day: the portal never got it
_UNCLOSED_DAY = (10, "isca", 23)  # got only in part, and never completed
_IDLE = (4, "cosmos")
_CLAIMED_TWICE = (range(5, 8), "genome", 20)  # months, project, seat


def _is_lost(machine: _Machine, day: date) -> bool:
    return (_month_of(day) % _CYCLE, machine.name, day.day) == _LOST_DAY


def _is_closed(machine: _Machine, day: date, today: date) -> bool:
    """Whether the portal has everything of a day: never yesterday, and not one day of the cycle."""
    unclosed = (_month_of(day) % _CYCLE, machine.name, day.day) == _UNCLOSED_DAY
    return not unclosed and day < today - timedelta(days=1)


def _is_idle(project: _Project, month: int) -> bool:
    return (month % _CYCLE, project.name) == _IDLE


# --- how much ----------------------------------------------------------------------------------

_JANUARY_2025 = 2025 * 12
_DEPARTURE_DAY = 10  # a leaver's last day of work


def _demand(project: _Project, month: int) -> float:
    """Growth: 2 % of the level of January 2025 a month until it is 1.8-fold; pilots ramp up too."""
    age = month - project.first_month
    ramp = min(1.0, 0.4 + 0.15 * age)
    return ramp * max(0.6, min(1.8, 1.0 + 0.02 * (month - _JANUARY_2025)))


def _is_rest_day(day: date) -> bool:
    """Saturdays, Sundays and the days from Christmas Eve to New Year's Day."""
    holidays = (day.month, day.day) >= (12, 24) or (day.month, day.day) == (1, 1)
    return holidays or day.weekday() >= 5


def _day_node_seconds(project: _Project, machine: _Machine, month: int, chance: Random) -> float:
    """What the project uses on a mean day of one month on one machine, 15 % up or down."""
    hours = project.node_hours[machine.name] * _demand(project, month)
    return hours * 3600 / 30.4 * (0.85 + 0.3 * chance.random())


@dataclass(frozen=True, slots=True)
class _Work:
    """What one local user did on one day. ``packing`` is per cent held of shared components."""

    local_user: str
    node_seconds: int
    jobs: int  # started on the day: 0 when all the usage is of jobs from before
    job_wait_seconds: int
    packing: int

    @property
    def wait_seconds(self) -> int:
        return self.jobs * self.job_wait_seconds


def _work(project: _Project, local_user: str, node_seconds: float, chance: Random) -> _Work:
    """Node-seconds as jobs of about the project's size, each with a wait of up to two hours."""
    jobs = int(node_seconds / (project.job_node_hours * 3600) + chance.random())
    job_wait_seconds = int(7200 * chance.random())
    packing = 40 + int(60 * chance.random())
    return _Work(local_user, int(node_seconds), jobs, job_wait_seconds, packing)


def _cut_short(work: _Work) -> _Work:
    """The part of a day's work the portal has before the day is closed."""
    return replace(work, node_seconds=work.node_seconds * 3 // 4, jobs=work.jobs * 3 // 4)


def _diligence(seat: int) -> float:
    """The chance that a seat's holder runs anything on a working day, 0.35 to 0.95."""
    return (seat * 37 % 61 + 35) / 100


def _shares(project: _Project) -> dict[int, float]:
    """Seat → its holder's part of the project's mean day, on the days the holder works."""
    weights = {seat: 1 / (rank + 2) for rank, seat in enumerate(project.seats)}
    whole = sum(weights.values())
    return {seat: weight / whole / _diligence(seat) for seat, weight in weights.items()}


def _members_work(
    project: _Project, day: date, day_node_seconds: float, chance: Random
) -> Iterator[_Work]:
    """The work of everyone who holds a seat. Fewer people work on rest days."""
    month, turnout = _month_of(day), 0.6 if _is_rest_day(day) else 1.13
    for seat, share in _shares(project).items():
        gone = day.day > _DEPARTURE_DAY and _is_leaving(seat, month)
        if chance.random() < _diligence(seat) * turnout and not gone:
            node_seconds = day_node_seconds * share * (0.4 + 1.2 * chance.random())
            yield _work(project, f"{_holder(seat, month)}.{project.name}", node_seconds, chance)


def _ownerless_work(project: _Project, day_node_seconds: float, chance: Random) -> Iterator[_Work]:
    """Work nobody in the portal owns: an account from before it, and now and then ``unknown``."""
    if project.old_account:
        node_seconds = day_node_seconds * (0.02 + 0.02 * chance.random())
        yield _work(project, f"nightly.{project.name}", node_seconds, chance)
    if chance.random() < 0.06:
        yield _work(project, "unknown", day_node_seconds * 0.03 * chance.random(), chance)


# --- as OpenPortal writes it -------------------------------------------------------------------


def _report(machine: _Machine, month: int, today: date) -> DemoReport:
    reports = {
        project.identifier: _project_report(project, machine, month, today)
        for project in _projects(month)
        if machine.name in project.node_hours
    }
    document = {"portal": PORTAL, "reports": reports}
    name = f"{machine.name}/{_calendar_month(month)}.json"
    # Sorted keys: the same world is the same bytes.
    return DemoReport(name, machine.name, msgspec.json.encode(document, order="sorted"))


def _project_report(project: _Project, machine: _Machine, month: int, today: date) -> _Json:
    """OpenPortal's ProjectUsageReport: days by date, and who is a member at the month's end."""
    return {
        "project": project.identifier,
        "reports": dict(_days(project, machine, month, today)),
        "users": dict(_users(project, month)),
    }


def _users(project: _Project, month: int) -> Iterator[tuple[str, str]]:
    """(user identifier, local user) of each member; who leaves in the month is none at its end."""
    for seat in project.seats:
        login = _holder(seat, month)
        if not _is_leaving(seat, month):
            yield f"{login}.{project.identifier}", f"{login}.{project.name}"
        if (project.name, seat) == _CLAIMED_TWICE[1:] and month % _CYCLE in _CLAIMED_TWICE[0]:
            # The person signed up again: two logins claim one account until somebody notices.
            yield f"{login}-2.{project.identifier}", f"{login}.{project.name}"


def _days(
    project: _Project, machine: _Machine, month: int, today: date
) -> Iterator[tuple[str, _Json]]:
    """(date, DailyProjectUsageReport) of each day before ``today`` the portal has got."""
    # One stream of chance a month, drawn day by day: a month cut short is the whole one's start.
    stream = f"{project.name} on {machine.name} in {month}"
    chance = Random(stream)  # noqa: S311  # invents figures to look at, no secrets
    day_node_seconds = _day_node_seconds(project, machine, month, chance)
    for day in _dates(month, today):
        closed = _is_closed(machine, day, today)
        works = _day_works(project, day, day_node_seconds, chance)
        if not _is_lost(machine, day):
            yield day.isoformat(), _day(machine, works if closed else _parts(works), closed=closed)


def _day_works(
    project: _Project, day: date, day_node_seconds: float, chance: Random
) -> list[_Work]:
    if _is_idle(project, _month_of(day)):
        return []
    members = list(_members_work(project, day, day_node_seconds, chance))
    return members + list(_ownerless_work(project, day_node_seconds, chance))


def _parts(works: list[_Work]) -> list[_Work]:
    return [_cut_short(work) for work in works]


def _day(machine: _Machine, works: list[_Work], *, closed: bool) -> _Json:
    """A DailyProjectUsageReport; as OpenPortal does, it leaves out counters that are 0 or empty."""
    counters = {
        "components": _components(machine, works),
        "num_jobs": sum(work.jobs for work in works),
        "total_wait_seconds": sum(work.wait_seconds for work in works),
        "user_job_counts": {work.local_user: work.jobs for work in works if work.jobs},
        "user_wait_seconds": {w.local_user: w.wait_seconds for w in works if w.wait_seconds},
    }
    usage = {work.local_user: {"seconds": work.node_seconds} for work in works}
    filled = {name: counter for name, counter in counters.items() if counter}
    return {"reports": usage, "is_complete": closed, **filled}


def _components(machine: _Machine, works: list[_Work]) -> _Json:
    """``{component: {local user: {"seconds"}}}``, in component-seconds (of memory, MB-seconds)."""
    return {
        component: {work.local_user: {"seconds": _held(machine, component, work)} for work in works}
        for component in (machine.node if works else ())
    }


def _held(machine: _Machine, component: str, work: _Work) -> int:
    """Component-seconds of one local user's day: all of the nodes', or the packed part of it."""
    per_cent = work.packing if component in machine.shared else 100
    return work.node_seconds * machine.node[component] * per_cent // 100


# --- the calendar ------------------------------------------------------------------------------


def _month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def _calendar_month(month: int) -> Month:
    return Month(month // 12, month % 12 + 1)


def _dates(month: int, today: date) -> Iterator[date]:
    """The days of a month that are over."""
    calendar_month = _calendar_month(month)
    day, end = calendar_month.start, min(calendar_month.end, today)
    while day < end:
        yield day
        day += timedelta(days=1)
