"""Reports as files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nodehours.terms.usage import ProjectUsage

Days = Mapping[str, Mapping[str, int]]


def report(project: str, days: Days, *, is_complete: bool = True, **users: str) -> dict[str, Any]:
    """A ProjectUsageReport: each day's seconds by local user; *users* says who has which."""
    return {
        "project": project,
        "reports": {
            day: {
                "reports": {local_user: {"seconds": n} for local_user, n in used.items()},
                "is_complete": is_complete,
            }
            for day, used in days.items()
        },
        "users": {f"{user}.{project}": local_user for user, local_user in users.items()},
    }


def portal(*reports: dict[str, Any], name: str = "brics") -> dict[str, Any]:
    """A portal-wide UsageReport."""
    return {"portal": name, "reports": {one["project"]: one for one in reports}}


def written(path: Path, content: object) -> str:
    """Write *content* as JSON to *path*, and return its name."""
    path.write_text(json.dumps(content))
    return str(path)


def as_report(usage: ProjectUsage) -> dict[str, Any]:
    """Say in a report what *usage* says; of a user with several local users it can name one only."""
    return {
        "project": str(usage.project),
        "reports": {
            str(day): {
                "reports": {name: {"seconds": used[0]} for name, used in whole.usage.items()},
                "user_job_counts": {name: used[1] for name, used in whole.usage.items()},
                "user_wait_seconds": {name: used[2] for name, used in whole.usage.items()},
                "components": {
                    component: {
                        name: {"seconds": seconds}
                        for (name, other), seconds in whole.components.items()
                        if other == component
                    }
                    for _, component in whole.components
                },
                "num_jobs": whole.jobs,
                "total_wait_seconds": whole.wait_seconds,
                "is_complete": whole.is_complete,
            }
            for day, whole in usage.days.items()
        },
        "users": {str(user): local_user for local_user, user in sorted(usage.claims)},
    }
