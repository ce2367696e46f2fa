"""The archive of jobs: what comes in holds, in whatever order and however often it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.archive import (
    Added,
    opened_archive,
)
from nodehours.sources.slurm.attempt import Attempt
from nodehours.sources.slurm.batches import batch_of
from nodehours.sources.slurm.kept import Coverage
from nodehours.terms.month import Month
from tests.sources.slurm.archives import MONTH, UTC, add, after, attempt, rows
from tests.sources.slurm.samples import START, read, sample

jobs = st.sampled_from(["1", "40_17"])
starts = st.sampled_from([START, START + 5, START + 9, START + MONTH])
# A few values of each, so that the same attempts come again as they were, cut off, running and ended.
attempts = st.builds(
    lambda job, submitted, start, length, is_ended, nodes, waited, suspended: attempt(
        job=job, submitted=submitted, start=start, end=start + length, is_ended=is_ended, nodes=nodes,
        waited=waited, suspended=suspended, state="COMPLETED" if is_ended else "RUNNING",
    ),
    jobs, st.sampled_from([0, START - 60, START - MONTH]), starts, st.sampled_from([1, 5, 10, MONTH]),
    st.booleans(), st.integers(1, 2), st.integers(0, 2), st.integers(0, 1),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=12)
@given(st.lists(attempts, min_size=1, max_size=40), st.data())
def test_it_does_not_matter_in_which_files_order_and_repetition_attempts_come(
    found: list[Attempt], data: st.DataObject
) -> None:
    once = after(found)
    shuffled = data.draw(
        st.permutations(found + data.draw(st.lists(st.sampled_from(found), max_size=9)))
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    bounds = [0, *cuts, len(shuffled)]
    files = [shuffled[first:last] for first, last in pairwise(bounds)]

    assert after(*files) == once
    assert after(once, found) == once


@settings(max_examples=12)
@given(st.lists(attempts, min_size=1, max_size=40))
def test_an_attempt_is_there_once_with_its_earliest_start_and_its_latest_end(
    found: list[Attempt],
) -> None:
    def key(one: Attempt) -> tuple[str, int, int]:
        return one.job, one.submitted, 0 if one.submitted else one.start

    held = {key(one): one for one in after(found)}

    assert held.keys() == {key(one) for one in found}
    for name, one in held.items():
        same = [other for other in found if key(other) == name]
        ended = [other for other in same if other.is_ended]
        assert one.is_ended == bool(ended)
        assert one.start == min(other.start for other in same)
        assert one.end == max(other.end for other in ended or same)
        assert one.waited == max(other.waited for other in same if other.start == one.start)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_ran_gives_way_to_what_ended_even_if_that_was_sooner(order: Sequence[int]) -> None:
    both = [
        attempt(is_ended=False, state="RUNNING", end=START + 99),
        attempt(end=START + 40),
    ]

    assert after(*([both[at]] for at in order)) == [both[1]]


def test_what_was_cut_off_at_the_bounds_of_two_windows_is_one_attempt() -> None:
    first = attempt(is_ended=False, state="RUNNING", end=START + 50)
    second = attempt(start=START + 50, end=START + 80, waited=110)

    assert after([first], [second]) == after([second], [first]) == [attempt(end=START + 80)]


def test_months_of_real_jobs_cut_off_and_whole_come_to_the_whole_ones() -> None:
    whole, cut = (
        [read(sample(f"{month}/{form}.parsable2.txt"), UTC) for month in ("2026-09", "2026-10")]
        for form in ("sacct_X_D", "sacct_X_D_truncate")
    )
    known = after(*(one.attempts for one in whole))

    assert len(known) < sum(len(one.attempts) for one in whole)
    assert after(*(one.attempts for one in [*cut, *whole])) == known
    assert after(*(one.attempts for one in [*whole, *cut])) == known
    assert {one[:3] for one in after(*(one.attempts for one in cut))} <= {one[:3] for one in known}


def test_live_jobs_seen_again_and_again_are_there_once() -> None:
    forms = ["sacct_X_D.parsable2.txt", "sacct_json_X_D.json", "sacct_X_D_truncate.parsable2.txt"]
    found = [read(sample(f"live/{form}"), UTC).attempts for form in forms]
    held = after(*found)

    assert len(held) == len({one[:3] for one in held})
    assert after(*reversed(found)) == held
    # Cut off, a job that never started has a start, and ends there.
    used = {one[:3] for one in held if one.start < one.end}
    assert used == {one[:3] for one in found[0] if one.start < one.end}


def test_only_what_is_new_or_otherwise_is_counted(tmp_path: Path) -> None:
    ran, ended = attempt(is_ended=False, state="RUNNING", end=START + 5), attempt(job="8")

    assert add(tmp_path, [ran, ended]) == Added(2, 2, START, START + 10, frozenset({"lab"}))
    before = sorted(tmp_path.rglob("*.parquet"))
    assert add(tmp_path, [ran, ended]).changed == 0
    assert add(tmp_path, [ended._replace(start=START + 4, waited=64)]).changed == 0
    assert sorted(tmp_path.rglob("*.parquet")) == before
    assert add(tmp_path, [attempt(), ended]).changed == 1
    assert rows(tmp_path) == sorted([attempt(), ended])


def test_nothing_is_nothing(tmp_path: Path) -> None:
    assert add(tmp_path, []) == Added()
    assert rows(tmp_path) == []


def test_what_changed_is_to_be_posted_until_it_was(tmp_path: Path) -> None:
    add(tmp_path, [attempt()])
    add(tmp_path, [attempt(job="8", submitted=START - 3 * MONTH, start=START - 2 * MONTH)])
    with opened_archive(tmp_path) as archive:
        assert archive.unposted == ["2026-09", "2026-10", "2026-11"]
        archive.posted()
    with opened_archive(tmp_path) as archive:
        assert archive.unposted == []
        archive.mark([Month(2026, 12), Month(2025, 1)])
    with opened_archive(tmp_path) as archive:
        assert archive.unposted == ["2025-01", "2026-12"]


def test_spans_of_which_all_is_known_are_joined_where_they_meet(tmp_path: Path) -> None:
    for since, until in [(5, 9), (20, 30), (9, 12), (1, 2), (21, 25)]:
        with opened_archive(tmp_path) as archive:
            archive.cover("lab", since, until)

    with opened_archive(tmp_path) as archive:
        assert archive.clusters["lab"].known == [Coverage(1, 2), Coverage(5, 12), Coverage(20, 30)]


def test_a_failure_while_records_come_changes_nothing(tmp_path: Path) -> None:
    add(tmp_path, [attempt()])

    def batches() -> Iterator[pa.RecordBatch]:
        yield batch_of([attempt(job="8")])
        raise UnreadableError("it cannot be read")

    with opened_archive(tmp_path) as archive, pytest.raises(UnreadableError):
        archive.add(batches())
    assert rows(tmp_path) == [attempt()]
