"""OpenPortal reports written for tests, and the usage rows they must come to, worked out from them alone."""

from __future__ import annotations

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from nodehours.intake.openportal import ingest
from nodehours.ledger.store import connected


class Reported(NamedTuple):
    """One report of a project on a resource: who has which local user, and each day's seconds by local user."""

    resource: str
    project: str
    users: Mapping[str, str]
    days: Mapping[date, Mapping[str, int]]

    def document(self) -> bytes:
        """Write it as OpenPortal does."""
        report = {
            "project": self.project,
            "users": {f"{user}.{self.project}": local for user, local in self.users.items()},
            "reports": {
                str(day): {
                    "reports": {local: {"seconds": seconds} for local, seconds in used.items()},
                    "is_complete": True,
                }
                for day, used in self.days.items()
            },
        }
        return json.dumps(report).encode()


class Told(NamedTuple):
    """A usage row as the reports tell it; ``user`` is the person's name at the portal, None for nobody's row."""

    year: int
    month: int
    project: str
    resource: str
    user: str | None
    node_seconds: int

    @property
    def username(self) -> str:
        """What the row's ``username`` must be."""
        return f"{self.user}.{self.project}" if self.user else "unknown"

    @property
    def identity(self) -> str | None:
        """The person, as in ``alice.brics``."""
        return f"{self.user}.{self.project.partition('.')[2]}" if self.user else None


def fill(database_url: str, reports: Iterable[Reported]) -> None:
    """Post *reports*, one after the other, as ``nodehours ingest openportal`` does."""
    with tempfile.TemporaryDirectory() as directory, connected(database_url) as connection:
        path = Path(directory) / "report.json"
        for report in reports:
            path.write_bytes(report.document())
            assert ingest(connection, [str(path)], report.resource).faults == []


def told(reports: Iterable[Reported]) -> list[Told]:
    """Return the rows of *reports* in the ledger's order: by month, by allocation as first seen, by user.

    Holds for reports that tell of each month of an allocation only once, and in which no two users have the
    same local user: then a statement's rows are made in the order of their users, nobody's last.
    """
    rows: list[Told] = []
    allocations: dict[tuple[str, str], int] = {}
    for report in reports:
        allocations.setdefault((report.project, report.resource), len(allocations))
        rows += _rows(report)
    return sorted(rows, key=lambda row: (row[:2], allocations[row.project, row.resource]))


def _rows(report: Reported) -> Iterable[Told]:
    months: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for day, used in report.days.items():
        months[day.year, day.month].update(dict(used))
    for month, used_by in months.items():
        where = (*month, report.project, report.resource)
        mapped = {user: local for user, local in sorted(report.users.items()) if local in used_by}
        for user, local in mapped.items():
            yield Told(*where, user, used_by[local])
        yield Told(*where, None, used_by.total() - sum(used_by[local] for local in mapped.values()))
