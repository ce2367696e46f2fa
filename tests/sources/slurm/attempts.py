"""Attempts of jobs, at random, around days on which clocks change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from nodehours.sources.slurm.attempt import Attempt
from nodehours.sources.slurm.batches import batch_of
from nodehours.sources.slurm.engines import Engine
from nodehours.sources.slurm.usage import ATTEMPTS, Reckoning, daily_usage
from nodehours.terms.calendar import Calendar
from nodehours.terms.rule import Rule
from tests.sources.slurm.reference import FIGURES, Cell

DAY = 86_400
ZONES = {
    "UTC": date(2026, 10, 25),
    "Europe/London": date(2026, 10, 25),
    "Pacific/Auckland": date(2026, 9, 27),
    "Asia/Kolkata": date(2026, 2, 28),
    "Pacific/Apia": date(2011, 12, 30),
}
"""Time zones, each with a day on which something is odd: Apia left that one out."""

RULES = [
    "allocated-nodes",
    "largest-share:cpus=128,gpus=4,memory=512000",
    "largest-share:cpus=7,billing=3",
    "tres:gres/gpu*1/4",
    "tres:license/a.b",
    "tres:cpu",
]
STATES = ["COMPLETED", "REQUEUED", "NODE_FAIL", "PREEMPTED", "RUNNING"]


class Case(NamedTuple):
    """What is reckoned: on whose days, by which rule."""

    zone: str
    rule: str
    only_last: bool = False

    @property
    def days(self) -> list[date]:
        return [ZONES[self.zone] + timedelta(day) for day in range(-3, 5)]

    @property
    def reckoning(self) -> Reckoning:
        calendar, days = Calendar(ZoneInfo(self.zone)), self.days
        rule = replace(Rule.parse(self.rule), only_last=self.only_last)
        return Reckoning(rule, calendar, days[0], days[-1])


def noon(zone: str) -> int:
    """A second around which things happen."""
    day = ZONES[zone]
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).timestamp())


def attempt(around: int, number: Any) -> Attempt:
    """Make an attempt of what *number* gives for (least, most)."""
    start = around + number(-12 * DAY, 6 * DAY)
    length = number(1, (10, 5_000, 2 * DAY, 30 * DAY)[number(0, 3)])
    licenses = {name: number(0, 3) for name in ("license/a.b", "license/axb")}
    cpus, gpus, nodes = number(0, 300), number(0, 8), number(1, 40)
    tres = {"cpu": cpus, "gres/gpu": gpus, "gres/gpu:a": 2, **licenses, "node": nodes}
    return Attempt(
        ("lab", "isca")[number(0, 1)], str(number(1, 5)), (start - number(0, 20)) * number(0, 1),
        ("a", "b.c")[number(0, 1)], ("u", "v")[number(0, 1)], STATES[number(0, 4)],
        bool(number(0, 1)), start, start + length, number(0, length) * number(0, 1),
        number(0, 9_999), nodes, cpus, gpus, number(0, 10**6), number(0, 500),
        ",".join(f"{name}={count}" for name, count in sorted(tres.items()) if count),
    )  # fmt: skip


def drawn(zone: str) -> st.SearchStrategy[list[Attempt]]:
    """Some attempts around the odd day of *zone*."""
    one = st.composite(
        lambda draw: attempt(noon(zone), lambda least, most: draw(st.integers(least, most)))
    )
    return st.lists(one(), min_size=1, max_size=12, unique_by=named)


def many(zone: str, count: int, seed: int) -> list[Attempt]:
    """So many attempts, always the same ones: each job is of few attempts."""
    random = Random(seed)
    found = [
        attempt(noon(zone), random.randint)._replace(job=str(random.randrange(count // 3)))
        for _ in range(count)
    ]
    return list({named(one): one for one in found}.values())


def named(one: Attempt) -> tuple[Any, ...]:
    """What an archive knows an attempt by, but for those that began at the same second."""
    return one.cluster, one.job, one.account, one.user, one.start


def written(path: Path, attempts: Sequence[Attempt]) -> str:
    """Write a file of attempts."""
    pq.write_table(pa.Table.from_batches([batch_of(attempts)]), path)
    return str(path)


def reckoned(engine: Engine, files: Iterable[str], case: Case) -> dict[Cell, dict[str, int]]:
    """Return what *engine* makes of the attempts in *files*."""
    rows = engine.answer(daily_usage(ATTEMPTS, case.reckoning), list(files)).to_pylist()
    return {
        (row["cluster"], row["account"], row["user"], row["day"]): {
            name: row[name] for name in FIGURES
        }
        for row in rows
    }
