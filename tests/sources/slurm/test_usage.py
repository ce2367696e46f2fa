"""Daily usage is exact: DuckDB says what plain Python says, under each rule, in each time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.attempt import Attempt
from nodehours.sources.slurm.engines import DuckDB
from nodehours.sources.slurm.joining import sure
from nodehours.sources.slurm.usage import ATTEMPTS, Reckoning, daily_usage
from nodehours.terms.calendar import Calendar
from nodehours.terms.rule import Rule
from tests.sources.slurm.attempts import (
    RULES,
    ZONES,
    Case,
    attempt,
    drawn,
    many,
    noon,
    reckoned,
    written,
)
from tests.sources.slurm.reference import Cell, daily

cases = st.builds(Case, st.sampled_from(list(ZONES)), st.sampled_from(RULES), st.booleans())
known = cases.flatmap(lambda case: st.tuples(st.just(case), drawn(case.zone)))


@pytest.mark.slow
@given(known)
@settings(max_examples=40)
def test_duckdb_says_what_plain_python_says(told: tuple[Case, list[Attempt]]) -> None:
    case, attempts = told
    assert by_duckdb(attempts, case) == by_hand(attempts, case)


@pytest.mark.parametrize("zone", ZONES)
def test_duckdb_says_so_of_many_attempts(zone: str) -> None:
    attempts = many(zone, 3_000, seed=7)
    for rule in RULES:
        case = Case(zone, rule, only_last=rule == RULES[1])
        found = by_duckdb(attempts, case)
        assert len(found) > 50
        assert found == by_hand(attempts, case)


@given(st.sampled_from(list(ZONES)).flatmap(lambda zone: st.tuples(st.just(zone), drawn(zone))))
@settings(max_examples=15)
def test_the_days_of_a_job_add_up_to_the_job(told: tuple[str, list[Attempt]]) -> None:
    zone, attempts = told
    attempts = [one._replace(submitted=one.start) for one in attempts]
    weeks = timedelta(50)
    how = Reckoning(
        Rule.parse(RULES[0]), Calendar(ZoneInfo(zone)), ZONES[zone] - weeks, ZONES[zone] + weeks
    )
    with TemporaryDirectory() as directory:
        file = written(Path(directory) / "1.parquet", attempts)
        found = DuckDB().answer(daily_usage(ATTEMPTS, how), [file]).to_pylist()

    lengths = [one.end - one.start - one.suspended for one in attempts]
    assert sum(row["jobs"] for row in found) == len(attempts)
    assert sum(row["counted"] for row in found) == sum(
        length * one.nodes for length, one in zip(lengths, attempts, strict=True)
    )
    assert sum(row["cpu"] for row in found) == sum(
        length * one.cpus for length, one in zip(lengths, attempts, strict=True)
    )


def test_a_sum_beyond_64_bits_is_an_error(tmp_path: Path) -> None:
    file = written(tmp_path / "1.parquet", overflowing())

    with pytest.raises(UnreadableError, match="beyond 64 bits"):
        reckoned(DuckDB(), [file], Case("UTC", RULES[0]))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="jobs cannot be reckoned"):
        reckoned(DuckDB(), [str(tmp_path / "1.parquet")], Case("UTC", RULES[0]))


def overflowing() -> list[Attempt]:
    one = attempt(noon("UTC"), lambda least, _: max(0, least))
    one = one._replace(start=noon("UTC"), end=noon("UTC") + 1, nodes=2**61)
    return [one._replace(job=str(job), submitted=job) for job in range(1, 9)]


@pytest.mark.parametrize(
    ("records", "once"),
    [
        ([(0, 100, 300), (50, 200, 300)], [(50, 100, 300)]),
        ([(0, 200, 300), (50, 100, 300)], [(50, 100, 300)]),
        ([(0, 100, 200), (0, 150, 300)], [(0, 100, 300)]),
        ([(0, 100, 200), (0, 150, 300), (0, 299, 400)], [(0, 100, 400)]),
        ([(0, 100, 300), (0, 120, 150), (0, 200, 250)], [(0, 100, 300)]),
        ([(0, 100, 200), (0, 200, 300)], [(0, 100, 200), (0, 200, 300)]),
        ([(50, 100, 200), (51, 150, 300)], [(50, 100, 200), (51, 150, 300)]),
        ([(0, 100, 300), (50, 100, 150), (51, 250, 400)], [(50, 100, 150), (51, 250, 400)]),
    ],
)
def test_a_job_runs_once_at_a_time(
    tmp_path: Path, records: list[tuple[int, int, int]], once: list[tuple[int, int, int]]
) -> None:
    """Records are (submitted or 0, start, end); what is known to be several attempts stays so."""
    one = attempt(noon("UTC"), lambda least, _: max(0, least))._replace(is_ended=True, suspended=0)
    told = [one._replace(submitted=at, start=start, end=end) for at, start, end in records]

    found = DuckDB().answer(sure(ATTEMPTS), [written(tmp_path / "1.parquet", told)]).to_pylist()

    assert sorted((row["submitted"], row["start"], row["end"]) for row in found) == once


def by_duckdb(attempts: Sequence[Attempt], case: Case) -> dict[Cell, dict[str, int]]:
    with TemporaryDirectory() as directory:
        return reckoned(DuckDB(), [written(Path(directory) / "1.parquet", attempts)], case)


def by_hand(attempts: Sequence[Attempt], case: Case) -> dict[Cell, dict[str, int]]:
    return daily(
        attempts,
        Rule.parse(case.rule),
        ZoneInfo(case.zone),
        case.days,
        only_last=case.only_last,
    )
