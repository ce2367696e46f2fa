"""The commands as a user runs them: processes, on the test's own ledger."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.forked import forked

NODEHOURS = str(Path(sys.executable).with_name("nodehours"))

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def nodehours(database_url: str, tmp_path: Path) -> Run:
    """Run ``nodehours`` with some arguments and return what came of it."""
    environment = os.environ | {"NODEHOURS_DATABASE_URL": database_url}

    def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        return forked(arguments, stdin, environment, tmp_path)

    return run


def report(project: str, days: dict[str, dict[str, int]], **users: str) -> dict[str, Any]:
    """A ProjectUsageReport of complete days: node-seconds by local user; *users* maps users to them."""
    return {
        "project": project,
        "reports": {
            day: {
                "reports": {local_user: {"seconds": n} for local_user, n in used.items()},
                "is_complete": True,
            }
            for day, used in days.items()
        },
        "users": {f"{user}.{project}": local_user for user, local_user in users.items()},
    }


def dump(value: object) -> bytes:
    return json.dumps(value).encode()
