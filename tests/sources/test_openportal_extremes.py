"""Documents made to exhaust a reader: each is refused, or read, in memory that does not grow with it."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from nodehours.sources.document import Document
from nodehours.sources.openportal import Report
from nodehours.terms.fault import Fault
from nodehours.terms.usage import ProjectUsage
from tests.sources.wheel import NAME, fault, read, read_one

MIB = 2**20
DEEP = 10**6

# Reads a document, and says how many items it has, or why it cannot be read, and the most memory this took.
READ = """
import sys
import tracemalloc
from nodehours.sources.document import UnreadableError, opened
from nodehours.sources.openportal import Report

tracemalloc.start()
try:
    with opened(sys.argv[1]) as document:
        print(sum(1 for _ in Report(document)))
except UnreadableError as error:
    print(error)
print(tracemalloc.get_traced_memory()[1])
"""


def project(**members: str) -> str:
    written = "".join(f', "{key}": {value}' for key, value in members.items())
    return f'{{"project": "climate.brics", "reports": {{}}{written}}}'


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        "[" * DEEP + "]" * DEEP,
        '{"a":' * DEEP,
        '{"a":' * DEEP + "1" + "}" * DEEP,
        '{"portal": "brics", "reports": ' + '{"a":' * DEEP,
        "{" * DEEP,
        '"' * DEEP,
        "1" * DEEP,
        "{}" * DEEP,
        "\\" * DEEP,
    ],
    ids=lambda text: f"{text[:12]}…{text[-4:]}",
)
def test_a_document_nested_or_repeated_a_million_times_gives_one_fault(text: str) -> None:
    assert fault(text).project is None


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["[", "{"])
def test_a_value_nested_a_million_times_is_refused_in_the_project_that_has_it(
    opening: str, closing: str
) -> None:
    deep = f"{opening * DEEP}1{closing * DEEP}"

    assert fault(project(later=deep)) == Fault(NAME, "nested too deeply", "climate.brics", "$")
    portal = f'{{"portal": "brics", "reports": {{"climate.brics": {project(later=deep)}}}}}'
    assert fault(portal) == Fault(NAME, "nested too deeply", "climate.brics", "$")


def test_a_value_nested_just_as_deeply_as_can_be_is_read_or_refused_and_nothing_between() -> None:
    """Whatever the interpreter's limit is: the last depth that one step can read may be too deep for the next."""
    limit = sys.getrecursionlimit()

    read_at = [isinstance(read(project(later="[" * n + "]" * n))[0], ProjectUsage)
               for n in range(limit - 250, limit + 50)]  # fmt: skip

    assert read_at == sorted(read_at, reverse=True)


def test_a_million_digits_are_no_figure_and_take_no_time() -> None:
    """To make a number of them would take Python minutes, so Python refuses beyond 4300 digits."""
    day = '{"2026-09-01": {"num_jobs": %s}}' % ("9" * DEEP)
    text = f'{{"project": "climate.brics", "reports": {day}}}'

    assert fault(text).place == '$.reports["2026-09-01"].num_jobs'
    assert read_one(project(later="9" * DEEP)) == read_one(project())


@pytest.mark.parametrize(
    "text",
    [
        project().replace("climate.brics", "c" * (20 * MIB)),
        project(users=json.dumps({"u" * (20 * MIB): "u"})),
        project(users=json.dumps({"u.climate.brics": "u" * (20 * MIB)})),
        project(users=json.dumps({"u": "u"}), **{"x" * (20 * MIB): "1"}),
        json.dumps({"x" * (20 * MIB): 1}),
        '{"project": "' + "x" * (20 * MIB),
    ],
    ids=["project", "user", "local user", "member", "document", "cut off"],
)
def test_a_huge_string_is_refused_in_a_short_sentence(text: str) -> None:
    assert len(str(fault(text))) < 600


def test_a_hundred_thousand_members_are_read_or_refused_like_few() -> None:
    many = json.dumps({f"k{n}": n for n in range(10**5)})

    assert read_one(project(later=many)) == read_one(project())
    assert "neither a ProjectUsageReport nor" in fault(many).sentence
    assert len(str(fault(many))) < 200


def test_300_mb_of_blanks_are_refused_while_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "blanks.json.gz"
    with gzip.open(path, "wb", 1) as file:
        for _ in range(300):
            file.write(b" " * MIB)

    said, peak = run(str(path))

    assert said == "nothing but blanks for a whole MiB, from byte 0"
    assert peak < 8 * MIB


def test_blanks_without_end_on_standard_input_come_to_an_end() -> None:
    """Whoever writes them finds the pipe closed after a few MiB."""
    with subprocess.Popen(
        [sys.executable, "-c", READ, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin
        assert process.stdout
        written = 0
        try:
            while written < 300 * MIB:
                written += process.stdin.write(b"\n" * MIB) or 0
        except BrokenPipeError:
            pass
        said = process.stdout.read().decode()

    assert written < 10 * MIB
    assert said.startswith("nothing but blanks for a whole MiB, from byte 0\n")


def test_blanks_between_the_parts_of_a_report_are_read_over() -> None:
    blanks = "\n \t" * (MIB // 3 - 1)
    text = project().replace(",", f"{blanks},{blanks}").replace(":", f":{blanks}")

    assert read_one(text) == read_one(project())


def run(name: str) -> tuple[str, int]:
    """Read a document in a process of its own: what it says, and the most bytes that this took."""
    process = subprocess.run([sys.executable, "-c", READ, name], capture_output=True, check=True)
    said, peak = process.stdout.decode().splitlines()
    return said, int(peak)


def portal_of(path: Path, projects: int) -> str:
    day = {"reports": {f"user{n}": {"seconds": n} for n in range(100)}, "is_complete": True}
    days = {f"2026-09-{n:02}": day for n in range(1, 31)}
    names = [f"p{number}.brics" for number in range(projects)]
    reports = {name: {"project": name, "reports": days} for name in names}
    path.write_text(json.dumps({"portal": "brics", "reports": reports}))
    return str(path)


def test_memory_is_that_of_one_project_not_of_the_report(tmp_path: Path) -> None:
    """Projects of 80 kB each: five times as many take no more of it."""
    few, of_few = run(portal_of(tmp_path / "few.json", 20))
    many, of_many = run(portal_of(tmp_path / "many.json", 100))

    assert (few, many) == ("20", "100")
    assert of_many < of_few * 1.1


def test_a_report_is_read_again_from_the_same_document() -> None:
    """Iterating twice reads twice: nothing of a project is kept."""
    report = Report(Document(NAME, project().encode(), bytes(32)))

    assert list(report) == list(report) == read(project())
