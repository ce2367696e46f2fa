"""Portal-wide reports whose every figure follows from the project, the day, the person and a version."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

PEOPLE = ("alice", "bob", "carol", "dave")
FIRST = date(2026, 1, 1)


def write(
    path: Path, projects: Iterable[str], *, days: int = 62, version: int = 0, portal: str = "brics"
) -> Path:
    """Write the report of *projects* (``climate``, ``ocean`` …) to *path*; a later *version* changes every figure."""
    reports = {
        f"{project}.{portal}": _project(f"{project}.{portal}", days, version)
        for project in projects
    }
    path.write_text(json.dumps({"portal": portal, "reports": reports}))
    return path


def _project(project: str, days: int, version: int) -> dict[str, Any]:
    """The same people work in all projects; ``old`` and ``unknown`` are nobody."""
    return {
        "project": project,
        "users": {f"{person}.{project}": f"{person}_l" for person in PEOPLE},
        "reports": {
            str(FIRST + timedelta(day)): {
                "reports": {
                    local_user: {
                        "seconds": 3600 * number + 60 * day + len(project) + 1000 * version
                    }
                    for number, local_user in enumerate(
                        [*(f"{person}_l" for person in PEOPLE), "old", "unknown"]
                    )
                },
                "components": {"cpu": {"alice_l": {"seconds": 288 * (day + version)}}},
                "is_complete": True,
            }
            for day in range(days)
        },
    }
