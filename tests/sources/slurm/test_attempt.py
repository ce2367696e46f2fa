"""One record of sacct as an attempt: what each field may hold, and what is said when it holds something else."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from nodehours.sources.slurm.attempt import MAX_SECOND, Attempt, Told, read_attempt
from nodehours.sources.slurm.fields import STATES
from nodehours.terms.calendar import DAY_SECONDS
from tests.sources.slurm.samples import LAB, START, record

LONDON = Told("lab", ZoneInfo("Europe/London"))
NEW_YORK = Told("lab", ZoneInfo("America/New_York"))
LORD_HOWE = Told("lab", ZoneInfo("Australia/Lord_Howe"))


def attempt(told: Told = LAB, **changed: str) -> Attempt:
    found = read_attempt(record(**changed), told)
    assert found
    return found


def refusal(told: Told = LAB, **changed: str) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        read_attempt(record(**changed), told)
    return str(refused.value)


def ran(told: Told, start: str, end: str, elapsed: int) -> tuple[int, int]:
    found = attempt(told, start=start, end=end, elapsed=str(elapsed), submitted="")
    return found.start, found.end


def test_all_that_a_record_tells() -> None:
    told = attempt(
        cluster="isca", eligible=str(START - 40), suspended="00:00:03", end=str(START + 13),
        nodes="2", cpus="16", tres="billing=3,cpu=8,gres/gpu=4,mem=2G,node=1",
    )  # fmt: skip

    assert told == Attempt(
        cluster="isca", job="7", submitted=START - 60, account="brics.climate", user="alice",
        state="COMPLETED", is_ended=True, start=START, end=START + 13, suspended=3, waited=40,
        nodes=2, cpus=16, gpus=4, memory=2048, billing=3,
        tres="billing=3,cpu=8,gres/gpu=4,mem=2048,node=1",
    )  # fmt: skip


def test_what_is_needed_is_enough() -> None:
    needed = {name: record()[name] for name in ("job", "account", "user", "start", "end")}
    told = read_attempt(needed | {"elapsed": "10", "nodes": "3"}, LAB)

    assert told
    assert (told.cluster, told.submitted, told.state, told.waited) == ("lab", 0, "", 0)
    assert (told.nodes, told.cpus, told.tres, told.is_ended) == (3, 0, "", True)


@pytest.mark.parametrize(
    "job",
    ["1", "40_17", "42+0", "42+1", "999999999999999999", "71_[1-5,10,20%2]", "71_[0-30:3]", "71_[1-9,11,...]"],
)  # fmt: skip
def test_every_form_of_a_job_s_id_is_kept_as_it_is(job: str) -> None:
    assert attempt(job=job).job == job


@pytest.mark.parametrize(
    "job", ["1.batch", "1.extern", "1.0", "40_17.0", "42+1.batch", "1.interactive", "1.4294967291"]
)
def test_a_step_is_no_attempt_whatever_else_is_told_of_it(job: str) -> None:
    assert read_attempt(record(job=job, start="nonsense"), LAB) is None


@pytest.mark.parametrize(
    "job", ["", " ", "7 ", "x", "-1", "1_", "1+", "1_[", "1_[]", "1_x", ".batch", "x.0", "\u0667", "1" * 19, "7\n"]
)  # fmt: skip
def test_what_is_no_job_s_id_is_said(job: str) -> None:
    assert refusal(job=job).endswith(" is no job's id")


@pytest.mark.parametrize("state", sorted(STATES))
def test_every_state_counts_that_ran(state: str) -> None:
    assert attempt(state=state).state == state


def test_who_cancelled_it_is_left_out() -> None:
    assert attempt(state="CANCELLED by 1002").state == "CANCELLED"
    assert attempt(state="CANCELLED by 0").state == "CANCELLED"


@pytest.mark.parametrize("start", ["Unknown", "None", "", "0", "4294967294"])
def test_a_job_that_never_started_used_nothing(start: str) -> None:
    """Such as a pending one, or one that was cancelled before; its TRES may be those of the attempt before."""
    assert read_attempt(record(start=start, end="Unknown", elapsed="0"), LAB) is None
    assert read_attempt(record(start=start, state="CANCELLED by 0"), LAB) is None


@pytest.mark.parametrize("elapsed", ["0", "", "00:00:00"])
@pytest.mark.parametrize("end", [START - 5, START, START + 5])
def test_what_ended_as_it_began_used_nothing(elapsed: str, end: int) -> None:
    """So Slurm ends runaway jobs: it takes back what was told while they seemed to run."""
    told = attempt(elapsed=elapsed, end=str(end), state="COMPLETED", suspended="00:00:05")

    assert (told.is_ended, told.start, told.end, told.suspended) == (True, START, START, 0)


def test_what_ended_as_it_began_and_got_nothing_is_no_attempt() -> None:
    """Such as a pending array that was cancelled: Slurm tells a start of it."""
    told = record(elapsed="0", end=str(START), tres="", state="CANCELLED by 0", cpus="1")

    assert read_attempt(told, LAB) is None


@pytest.mark.parametrize("elapsed", ["0", "", "00:00:00"])
def test_what_began_just_now_is_no_attempt_yet(elapsed: str) -> None:
    assert read_attempt(record(elapsed=elapsed, end="Unknown", state="RUNNING"), LAB) is None
    assert read_attempt(record(elapsed=elapsed, end=str(START), state="RUNNING"), LAB) is None


@pytest.mark.parametrize("end", ["Unknown", "None", "", "0"])
def test_a_running_job_has_come_as_far_as_it_ran(end: str) -> None:
    told = attempt(state="RUNNING", end=end, elapsed="727", suspended="00:00:05")

    assert (told.is_ended, told.end, told.suspended) == (False, START + 732, 5)


def test_a_runaway_job_goes_on_until_it_was_looked_at() -> None:
    assert attempt(state="RUNNING", end="Unknown", elapsed="1897649").end == START + 1_897_649


def test_a_running_job_whose_end_is_that_of_the_window_is_not_ended() -> None:
    assert not attempt(state="RUNNING").is_ended
    assert not attempt(state="SUSPENDED").is_ended


def test_what_ran_before_a_job_was_resized_is_ended() -> None:
    """It has a time of submission of its own, and Slurm writes no other end of it."""
    assert attempt(state="RESIZING").is_ended


def test_suspension_is_what_is_missing_of_the_time_between_start_and_end() -> None:
    assert attempt(end=str(START + 12), elapsed="7", suspended="00:00:05").suspended == 5
    assert attempt(end=str(START + 12), elapsed="7").suspended == 5
    assert attempt(end=str(START + 12), elapsed="7", suspended="3").suspended == 5


@pytest.mark.parametrize(
    ("elapsed", "seconds"),
    [("93784", 93_784), ("1-02:03:04", 93_784), ("26:03:04", 93_784), ("02:03", 123), ("02:03.500", 123)],
)  # fmt: skip
def test_a_duration_is_told_in_seconds_or_as_clocks_do(elapsed: str, seconds: int) -> None:
    told = attempt(elapsed=elapsed, end="Unknown", state="RUNNING")

    assert told.end - told.start == seconds


@pytest.mark.parametrize(
    "elapsed", ["INVALID", "-5", "1:2:3:4", "1-", "10 ", "1.5", "\u0663", "1e3"]
)
def test_what_is_no_duration_is_said(elapsed: str) -> None:
    assert refusal(elapsed=elapsed) == f"{elapsed!r} is no duration"
    assert refusal(suspended=elapsed) == f"{elapsed!r} is no duration"


def test_a_job_cannot_run_for_longer_than_from_its_start_to_its_end() -> None:
    sentence = f"it ran 11 seconds, but from {START} to {START + 10} there are 10"

    assert refusal(elapsed="11") == sentence
    assert refusal(end=str(START - 5)).endswith("there are 0")


def test_waiting_is_counted_from_when_it_could_have_started() -> None:
    assert attempt().waited == 60
    assert attempt(eligible=str(START - 40)).waited == 40
    assert attempt(eligible="Unknown").waited == 60
    assert attempt(eligible=str(START + 5)).waited == 0
    assert attempt(submitted="Unknown").waited == 0


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ("yesterday", "'yesterday' is no time (seconds since 1970, or 2026-09-01T00:00:00)"),
        ("2026-09-01", "'2026-09-01' is no time (seconds since 1970, or 2026-09-01T00:00:00)"),
        ("2026-09-01T00Z", "'2026-09-01T00Z' is no time (seconds since 1970, or 2026-09-01T00:00:00)"),
        ("2026-02-30T00:00:00", "'2026-02-30T00:00:00' is no time"),
        ("2026-09-01T24:00:00", "'2026-09-01T24:00:00' is no time"),
        ("0001-01-01T00:00:00", "'0001-01-01T00:00:00' is no time of this age"),
        ("9999-12-31T23:59:59", "'9999-12-31T23:59:59' is no time of this age"),
        ("1970-01-01T00:00:00", "'1970-01-01T00:00:00' is no time of this age"),
        ("00", "'00' is no time of this age"),
        (str(MAX_SECOND), f"'{MAX_SECOND}' is no time of this age"),
        ("-5", "'-5' is no time (seconds since 1970, or 2026-09-01T00:00:00)"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_said(start: str, sentence: str) -> None:
    assert refusal(LONDON, start=start) == sentence
    assert refusal(LONDON, end=start) == sentence
    assert refusal(LONDON, submitted=start) == sentence
    assert refusal(LONDON, eligible=start) == sentence


def test_a_local_time_without_a_zone_is_refused() -> None:
    sentence = "'2026-09-01T00:00:00' is a local time: of which time zone?"

    assert refusal(start="2026-09-01T00:00:00") == sentence


def test_nothing_ends_in_the_future() -> None:
    """Clocks may differ by a day."""
    told = Told("lab", now=START + 9 - DAY_SECONDS)

    assert refusal(told) == f"its end lies in the future: {START + 10}"
    assert refusal(told, end="Unknown") == "its end lies in the future: it ran 10 seconds"
    assert attempt(Told("lab", now=START + 10 - DAY_SECONDS)).end == START + 10


@pytest.mark.parametrize("end", ["Unknown", str(START + 10)])
def test_what_runs_has_come_no_further_than_now(end: str) -> None:
    """Of a window that is not over yet, sacct may tell its end as that of what still runs."""
    told = attempt(Told("lab", now=START + 4), end=end, state="RUNNING")

    assert (told.is_ended, told.start, told.end) == (False, START, START + 4)


@pytest.mark.parametrize("name", ["cluster", "account", "user"])
def test_a_name_that_is_damaged_is_said(name: str) -> None:
    """No database takes such a text, and one record must not stop all others."""
    with pytest.raises(ValueError, match=f"its {name} is damaged: "):
        read_attempt(record(**{name: "a\0b"}), LAB)


def test_slurm_knows_clusters_by_small_letters() -> None:
    assert attempt(cluster="Isca").cluster == "isca"


def test_counts_beside_the_list_of_tres_have_the_word() -> None:
    assert attempt(nodes="3", cpus="9")[11:13] == (3, 9)
    assert attempt(nodes="", cpus="0")[11:13] == (1, 2)
    assert attempt(nodes="2K", tres="")[11:13] == (2048, 0)


@pytest.mark.parametrize("count", ["x", "-1", "1 ", "1,cpu=5", "1-2", "\u0663"])
def test_what_is_no_count_is_said(count: str) -> None:
    assert "is no count of a TRES" in refusal(nodes=count)
    assert "is no count of a TRES" in refusal(cpus=count)
    assert "is no count of a TRES" in refusal(tres=f"cpu={count}|")


def test_more_nodes_and_cpus_than_any_machine_has_are_refused() -> None:
    assert "more than any machine has" in refusal(nodes="99999999")
    assert "more than any machine has" in refusal(cpus="999999999")


def test_usage_of_which_no_user_is_told_is_kept() -> None:
    assert attempt(user="").user == "unknown"


class TestClocks:
    def test_a_local_time_is_that_of_its_zone(self) -> None:
        told = ran(LONDON, "2026-07-01T12:00:00", "2026-07-01T13:00:00", 3600)

        assert told == (1_782_903_600, 1_782_907_200)

    def test_of_a_start_that_was_told_twice_the_duration_says_which_is_meant(self) -> None:
        """In the night in which clocks went back from 2 to 1."""
        first = ran(LONDON, "2026-10-25T01:30:00", "2026-10-25T02:30:00", 7200)
        second = ran(LONDON, "2026-10-25T01:30:00", "2026-10-25T02:30:00", 3600)

        assert first == (1_792_888_200, 1_792_895_400)
        assert second == (first[0] + 3600, first[1])

    def test_of_a_running_job_it_is_the_later_one_until_its_end_is_told(self) -> None:
        """The earliest start holds: the record of the end puts it right."""
        running = ran(LONDON, "2026-10-25T01:30:00", "Unknown", 600)

        assert running == (1_792_888_200 + 3600, 1_792_888_200 + 4200)

    def test_a_job_across_the_change_ran_an_hour_more_than_clocks_tell(self) -> None:
        told = ran(LONDON, "2026-10-25T00:30:00", "2026-10-25T02:30:00", 10_800)

        assert told == (1_792_884_600, 1_792_895_400)

    def test_of_a_start_and_an_end_that_were_both_told_twice(self) -> None:
        first, second = 1_792_888_200 - 600, 1_792_888_200 - 600 + 3600

        assert ran(LONDON, "2026-10-25T01:20:00", "2026-10-25T01:30:00", 600)[0] in {first, second}
        assert ran(LONDON, "2026-10-25T01:20:00", "2026-10-25T01:30:00", 4200) == (
            first,
            second + 600,
        )
        assert ran(LONDON, "2026-10-25T01:30:00", "2026-10-25T01:20:00", 3000) == (
            first + 600,
            second,
        )

    def test_suspension_helps_to_tell_which_is_meant(self) -> None:
        told = attempt(
            LONDON, start="2026-10-25T01:20:00", end="2026-10-25T01:30:00", elapsed="600",
            suspended="01:00:00", submitted="",
        )  # fmt: skip

        assert (told.end - told.start, told.suspended) == (4200, 3600)

    def test_new_york_goes_back_from_two_to_one_as_well(self) -> None:
        hour = ran(NEW_YORK, "2026-11-01T00:30:00", "2026-11-01T01:30:00", 3600)
        hours = ran(NEW_YORK, "2026-11-01T00:30:00", "2026-11-01T01:30:00", 7200)

        assert hour[1] - hour[0] == 3600
        assert hours == (hour[0], hour[1] + 3600)

    def test_lord_howe_goes_back_by_half_an_hour(self) -> None:
        half = ran(LORD_HOWE, "2026-04-05T01:15:00", "2026-04-05T01:45:00", 1800)
        hour = ran(LORD_HOWE, "2026-04-05T01:15:00", "2026-04-05T01:45:00", 3600)

        assert hour == (half[0], half[1] + 1800)

    @pytest.mark.parametrize(
        ("told", "skipped", "after"),
        [
            (LONDON, "2026-03-29T01:30:00", "2026-03-29T02:30:00"),
            (NEW_YORK, "2026-03-08T02:30:00", "2026-03-08T03:30:00"),
            (LORD_HOWE, "2026-10-04T02:15:00", "2026-10-04T02:45:00"),
        ],
    )
    def test_a_time_that_clocks_left_out_is_taken_as_if_they_had_not_changed(
        self, told: Told, skipped: str, after: str
    ) -> None:
        assert attempt(told, start=skipped, end="Unknown", submitted="").start == (
            attempt(told, start=after, end="Unknown", submitted="").start
        )

    def test_a_submission_that_was_told_twice_is_not_known(self) -> None:
        assert attempt(LONDON, submitted="2026-10-25T01:30:00").submitted == 0
        assert attempt(LONDON, submitted="2026-10-25T02:30:00").submitted == 1_792_895_400
