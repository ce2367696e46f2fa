"""``sacct --json`` in the shapes of its versions, damaged, and as hostile as JSON can be."""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.sources.document import Document, UnreadableError, opened
from nodehours.sources.slurm.attempt import Attempt, Told
from nodehours.sources.slurm.fields import read_names
from nodehours.sources.slurm.reading import JobRecords
from tests.sources.slurm.samples import (
    LAB,
    START,
    Read,
    document,
    read,
    sample,
    sample_bytes,
    without,
)

UTC = Told("lab", ZoneInfo("UTC"))


def number(value: int | None) -> dict[str, Any]:
    return {"set": value is not None, "infinite": False, "number": value or 0}


def job(**changed: Any) -> dict[str, Any]:
    """A job as Slurm 24.11 tells it."""
    told: dict[str, Any] = {
        "account": "brics.climate",
        "user": "alice",
        "cluster": "lab",
        "job_id": 7,
        "allocation_nodes": 1,
        "array": {"job_id": 0, "task_id": number(None), "task": ""},
        "het": {"job_id": 0, "job_offset": number(None)},
        "state": {"current": ["COMPLETED"], "reason": "None"},
        "time": {
            "elapsed": 10, "eligible": START - 40, "end": START + 10, "start": START, "submission": START - 60,
            "suspended": 0, "limit": number(60), "planned": number(40),
        },
        "tres": {
            "allocated": [
                {"type": "cpu", "name": "", "id": 1, "count": 2},
                {"type": "mem", "name": "", "id": 2, "count": 100},
                {"type": "energy", "name": "", "id": 3, "count": -2},
                {"type": "node", "name": "", "id": 4, "count": 1},
                {"type": "billing", "name": "", "id": 5, "count": 2},
                {"type": "gres", "name": "gpu", "id": 1001, "count": 4},
            ]
        },
        "priority": number(1),
    }  # fmt: skip
    return told | changed


def times(**changed: Any) -> dict[str, Any]:
    told: dict[str, Any] = job()["time"]
    return told | changed


def jobs(*found: Any, **more: Any) -> Document:
    meta = {"slurm": {"version": {"major": "24", "micro": "5", "minor": "11"}}}
    return document(json.dumps({"meta": meta, "jobs": found, "errors": []} | more))


def refusal(content: str | bytes) -> str:
    with pytest.raises(UnreadableError) as refused:
        read(document(content))
    return str(refused.value)


def faults(*found: Any) -> list[str]:
    return read(jobs(*found)).faults


def told_of(found: Read, *names: str) -> set[Attempt]:
    """What was read but for *names*, and for how far running jobs had come: each file was asked for at another time."""
    stopped = [one if one.is_ended else one._replace(end=0) for one in found.attempts]
    return without(stopped, *names)


def only(*found: Any) -> Attempt:
    (attempt,) = read(jobs(*found)).attempts
    return attempt


@pytest.mark.parametrize("month", ["2026-09", "2026-10"])
def test_json_and_text_of_a_month_tell_the_same(month: str) -> None:
    told = read(sample(f"{month}/sacct_json_X_D.json"))
    written = read(sample(f"{month}/sacct_X_D.parsable2.txt"), UTC)

    assert told.bad == written.bad == []
    assert len(told.attempts) > 250
    assert set(told.attempts) == set(written.attempts)
    assert len(told.attempts) == len(written.attempts)


@pytest.mark.parametrize("month", ["2026-09", "2026-10"])
def test_times_in_seconds_tell_the_same_as_those_of_clocks(month: str) -> None:
    names = ("submitted", "waited")
    seconds = read(sample(f"{month}/sacct_X_unixtime.txt"))
    clocks = read(sample(f"{month}/sacct_X_D.parsable2.txt"), UTC)

    assert without(seconds.attempts, *names) == without(clocks.attempts, *names)
    assert len(seconds.attempts) == len(clocks.attempts)


def test_all_forms_of_jobs_that_really_ran_tell_the_same() -> None:
    told = read(sample("live/sacct_json_X_D.json"))
    written = read(sample("live/sacct_X_D.parsable2.txt"), UTC)
    names = ("submitted", "waited", "suspended")

    assert told.bad == written.bad == []
    assert told_of(told) == told_of(written)
    assert len(told.attempts) == len(written.attempts)
    assert {"40_17", "42+0", "42+1", "44"} <= {one.job for one in told.attempts}
    assert {"REQUEUED", "NODE_FAIL", "CANCELLED"} <= {one.state for one in told.attempts}
    seconds = read(sample("live/sacct_X_unixtime.txt"))
    assert told_of(seconds, *names) == told_of(told, *names)


def test_a_newer_slurm_tells_the_same_in_json_and_text() -> None:
    told = read(sample("live-24.11/sacct_json_X_D.json"))
    written = read(sample("live-24.11/sacct_X_D_unixtime.txt"))

    assert told.bad == written.bad == []
    assert sorted(told.attempts) == sorted(written.attempts)
    assert {"14_0", "15+1"} <= {one.job for one in told.attempts}
    assert {"REQUEUED", "NODE_FAIL", "TIMEOUT"} <= {one.state for one in told.attempts}


def test_other_forms_of_text_tell_the_last_attempts() -> None:
    named = "JobID,User,Account,Partition,State,Start,End,ElapsedRaw,AllocNodes,AllocCPUS,AllocTRES"
    marked = read(sample("live/sacct_X_parsable1.txt"), UTC)
    plain = read(sample("live/sacct_X_noconvert.txt"), UTC)
    nameless = read(sample("live/sacct_X_minimal.txt"), UTC, read_names(named))

    assert marked.bad == plain.bad == nameless.bad == []
    assert told_of(marked) == told_of(plain) == told_of(nameless)
    assert len(marked.attempts) > 50


def test_steps_are_left_out() -> None:
    steps = read(sample("live/sacct_steps.parsable2.txt"), UTC)
    known = read(sample("live/sacct_X_D.parsable2.txt"), UTC)

    assert steps.bad == []
    assert steps.records > 100
    assert set(steps.attempts) <= set(known.attempts)


def test_what_is_pending_or_running() -> None:
    told = read(sample("special/pending_and_running.txt"), UTC)
    (running,) = told.attempts

    assert (told.records, told.bad) == (3, [])
    assert (running.job, running.is_ended, running.end - running.start) == ("50", False, 727)
    assert read(sample("special/pending_and_running.json")).bad == []
    assert read(sample("special/pending_array.txt"), UTC)[:2] == ([], [])
    assert [
        (one.end - one.start, one.is_ended)
        for one in read(sample("special/runaway.txt"), UTC).attempts
    ] == [(1_897_649, False), (86_400, False)]


@pytest.mark.parametrize("zone", ["Europe/London", "Pacific/Auckland"])
def test_clocks_of_a_zone_and_of_utc_tell_the_same_jobs(zone: str) -> None:
    """Among them are some that ran while clocks changed."""
    local = read(sample(f"tz/sacct_dst_{zone.replace('/', '_')}.txt"), Told("lab", ZoneInfo(zone)))
    known = {one.job: one for one in read(sample("tz/sacct_dst_UTC.txt"), UTC).attempts}
    both = [one for one in local.attempts if one.job in known]

    assert local.bad == []
    assert len(both) > 15
    assert without(both, "submitted") == without((known[one.job] for one in both), "submitted")


def test_a_job_of_a_newer_version() -> None:
    told = only(job())

    assert told == Attempt(
        cluster="lab", job="7", submitted=START - 60, account="brics.climate", user="alice",
        state="COMPLETED", is_ended=True, start=START, end=START + 10, suspended=0, waited=40,
        nodes=1, cpus=2, gpus=4, memory=100, billing=2,
        tres="billing=2,cpu=2,gres/gpu=4,mem=100,node=1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (
            [{"description": "Unable to query slurmdbd", "error_number": 1}],
            "Unable to query slurmdbd",
        ),
        ([{"error": "no access", "errno": 1}], "no access"),
        (["lost"], "lost"),
        ([{"description": ""}], "{'description': ''}"),
    ],
)
def test_what_sacct_could_not_tell_whole_is_refused(errors: Any, said: str) -> None:
    """Days of which not all was told would count as known."""
    with pytest.raises(UnreadableError) as refused:
        read(jobs(job(), errors=errors))

    assert str(refused.value) == f"sacct could not tell all: {said!r}"


def test_a_newer_one_that_has_no_jobs_says_so_and_an_older_one_calls_it_an_error() -> None:
    nothing = {"description": "Nothing found", "error_number": 9003, "source": "slurmdb_jobs_get"}

    assert read(jobs()) == read(jobs(errors=[nothing])) == ([], [], 0)


def test_times_in_seconds_are_more_than_the_json_of_22_05_understands() -> None:
    error = {"description": "Unable to parse time format", "error_number": 9000}

    said = refusal(json.dumps({"meta": {}, "errors": [error]}))

    assert "'Unable to parse time format' (of Slurm 22.05 run it without SLURM_TIME_FORMAT)" in said


def test_numbers_that_stand_for_none_are_none() -> None:
    """Slurm's NO_VAL64 of energy, and its NO_VAL of the start of a job that never began."""
    energy = {"type": "energy", "name": "", "count": 2**64 - 2}
    never = job(time=times(start=2**32 - 2, end=START, elapsed=0))

    assert only(job(tres={"allocated": [energy]})).tres == ""
    assert read(jobs(never)) == ([], [], 1)


def test_the_id_of_a_task_and_of_a_part_is_that_of_text() -> None:
    task = {"array": {"job_id": 40, "task_id": number(17)}}
    part = {"het": {"job_id": 42, "job_offset": number(0)}}

    assert only(job(**task)).job == "40_17"
    assert only(job(**part)).job == "42+0"
    assert only(job(array={"job_id": 40, "task_id": 0})).job == "40_0"
    assert only(job(array={"job_id": 40, "task_id": None})).job == "7"


def test_a_requeued_attempt_is_told_as_pending_by_newer_versions() -> None:
    assert only(job(state={"current": ["PENDING", "REQUEUED"]})).state == "REQUEUED"
    assert only(job(state={"current": "REQUEUED"})).state == "REQUEUED"
    assert only(job(state={"current": []})).state == ""
    assert not only(job(state={"current": ["RUNNING", "COMPLETING"]})).is_ended


def test_times_may_be_missing_zero_or_null() -> None:
    pending = job(time=times(start=0, end=0, elapsed=0))
    cancelled = job(time=times(start=None, elapsed=0))
    running = job(time=times(end=0, elapsed=500), state={"current": ["RUNNING"]})
    set_so = job(time={name: number(at) for name, at in times().items() if isinstance(at, int)})

    assert read(jobs(pending, cancelled))[:2] == ([], [])
    assert only(running).end == START + 500
    assert only(set_so) == only(job())


def test_nothing_but_what_is_needed_need_be_told() -> None:
    told = {name: job()[name] for name in ("job_id", "account", "user", "time", "tres")}

    assert only(told)._replace(state="COMPLETED") == only(job())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"job_id": "7"}, "job_id is no whole number from 0: '7'"),
        ({"job_id": -7}, "job_id is no whole number from 0: '-7'"),
        ({"job_id": 7.5}, "job_id is no whole number from 0: '7.5'"),
        ({"job_id": True}, "job_id is no whole number from 0: 'True'"),
        ({"job_id": 10**18}, "'1000000000000000000' is no job's id"),
        ({"job_id": 10**30}, "job_id is no whole number from 0: '1000000000000000000000000000000'"),
        ({"job_id": [7]}, "job_id is no whole number from 0: '[7]'"),
        ({"account": 5}, "account is no text: '5'"),
        ({"user": ["alice"]}, "user is no text: \"['alice']\""),
        ({"cluster": {}}, "cluster is no text: '{}'"),
        ({"state": {"current": [5]}}, "state.current is no word: '[5]'"),
        ({"state": {"current": {"a": 1}}}, "state.current is no word: \"{'a': 1}\""),
        ({"time": times(start="now")}, "time.start is no whole number from 0: 'now'"),
        ({"time": times(end=START - 5)}, f"it ran 10 seconds, but from {START} to {START - 5} there are 0"),
        ({"time": times(elapsed=10**17)}, "'100000000000000000' is no duration"),
        ({"time": None}, "it does not tell time.start, time.end, time.elapsed"),
        ({"time": []}, "it does not tell time.start, time.end, time.elapsed"),
        ({"tres": {}}, "it does not tell tres.allocated"),
        ({"tres": {"allocated": [{"type": "cpu", "count": "2"}]}}, "count is no whole number from 0: '2'"),
        ({"tres": {"allocated": [{"type": "a,b", "count": 2}]}}, "'a' is no count of a TRES"),
        ({"allocation_nodes": 10**8}, "'node=100000000' is more than any machine has"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_job_is_said_and_where_and_others_are_read(
    changed: dict[str, Any], sentence: str
) -> None:
    bad = job(**changed)
    found = read(jobs(job(), bad, job(job_id=8)))

    assert found.jobs == ["7", "8"]
    (fault,) = found.bad
    assert (fault.place, fault.sentence[: len(sentence)]) == ("job 2", sentence)
    assert json.loads(fault.text) == bad


@pytest.mark.parametrize("what", [None, 5, "job", [], {}, {"name": "x"}])
def test_what_is_no_job_is_not_lost(what: Any) -> None:
    assert faults(what)[0].startswith("job 1: it does not tell job_id, account, user")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'{"user": "\xff"}', "'utf-8' codec can't decode"),
        (b'{"job_id": 1e999}', "Number out of range"),
        (b'{"job_id": %s}' % (b"9" * 5000), "Integer value out of range"),
        (b'{"a": %s%s}' % (b"[" * 400, b"]" * 400), "it does not tell"),
    ],
)
def test_a_job_that_cannot_be_decoded_is_kept_as_it_is(text: bytes, sentence: str) -> None:
    found = read(document(b'{"jobs": [%s, %s]}' % (text, json.dumps(job()).encode())))

    assert found.jobs == ["7"]
    assert sentence in found.bad[0].sentence
    assert found.bad[0].text == text.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "it is no JSON: Input data was truncated"),
        ('{"jobs": [', "it is no JSON: Input data was truncated"),
        ('{"jobs": []} x', "it is no JSON: JSON is malformed"),
        ('{"jobs": [}', "it is no JSON: JSON is malformed"),
        ("{}", "it is not what `sacct --json` tells: Object missing required field `jobs`"),
        ('{"jobs": null}', "it is not what `sacct --json` tells: Expected `array`, got `null`"),
        ('{"jobs": {"1": 2}}', "it is not what `sacct --json` tells: Expected `array`, got `object`"),
        ('{"jobs": ["\\ud800"]}', "it is no JSON"),
        ('{"jobs": [' + "[" * 100_000, "it is no JSON: it is nested too deeply"),
        ('{"a": ' + "[" * 100_000, "it is no JSON: it is nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_output_of_sacct_is_refused(content: str, sentence: str) -> None:
    assert refusal(content).startswith(sentence)


def test_a_document_cut_off_anywhere_is_refused() -> None:
    content = json.dumps({"jobs": [job()]}).encode()

    for length in range(1, len(content), 7):
        assert refusal(content[:length]).startswith("it is no")


def test_no_jobs_are_no_attempts_however_far_the_document_is_indented() -> None:
    assert read(document("\n" * 500 + '{"jobs": []}')) == Read([], [], 0)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.lists(st.dictionaries(st.sampled_from(sorted(job())), values, max_size=3), max_size=4))
def test_whatever_a_job_holds_it_is_an_attempt_or_used_nothing_or_is_bad(
    changes: list[dict[str, Any]],
) -> None:
    found = read(jobs(*(job(**changed) for changed in changes)))

    assert found.records == len(changes)
    assert len(found.attempts) + len(found.bad) <= len(changes)


class TestLettingGo:
    """A mapped document can only be closed when nothing holds on to it."""

    @pytest.fixture
    def mapped(self, tmp_path: Path) -> Iterator[mmap.mmap]:
        path = tmp_path / "jobs.json"
        path.write_bytes(sample_bytes("live/sacct_json_X_D.json"))
        with opened(str(path)) as found:
            assert isinstance(found.content, mmap.mmap)
            yield found.content

    def test_a_document_that_was_read_can_be_closed(self, mapped: mmap.mmap) -> None:
        records = JobRecords(Document("x", mapped, b""), LAB)
        batches = list(records.batches())

        mapped.close()
        assert sum(map(len, batches)) > 50

    def test_a_document_of_which_reading_was_broken_off_can_be_closed(
        self, mapped: mmap.mmap, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nodehours.sources.slurm.reading._BATCH", 1)
        batches = JobRecords(Document("x", mapped, b""), LAB).batches()

        assert len(next(batches)) == 1
        mapped.close()

    def test_a_document_that_was_refused_can_be_closed(self, tmp_path: Path) -> None:
        path = tmp_path / "jobs.json"
        path.write_bytes(b'{"jobs": [{}, {}, {"a": 5}]')
        with (
            pytest.raises(UnreadableError) as refused,
            opened(str(path)) as found,
        ):
            list(JobRecords(found, LAB).batches())

        assert "truncated" in str(refused.value)
