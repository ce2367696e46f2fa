"""Records by the thousand are read as they are one by one."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.sources.slurm.attempt import LIVE_STATES, NO_TIME, Attempt, Told, read_attempt
from nodehours.sources.slurm.batches import SCHEMA, Batches, batch_of
from nodehours.sources.slurm.fields import FIELDS, NEEDED
from tests.sources.slurm.samples import LAB, START, record

Record = dict[str, str]

ZONES = (None, "UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
told = st.builds(
    Told,
    st.just("lab"),
    st.sampled_from(ZONES).map(lambda name: ZoneInfo(name) if name else None),
    st.sampled_from([START - 50, START, START + 2**20, 2**33]),
)
hostile = st.one_of(
    st.text(max_size=12),
    st.text("0123456789-:T.", max_size=20),
    st.sampled_from(
        [
            "", "0", "00", "1", "-1", "+1", " 1", "1 ", "1.0", "1e3", "\u0663", "1\x00", "9" * 11, "9" * 12, "9" * 30,
            "Unknown", "None", "RUNNING", "2K", "cpu=1,cpu=2", "00:00:00", "1-00:00:00", "2026-02-31T00:00:00",
            "2026-09-01T23:59:60", "2026-09-01 00:00:00", "2026-09-01T00:00:0", " 2026-09-01T00:00:00",
            "2026-09-01T00:00:00Z", "2026-09-01T00:00+01", "0001-01-01T00:00:00", "9999-12-31T23:59:59",
            "1970-01-01T00:00:00", "2199-12-31T23:59:59", "2026-9-1T00:00:000", "2026-09-01T00:00:00\n",
        ]
    ),
)  # fmt: skip
# Around the nights in which clocks changed, by whole and half hours and by a day, and anywhere else.
NIGHTS = [
    "2026-10-25",
    "2026-03-29",
    "2026-11-01",
    "2026-04-05",
    "2026-10-04",
    "2011-12-30",
    "2026-09-01",
]
clocks = st.builds(
    "{}T{:02}:{:02}:00".format, st.sampled_from(NIGHTS), st.integers(0, 4), st.sampled_from([0, 1, 29, 30, 59])
)  # fmt: skip
seconds = st.one_of(st.integers(START - 100, START + 100), st.integers(0, 2**34)).map(str)
times = st.one_of(seconds, clocks, st.sampled_from(sorted(NO_TIME)))
counts = st.one_of(st.integers(0, 20), st.integers(0, 10**10)).map(str)
lists = st.sampled_from(
    ["", "cpu=2,mem=1G,node=1", "billing=1,cpu=1,gres/gpu:a100=2,node=1", "node=0", "cpu=x", "energy=5"]
)  # fmt: skip
good: dict[str, st.SearchStrategy[str]] = {
    "job": st.sampled_from(["1", "40_17", "42+1", "71_[1-5%2]", "1.batch", "9" * 18]),
    "cluster": st.sampled_from(["", "lab", "isca", "Isca", "\u0130"]),
    "account": st.one_of(st.just("brics.climate"), st.text(max_size=5)),
    "user": st.sampled_from(["", "alice", "naïve"]),
    "state": st.sampled_from(["COMPLETED", "CANCELLED by 0", "", *sorted(LIVE_STATES)]),
    "submitted": times,
    "eligible": times,
    "start": times,
    "end": times,
    "elapsed": st.one_of(counts, st.sampled_from(["", "00:00:10", "01:00:00", "3600"])),
    "suspended": st.sampled_from(["", "0", "00:00:00", "00:00:05", "5"]),
    "nodes": st.one_of(counts, st.just("")),
    "cpus": st.one_of(counts, st.just("")),
    "tres": lists,
}


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """Records with the same fields: sound ones, of which some are changed here and there."""
    more = draw(st.sets(st.sampled_from(sorted(set(FIELDS) - set(NEEDED)))))
    names = [name for name in FIELDS if name in more or name in NEEDED]
    sound = {name: st.just(record().get(name, "")) for name in names}
    changed = st.sets(st.sampled_from(names), max_size=4)

    def one(at: set[str]) -> st.SearchStrategy[Record]:
        return st.fixed_dictionaries(
            {name: good[name] | hostile if name in at else sound[name] for name in names}
        )

    return draw(st.lists(changed.flatmap(one), min_size=1, max_size=12))


def one_by_one(found: Sequence[Record], how: Told) -> tuple[list[Attempt], list[tuple[int, str]]]:
    attempts, faults = [], []
    for place, one in enumerate(found):
        try:
            attempt = read_attempt(one, how)
        except ValueError as error:
            faults.append((place, str(error)))
        else:
            attempts += [attempt] if attempt else []
    return attempts, faults


def in_columns(found: Sequence[Record], how: Told) -> tuple[list[Attempt], list[tuple[int, str]]]:
    columns = {name: pa.array([one[name] for one in found], pa.string()) for name in found[0]}
    batch, faults = Batches(how).read(pa.RecordBatch.from_pydict(columns))
    assert batch.schema == SCHEMA
    assert all(one.record == found[one.place] for one in faults)
    return [Attempt(**row) for row in batch.to_pylist()], [(at.place, at.sentence) for at in faults]


@given(records(), told)
def test_columns_tell_what_records_tell_one_by_one(found: list[Record], how: Told) -> None:
    attempts, faults = one_by_one(found, how)
    told_attempts, told_faults = in_columns(found, how)

    assert sorted(told_attempts) == sorted(attempts)
    assert told_faults == faults


@given(st.lists(st.tuples(times, times, times, times), min_size=1, max_size=12), told)
def test_times_in_columns_are_those_of_records_one_by_one(
    found: list[tuple[str, str, str, str]], how: Told
) -> None:
    names = ("submitted", "eligible", "start", "end")
    changed = [
        record(**dict(zip(names, one, strict=True)), elapsed=elapsed)
        for one in found
        for elapsed in ("10", "3600")
    ]
    attempts, faults = one_by_one(changed, how)
    told_attempts, told_faults = in_columns(changed, how)

    assert sorted(told_attempts) == sorted(attempts)
    assert told_faults == faults


@pytest.mark.parametrize("day", ["0001-01-01", "1969-12-31", "2200-01-01", "9999-12-31"])
def test_a_time_of_another_age_disturbs_no_other_record(day: str) -> None:
    how = Told("lab", ZoneInfo("Europe/London"))
    odd = record(start=f"{day}T00:00:00")
    attempts, faults = in_columns([record(), odd, record(start="2026-11-01T00:00:00")], how)

    assert (len(attempts), len(faults)) == (2, 1)
    assert "of this age" in faults[0][1]


def test_no_records_are_no_attempts() -> None:
    none = pa.RecordBatch.from_pydict({name: pa.array([], pa.string()) for name in record()})
    batch, faults = Batches(LAB).read(none)

    assert (len(batch), faults) == (0, [])
    assert batch_of([]).schema == SCHEMA


def test_more_lists_of_tres_than_are_remembered_are_read_as_well() -> None:
    """With energy in it every list is another one."""
    count = 2**16 + 10
    columns = {
        name: pa.array([value if name != "tres" else f"energy={at},node=3" for at in range(count)])
        for name, value in record().items()
    }
    reader = Batches(LAB)
    batch, faults = reader.read(pa.RecordBatch.from_pydict(columns))

    assert (len(batch), faults) == (count, [])
    assert batch["nodes"].unique().to_pylist() == [3]
    assert len(reader._tres) <= 2**16
