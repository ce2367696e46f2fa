"""A ledger that commands export, what is in it, and an export that runs meanwhile."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nodehours.ledger.store import Connection
from tests.exported import Row
from tests.faces.cli.conftest import NODEHOURS
from tests.ledger.moving import MARCH, OCEAN, report, whole_month

ALICE, BOB = "alice.climate.brics", "bob.ocean.brics"
EVERYTHING = [
    ("2025-05", ALICE), ("2025-05", "unknown"),
    ("2026-03", ALICE), ("2026-03", "unknown"), ("2026-03", BOB), ("2026-03", "unknown"),
]  # fmt: skip


def work_in_march(connection: Connection) -> None:
    """Alice and somebody unknown worked in March, Alice in May, Bob in another project on another resource."""
    report(connection, whole_month(MARCH, al=3600, old=60), alice="al")
    report(connection, {"2026-03-01": {"bo": 36}}, OCEAN, "tigris", bob="bo")
    report(connection, {"2025-05-01": {"al": 5400}}, alice="al")


def users(rows: list[Row]) -> list[tuple[str, str]]:
    return [(f"{row['year']}-{row['month']:02}", row["username"]) for row in rows]


@contextmanager
def started(url: str, tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run an export meanwhile; what becomes of the test, it is not left running."""
    with subprocess.Popen(
        [NODEHOURS, "export", *arguments],
        env=os.environ | {"NODEHOURS_DATABASE_URL": url},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
