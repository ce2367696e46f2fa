"""sacct's text: with names and without, whole and damaged, and what is put together again."""

from __future__ import annotations

import time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm import lines as lines_module
from nodehours.sources.slurm import reading
from nodehours.sources.slurm import text as text_module
from nodehours.sources.slurm.attempt import Told
from nodehours.sources.slurm.lines import MAX_LINE_BYTES, lines_at
from nodehours.sources.slurm.reading import JobRecords
from tests.sources.slurm.samples import (
    HEADER,
    LAB,
    NAMES,
    START,
    document,
    line,
    read,
    sample,
    text,
)

LOCAL = Told("lab", ZoneInfo("UTC"))
FIELDS_SAID = f"where {len(NAMES)} are named"


def refusal(content: str | bytes, *names: str) -> str:
    with pytest.raises(UnreadableError) as refused:
        read(document(content), names=names)
    return str(refused.value)


def test_a_first_line_names_the_fields() -> None:
    found = read(text(line(1), line(2)))

    assert (found.jobs, found.bad, found.records) == (["1", "2"], [], 2)


def test_names_are_taken_in_any_case_and_any_order_beside_others() -> None:
    order = ["Comment", *reversed(NAMES), "QOS"]
    values = dict(zip(NAMES, line(1).split("|"), strict=True))
    told = "|".join(values.get(name, "") for name in order)

    assert read(text(told, header="|".join(order).upper())).attempts == read(text(line(1))).attempts


def test_without_names_they_are_asked_for() -> None:
    refused = refusal(f"{line(1)}\n")

    assert refused.startswith(f"its first line, '{line(1)[:20]}")
    assert "does not name the fields that `sacct --parsable2` tells" in refused
    assert "say with --format which they are" in refused
    assert read(document(f"{line(1)}\n{line(2)}"), names=NAMES).jobs == ["1", "2"]


def test_names_that_are_said_give_way_to_those_of_the_first_line() -> None:
    assert read(text(line(1)), names=("JobID", "Start")).jobs == ["1"]


def test_what_is_needed_and_not_told_is_said() -> None:
    for header in ("JobID|Start|User\n", "User|JobID|Start\n", "JobIDRaw|Start|User|State\n"):
        assert refusal(header).startswith(
            "it does not tell account, end, elapsedraw, alloctres: ask sacct for at least JobID,"
        )


@pytest.mark.parametrize(
    ("counts", "untold"),
    [
        ("node", ""),
        ("billing", "billing"),
        ("mem", "mem"),
        ("cpu", "cpu"),
        ("node,gres/gpu", "gres/gpu"),
    ],
)
def test_what_the_rule_counts_must_be_told(counts: str, untold: str) -> None:
    """Else everybody would have used nothing of it."""
    header = HEADER.replace("AllocTRES", "AllocNodes")
    records = JobRecords(text(line(1, tres="2"), header=header), LAB, counts=counts.split(","))

    if not untold:
        assert len(next(records.batches())) == 1
        return
    with pytest.raises(UnreadableError, match=f"not tell alloctres, and so not {untold}, which"):
        list(records.batches())


def test_parts_with_other_fields_are_not_taken_for_the_same() -> None:
    """Files that were put together begin anew with names: the same ones are left out, others refused."""
    again = text(line(1), HEADER, "\ufeff" + HEADER.lower(), line(2))
    found = read(again)

    assert (found.jobs, found.bad, found.records) == (["1", "2"], [], 2)
    others = HEADER.replace("User|State", "State|User")
    for other in (others, f"{HEADER}|QOS", HEADER.removesuffix("|AllocTRES")):
        said = refusal(f"{HEADER}\n{line(1)}\n{other}\n{line(2)}\n")
        assert said.startswith("line 3 names other fields than those before it")


def test_fields_that_were_named_wrongly_are_refused_as_a_whole() -> None:
    """It is the command that is wrong, and no line: nobody wants thousands of them in quarantine."""
    lines = [line(job) for job in range(1, 11)]
    wrong = (*NAMES[:4], *NAMES[5:])

    assert refusal("\n".join(lines), *wrong) == (
        "by the fields that --format names none of its 10 records is understood, such as line 1: 9 fields, where 8 are"
        " named"
    )
    assert len(read(document("\n".join(lines[:9])), names=wrong).bad) == 9


def test_of_a_document_with_names_every_bad_line_is_told_also_if_all_are() -> None:
    lines = [line(job, start="noon") for job in range(1, 5001)]
    found = read(text(*lines))

    assert (found.attempts, len(found.bad), found.records) == ([], 5000, 5000)
    assert (found.bad[0].place, found.bad[-1].place) == ("line 2", "line 5001")


def test_a_mark_at_the_end_of_each_line_belongs_to_parsable() -> None:
    marked = f"{line(1)}|\n{line(2)}|\n"

    assert read(document(f"{HEADER}|\n{marked}")).jobs == ["1", "2"]
    assert read(document(marked), names=NAMES).jobs == ["1", "2"]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("begin", ["", "\ufeff"])
@pytest.mark.parametrize("has_header", [True, False])
def test_lines_end_as_they_do_here_or_elsewhere_and_the_last_need_not(
    ends: str, last: bool, begin: str, has_header: bool
) -> None:
    lines = [HEADER] * has_header + [line(1), "bad", line(2)]
    found = read(document(begin + ends.join(lines) + ends * last), names=NAMES)

    assert found.jobs == ["1", "2"]
    assert [(one.place, one.text) for one in found.bad] == [(f"line {2 + has_header}", "bad")]


@pytest.mark.parametrize("content", [HEADER, f"{HEADER}\n", f"{HEADER}\r\n\r\n\n"])
def test_names_alone_are_no_records(content: str) -> None:
    found = read(document(content))

    assert (found.attempts, found.bad, found.records) == ([], [], 0)


def test_empty_lines_are_nothing_and_are_counted() -> None:
    found = read(text("", line(1), "", "  ", "", "bad", "", line(2), "", ""))

    assert (found.jobs, found.records) == (["1", "2"], 3)
    assert found.faults == [f"line 7: 1 fields, {FIELDS_SAID}"]


def test_files_that_were_put_together_have_their_names_again() -> None:
    found = read(text(line(1), HEADER, line(2), HEADER))

    assert (found.jobs, found.bad, found.records) == (["1", "2"], [], 2)


def test_lines_of_another_count_of_fields_are_kept_as_they_are() -> None:
    found = read(text(line(1), "1|2", line(2), f"{line(3)}|more", line(4)))

    assert found.jobs == ["1", "2", "4"]
    assert found.faults == [
        f"line 3: 2 fields, {FIELDS_SAID}",
        f"line 5: 10 fields, {FIELDS_SAID}",
    ]
    assert [one.text for one in found.bad] == ["1|2", f"{line(3)}|more"]


def test_of_what_is_wrong_the_whole_line_is_kept_also_what_is_not_read_of_it() -> None:
    header = f"{HEADER}|QOS|NodeList"
    bad = f"{line(1, start='never')}|normal|node[01-02]"
    found = read(text(f"{line(2)}|x|y", bad, header=header))

    assert [one.text for one in found.bad] == [bad]
    assert found.faults[0].startswith("line 3: 'never' is no time")


def test_bytes_that_are_no_utf_8_are_told_by_their_numbers() -> None:
    told = line(1).replace("alice", "al\udcffice").encode(errors="surrogateescape")
    bad = b"\xc3|\xff\n\xe2\x82"
    found = read(document(b"%s\n%s\n%s" % (HEADER.encode(), told, bad)))

    assert [one.user for one in found.attempts] == ["al\\xffice"]
    assert [one.text for one in found.bad] == ["\\xc3|\\xff", "\\xe2\\x82"]


def test_nothing_is_made_of_characters_that_steer() -> None:
    """A record ends at a line feed and nowhere else."""
    user = "a\x01\x0b\x0c\x1c\x85\u2028\rb"
    found = read(text(line(1, user=user), line(2), line(3, start="x\ry")))

    assert found.jobs == ["1", "2"]
    assert found.attempts[0].user == user.replace("\r", "\\r")
    assert [(one.place, one.text) for one in found.bad] == [("line 4", line(3, start="x\ry"))]


def test_quotes_and_backslashes_are_letters_like_others() -> None:
    user = '"al\\ice'

    assert read(text(line(1, user=user), line(2))).attempts[0].user == user


def test_a_line_that_is_too_long_is_told_and_those_around_it_are_read() -> None:
    long = "x" * (3 * lines_module.PIECE_BYTES)
    found = read(text(line(1), "bad", long, "", line(2), line(3, user=long), "odd", line(4)))

    assert found.jobs == ["1", "2", "4"]
    assert found.faults == [
        f"line 3: 1 fields, {FIELDS_SAID}",
        f"line 4: it is longer than {MAX_LINE_BYTES} bytes",
        f"line 7: it is longer than {MAX_LINE_BYTES} bytes",
        f"line 8: 1 fields, {FIELDS_SAID}",
    ]
    assert [len(one.text) for one in found.bad] == [3, MAX_LINE_BYTES, MAX_LINE_BYTES, 3]


def test_a_long_line_at_the_end_is_read_or_told() -> None:
    for length in (MAX_LINE_BYTES - 500, 9 * MAX_LINE_BYTES):
        found = read(text(line(1), line(2, user="u" * length)))

        assert len(found.jobs) + len(found.bad) == 2


good_or_bad = st.one_of(
    st.just(""),
    st.sampled_from(["bad", "x|y", "|" * 30, "7", f"{line(3)}|", line(5, start="never"), "\x00", "é|\r", "1|2|3"]),
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=9),
)  # fmt: skip


@given(st.lists(good_or_bad, max_size=40), st.sampled_from([150, 400, 2**20]))
def test_good_and_bad_are_all_and_each_bad_line_comes_with_its_number(
    given_lines: list[str], block: int
) -> None:
    """An empty one of the list stands for a good line; blocks end anywhere."""
    lines = [one or line(at) for at, one in enumerate(given_lines, 1)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(text_module, "_BLOCK_BYTES", block)
        patched.setattr(lines_module, "PIECE_BYTES", block // 2)
        found = read(text(*lines))

    bad = {
        at: one.rstrip("\r") for at, one in enumerate(given_lines, 2) if one and one.strip(" \r")
    }
    assert found.jobs == sorted(str(at) for at, one in enumerate(given_lines, 1) if not one)
    assert [(one.place, one.text) for one in found.bad] == [
        (f"line {at}", one) for at, one in bad.items()
    ]
    assert found.records == len(found.attempts) + len(found.bad)


@given(st.lists(st.sampled_from(["", "a", "bc", "\r", "é" * 5]), min_size=1), st.data())
def test_each_line_is_found_by_its_number(lines: list[str], data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(1, len(lines)), unique=True).map(sorted))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lines_module, "_SKIP_BYTES", 4)
        found = list(lines_at("\n".join(lines).encode(), numbers))

    assert found == [lines[number - 1].rstrip("\r") for number in numbers]


def test_more_than_one_block_is_read_in_order() -> None:
    lines = [line(at, user="u" * 900) for at in range(12_000)]
    lines[11_000] = "bad"
    found = read(text(*lines))

    assert [one.job for one in found.attempts] == [str(at) for at in range(12_000) if at != 11_000]
    assert found.faults == [f"line 11002: 1 fields, {FIELDS_SAID}"]


@pytest.mark.parametrize("first", ["JobName", "Partition"])
def test_many_bad_lines_take_no_longer_than_they_must(first: str) -> None:
    """Comments are asked for, so that each of them might be what another one goes on with."""
    header = f"{first}|{HEADER}|Comment|SubmitLine"
    kinds = [
        "bad", "7|x", line(1, start="never"), f"{line(1)}|more||", "7" + "|" * 36, "7|" * 20, "|" * 40, "x|7|x",
    ]  # fmt: skip
    bad = [kind for kind in kinds for _ in range(2_500)]
    good = [f"name|{line(at)}||" for at in range(5_000)]
    begun = time.monotonic()
    found = read(text(*bad, *good, header=header))

    assert (len(found.attempts), len(found.bad)) == (5_000, 20_000)
    assert time.monotonic() - begun < 60


def test_a_document_that_is_nothing_but_bad_is_not_what_it_was_taken_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "MAX_BAD", 9)

    assert len(read(text(*["bad"] * 9)).bad) == 9
    assert refusal(f"{HEADER}\n" + "bad\n" * 10) == "more than 9 of its records are not understood"
    told = refusal(f"{HEADER}\n" + f"{line(1, start='never')}\n" * 10)
    assert told.startswith("more than 9 of its records are not understood; the first one: 'never'")


class TestMending:
    header = f"JobID|JobName|{HEADER.removeprefix('JobID|')}|Comment"

    def told(self, job: int, name: str, comment: str = "", **changed: str) -> str:
        first, rest = line(job, **changed).split("|", 1)
        return f"{first}|{name}|{rest}|{comment}"

    def test_the_samples_names_with_marks_and_ends_of_lines_are_records_again(self) -> None:
        found = read(sample("live/sacct_X_D.parsable2.txt"), told=LOCAL)
        jobs = {one.job: one for one in found.attempts}

        assert found.bad == []
        assert (jobs["46"].user, jobs["46"].end - jobs["46"].start) == ("alice", 1)
        assert (jobs["47"].user, jobs["48"].user, jobs["48"].cpus) == ("bob", "carol", 1)

    @pytest.mark.parametrize(
        "name",
        [
            "a|b",
            "|",
            "|||",
            "two\nlines",
            "\n",
            "\n\nx",
            "a|b\nc|d\n",
            "99|x",
            "\n|\n|",
            "COMPLETED|1|2",
        ],
    )
    @pytest.mark.parametrize("comment", ["", "c|d", "e\nf|", "\n"])
    def test_free_texts_may_hold_marks_and_ends_of_lines(self, name: str, comment: str) -> None:
        """What comes after a record that is whole by itself belongs to none."""
        lines = [self.told(1, "plain"), self.told(2, name, comment), self.told(3, "plain")]
        found = read(text(*lines, header=self.header))

        assert found.jobs == ["1", "2", "3"]
        assert all(one.text in comment for one in found.bad)
        assert len(found.bad) <= comment.count("\n")
        assert found.records == 3 + len(found.bad)
        assert len({one._replace(job="") for one in found.attempts}) == 1

    def test_records_that_follow_one_another_are_told_apart(self) -> None:
        found = read(
            text(*(self.told(at, "a\nb|c", "d|e") for at in range(1, 40)), header=self.header)
        )

        assert (len(found.jobs), found.bad, found.records) == (39, [], 39)

    def test_a_job_that_never_ran_is_a_record_as_well(self) -> None:
        pending = self.told(
            1, "a|b\nc", start="Unknown", end="Unknown", elapsed="0", state="PENDING"
        )
        found = read(text(pending, self.told(2, "x"), header=self.header))

        assert (found.jobs, found.bad, found.records) == (["2"], [], 2)

    def test_a_broken_line_takes_no_record_with_it(self) -> None:
        lines = ["1|a|b", self.told(2, "a|b"), "3|x", self.told(4, "c\nd"), "5"]
        found = read(text(*lines, header=self.header))

        assert found.jobs == ["2", "4"]
        assert [one.place for one in found.bad] == ["line 2", "line 4", "line 7"]

    def test_where_two_ways_make_sense_nobody_knows(self) -> None:
        """The state might be the first or the second one, and with it the user."""
        header = "JobID|JobName|User|State|Start|End|ElapsedRaw|Account|Comment|AllocNodes"
        odd = f"1|x|alice|bob|COMPLETED|{START}|{START + 10}|10|acc|1"
        twice = f"1|x|a|COMPLETED|{START}|{START + 10}|10|10|10|1|1"

        assert read(text(odd.replace("|acc|", "|acc||"), header=header)).jobs == ["1"]
        found = read(text(twice, header=header))
        assert len(found.jobs) + len(found.bad) == 1

    def test_without_free_texts_nothing_is_put_together(self) -> None:
        first, second = line(1)[:30], line(1)[30:]
        found = read(text(first, second, f"|{line(2)}"))

        assert (found.jobs, len(found.bad)) == ([], 3)

    @given(st.lists(st.text("ab|\n", max_size=6), min_size=1, max_size=6))
    def test_whatever_a_job_is_called_its_attempt_is_the_same(self, names: list[str]) -> None:
        lines = [self.told(at, name) for at, name in enumerate(names, 1)]
        found = read(text(*lines, header=self.header))

        assert [one.job for one in sorted(found.attempts, key=lambda one: int(one.job))] == [
            str(at) for at in range(1, len(names) + 1)
        ]
        assert all(one == other._replace(job=one.job) for one, other in pairwise(found.attempts))
