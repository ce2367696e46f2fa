"""Job records as Parquet, in whatever types a table has them."""

from __future__ import annotations

import io
import mmap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nodehours.sources.document import Document, UnreadableError, opened
from nodehours.sources.slurm.attempt import Told
from nodehours.sources.slurm.reading import JobRecords
from tests.sources.slurm.samples import LAB, NAMES, RECORD, START, document, line, read, text

EXPECTED = read(text(line(7))).attempts
COLUMNS: dict[str, Any] = {
    name: [value] for name, value in zip(NAMES, RECORD.values(), strict=True)
}


def parquet(**changed: Any) -> Document:
    out = io.BytesIO()
    pq.write_table(pa.table(COLUMNS | changed), out)
    return document(out.getvalue())


def refusal(found: Document) -> str:
    with pytest.raises(UnreadableError) as refused:
        read(found)
    return str(refused.value)


def numbers(*found: int, type_: Any = None) -> Any:
    return pa.array(found, type_ or pa.int64())


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"JobID": numbers(7), "ElapsedRaw": numbers(10, type_=pa.int32())},
        {"Start": numbers(START), "End": numbers(START + 10), "Submit": numbers(START - 60)},
        {"Start": pa.array([float(START)]), "ElapsedRaw": pa.array([10.0]), "Suspended": pa.array([float("nan")])},
        {"Start": numbers(START, type_=pa.timestamp("s", "UTC"))},
        {"ElapsedRaw": pa.array([10_000], pa.duration("ms")), "Suspended": pa.array([0], pa.duration("ns"))},
        {"ElapsedRaw": pa.array([10], pa.decimal128(12, 2)), "JobID": pa.array([7], pa.decimal128(12, 0))},
        {"End": numbers((START + 10) * 10**9, type_=pa.timestamp("ns", "Europe/London"))},
        {"State": pa.array(["COMPLETED"]).dictionary_encode(), "User": pa.array(["alice"], pa.large_string())},
        {"Account": pa.array([b"brics.climate"], pa.binary()), "Suspended": pa.array([None], pa.int64())},
        {"Comment": ["a|b\nc"], "Suspended": pa.array([None], pa.string())},
    ],
    ids=[
        "texts", "whole numbers", "seconds", "floating point", "UTC", "durations", "decimals", "a zone", "categories",
        "bytes", "gaps",
    ],
)  # fmt: skip
def test_a_table_tells_what_text_tells_whatever_types_it_has(changed: dict[str, Any]) -> None:
    found = read(parquet(**changed))

    assert (found.attempts, found.bad, found.records) == (EXPECTED, [], 1)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_without_a_zone_are_local_ones(unit: str) -> None:
    clocks = {
        name: pa.array([datetime.fromtimestamp(at, UTC).replace(tzinfo=None)], pa.timestamp(unit))
        for name, at in (("Start", START), ("End", START + 10), ("Submit", START - 60))
    }
    found = read(parquet(**clocks), Told("lab", ZoneInfo("UTC")))

    assert found.attempts == EXPECTED
    assert "of which time zone?" in read(parquet(**clocks)).faults[0]


def test_names_of_columns_are_taken_in_any_case() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({name.lower(): value for name, value in COLUMNS.items()}), out)

    assert read(document(out.getvalue())).attempts == EXPECTED


def test_a_row_that_is_wrong_is_told_by_its_number() -> None:
    columns = {
        name: ["x" if name == "JobID" and at == 70_000 else value[0] for at in range(70_002)]
        for name, value in COLUMNS.items()
    }
    found = read(parquet(**columns))

    assert (len(found.attempts), found.records) == (70_001, 70_002)
    assert found.faults == ["row 70001: 'x' is no job's id"]
    assert '"account":"brics.climate"' in found.bad[0].text


def test_a_number_that_is_not_whole_is_wrong() -> None:
    assert read(parquet(ElapsedRaw=pa.array([9.5]))).faults == ["row 1: '9.5' is no duration"]


def test_columns_that_are_missing_are_said() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"JobID": ["7"], "Start": ["1"], "User": ["a"], "End": ["2"]}), out)

    assert refusal(document(out.getvalue())).startswith(
        "it does not tell account, elapsedraw, alloctres: ask sacct for at least"
    )


def test_columns_of_columns_are_refused() -> None:
    assert refusal(parquet(User=pa.array([["alice"]]))).startswith("it cannot be read as Parquet")


def test_a_file_that_is_cut_off_anywhere_is_refused() -> None:
    content = bytes(parquet().content)

    for length in range(4, len(content), 97):
        assert refusal(document(content[:length])).startswith("it cannot be read as Parquet")


def test_a_file_that_is_damaged_is_refused_or_read_and_does_nothing_else() -> None:
    content = bytes(parquet().content)
    for at in range(4, len(content), 31):
        damaged = content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :]
        try:
            read(document(damaged))
        except UnreadableError as error:
            assert str(error)  # noqa: PT017  # either is right


def test_a_document_of_which_reading_was_broken_off_can_be_closed(tmp_path: Path) -> None:
    path = tmp_path / "jobs.parquet"
    path.write_bytes(parquet(**{name: value * 70_000 for name, value in COLUMNS.items()}).content)
    with opened(str(path)) as found:
        batches = JobRecords(found, LAB).batches()
        batch = next(batches)
        assert isinstance(found.content, mmap.mmap)
        found.content.close()

    assert batch["job"].unique().to_pylist() == ["7"]
