"""A portal-wide OpenPortal usage report of invented projects: any number, 20 people each, the 31 days of a month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec

PORTAL = "bench"
PEOPLE = 20
DAYS = 31
_FIRST_DAY = date(2025, 10, 1)
_CHANGED_DAY = 14
_SECONDS_OF = {"cpu": 128, "gpu": 4, "memory": 512_000, "billing": 256}
"""What one node-second holds of each component (memory in MB)."""

Json = dict[str, object]


def cells(projects: int, *, components: bool) -> int:
    """How many figures of one person on one day the report has: node-seconds, and each component."""
    return projects * PEOPLE * DAYS * (1 + len(_SECONDS_OF) * components)


def write_report(path: Path, projects: int, *, components: bool, changed: bool = False) -> None:
    """Write the report to *path*, a project at a time. *changed*: one day of every project has other figures."""
    with path.open("wb") as file:
        file.write(b'{"portal":%s,"reports":{' % msgspec.json.encode(PORTAL))
        for number in range(projects):
            project = f"project{number}"
            report = _project(project, number, components=components, changed=changed)
            file.write(b"," if number else b"")
            file.write(msgspec.json.encode(f"{project}.{PORTAL}") + b":")
            file.write(msgspec.json.encode(report))
        file.write(b"}}")


def _project(project: str, number: int, *, components: bool, changed: bool) -> Json:
    people = [f"person{number * 7 + place}" for place in range(PEOPLE)]
    local_users = {person: f"{person}.{project}" for person in people}
    return {
        "project": f"{project}.{PORTAL}",
        "reports": dict(
            _days(number, list(local_users.values()), components=components, changed=changed)
        ),
        "users": {f"{person}.{project}.{PORTAL}": local for person, local in local_users.items()},
    }


def _days(
    number: int, local_users: list[str], *, components: bool, changed: bool
) -> Iterator[tuple[str, Json]]:
    for day in range(DAYS):
        more = 60 if changed and day == _CHANGED_DAY else 0
        used = {
            local: 3600 * (1 + (number + place * day) % 24) + more
            for place, local in enumerate(local_users)
        }
        yield str(_FIRST_DAY + timedelta(day)), _day(used, components=components)


def _day(used: dict[str, int], *, components: bool) -> Json:
    """A day as OpenPortal 0.94 writes it: counters beside the usage, components when there are any."""
    day: Json = {
        "reports": _seconds(used, 1),
        "num_jobs": 3 * len(used),
        "total_wait_seconds": 180 * len(used),
        "user_job_counts": dict.fromkeys(used, 3),
        "user_wait_seconds": dict.fromkeys(used, 180),
        "is_complete": True,
    }
    if components:
        day["components"] = {name: _seconds(used, times) for name, times in _SECONDS_OF.items()}
    return day


def _seconds(used: dict[str, int], times: int) -> dict[str, Json]:
    return {local: {"seconds": seconds * times} for local, seconds in used.items()}
