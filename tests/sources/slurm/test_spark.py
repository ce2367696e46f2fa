"""Spark on two workers says what DuckDB and plain Python say, of archives near and far."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from nodehours.intake.slurm import Wanted, rebuild
from nodehours.ledger.store import Connection
from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.archive import Archive, opened_archive
from nodehours.sources.slurm.engines import Asked, DuckDB
from nodehours.sources.slurm.far import far_archive
from nodehours.sources.slurm.joining import joined
from nodehours.sources.slurm.kept import Kept
from nodehours.sources.slurm.months import RuleFrom, Setting, month_usage
from nodehours.sources.slurm.spark import Spark, opened_spark
from nodehours.sources.slurm.usage import ATTEMPTS
from nodehours.terms.calendar import Calendar
from nodehours.terms.month import Month
from nodehours.terms.rule import Rule
from tests.intake.job_logs import CLUSTER, HISTORY, MONTHS, expected, take_in, used
from tests.ledger.commands import await_that
from tests.sources.slurm.attempts import DAY, RULES, ZONES, Case, many, reckoned, written
from tests.sources.slurm.cluster import CONF, MASTER, set_up
from tests.sources.slurm.reference import daily
from tests.sources.slurm.test_usage import overflowing

# One session for all: no other process of a run starts one of its own.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("spark")]
CASES = [
    Case("Europe/London", RULES[1]),
    Case("Pacific/Auckland", RULES[0], only_last=True),
    Case("Pacific/Apia", RULES[4]),
]


FAR = "viewfs://far/slurm"


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is FAR for Hadoop, which is told so when Spark is started."""
    return tmp_path_factory.mktemp("far")


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory, far: Path) -> Iterator[Spark]:
    mounted = ("spark.hadoop.fs.viewfs.mounttable.far.link./slurm", f"file://{far}")
    with pytest.MonkeyPatch.context() as patched:
        set_up(tmp_path_factory.mktemp("spark"), patched)
        with opened_spark(MASTER, [*CONF, mounted]) as session:
            yield session


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive of several files, which knows all jobs of a month."""
    with opened_archive(tmp_path / "archive%20") as kept:
        for part in range(3):
            attempts = many("Europe/London", 900, seed=part)
            path = Path(written(tmp_path / "part.parquet", attempts))
            kept.add(pq.ParquetFile(path).iter_batches())
        kept.cover("lab", 0, 2**32)
        yield kept


def test_there_are_two_workers_beside_the_driver(spark: Spark) -> None:
    scala = spark.session.sparkContext._jsc.sc()

    await_that(lambda: scala.getExecutorMemoryStatus().size() == 3, "both workers are there")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_two_workers_say_what_plain_python_says(spark: Spark, tmp_path: Path, case: Case) -> None:
    attempts = many(case.zone, 4_000, seed=3)
    files = [written(tmp_path / f"{part} %20.parquet", attempts[part::3]) for part in range(3)]

    found = reckoned(spark, files, case)

    assert len(found) > 50
    assert found == reckoned(DuckDB(), files, case)
    assert found == daily(
        attempts, Rule.parse(case.rule), ZoneInfo(case.zone), case.days, only_last=case.only_last
    )


def test_a_sum_beyond_64_bits_is_an_error_of_spark_as_well(spark: Spark, tmp_path: Path) -> None:
    file = written(tmp_path / "1.parquet", overflowing())

    with pytest.raises(UnreadableError, match="OVERFLOW"):
        reckoned(spark, [file], Case("UTC", RULES[0]))


def test_a_copy_of_an_archive_is_read_where_it_lies(
    spark: Spark, far: Path, archive: Archive
) -> None:
    shutil.copytree(archive.directory, far / "copy%20")

    copy = far_archive(f"{FAR}/copy%20/", spark)

    assert copy.holds_once
    usage, complete = months(copy, spark)
    assert len(usage) > 50
    assert complete
    assert (usage, complete) == months(archive, DuckDB())


def test_files_that_somebody_put_together_are_joined(
    spark: Spark, far: Path, archive: Archive
) -> None:
    heap = far / "heap"
    for number, (place, _, _) in enumerate(archive.parts):
        for again in range(2):
            there = heap / str(again) / f"month-{number % 2}" / f"{number}.parquet"
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, there)

    loose = far_archive(f"{FAR}/heap", spark)

    assert not loose.holds_once
    assert loose.has_unsure
    assert sorted(loose.clusters) == sorted(archive.clusters)
    usage, _ = months(loose, spark)
    assert usage == months(archive, DuckDB())[0]


def test_where_nothing_is_there_is_no_archive(spark: Spark) -> None:
    with pytest.raises(UnreadableError, match="there is no archive at"):
        far_archive(f"{FAR}/none", spark)


def test_records_of_one_attempt_are_joined_by_both_engines_alike(
    spark: Spark, tmp_path: Path
) -> None:
    attempts = many("UTC", 1_500, seed=1)
    later = [
        one._replace(end=one.end + DAY, start=max(one.start, one.submitted) + 1, is_ended=True)
        for one in attempts[::2]
    ]
    files = [written(tmp_path / f"{at}.parquet", of) for at, of in enumerate((attempts, later))]

    found = [
        sorted(engine.answer(joined(ATTEMPTS), files).to_pylist(), key=str)
        for engine in (spark, DuckDB())
    ]

    assert found[0] == found[1]
    assert len(found[0]) < len(attempts) + len(later)


@pytest.mark.usefixtures("spark")
def test_months_are_rebuilt_by_spark_from_a_copy_without_changing_a_figure(
    connection: Connection, far: Path
) -> None:
    take_in(
        connection,
        far / "lab",
        [HISTORY / month / "sacct_X_unixtime.txt" for month in MONTHS],
    )
    before = used(connection)
    wanted = Wanted(CLUSTER, f"{FAR}/lab", engine=Asked(MASTER, CONF))

    told = rebuild(connection, [Month(2026, 9), Month(2026, 10)], wanted)

    assert told.run.faults == []
    assert [month.revision for month in told.run.months] == [None] * len(told.run.months) != []
    assert used(connection) == before
    assert {cell: n for cell, n in before.items() if cell[2] in MONTHS} == expected("alloc_node")


def months(kept: Kept, engine: Spark | DuckDB) -> tuple[list[object], frozenset[date]]:
    rules = [RuleFrom(ZONES["UTC"], Rule.parse(RULES[0]))]
    setting = Setting(rules, Calendar(ZoneInfo("Europe/London")))
    found = month_usage(kept, Month(2026, 10), setting, 2**32, engine)
    return found.usage.to_pylist(), found.complete
