"""sreport's output, as Slurm wrote it over a month of known jobs, and what is refused of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.sreport import Frame, project_of_account, read_sreport
from nodehours.terms.figure import Figure, Naming, StatedUsage, Unit
from nodehours.terms.month import Month

DATA = Path(__file__).parents[1] / "data" / "sreport"
SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)
RULE = "-" * 80
BANNER = "Cluster/Account/User Utilization 2026-09-01T00:00:00 - 2026-09-30T23:59:59 (2592000 secs)"
HEADER = "Cluster|Account|Login|Proper Name|TRES Name|Used"
# Nodes times elapsed seconds, summed over the jobs of each account and login without sreport.
NODE_SECONDS = {
    ("climate.brics", "alice"): 980_664,
    ("climate.brics", "bob"): 1_113_296,
    ("climate.brics", "erin"): 36_000,
    ("genome.brics", "alice"): 852_988,
    ("genome.brics", "carol"): 2_020_307,
    ("proj_upper", "carol"): 200_544,
    ("proj_upper", "dave"): 420_816,
}


def sample(name: str) -> Document:
    return Document(name, (DATA / name).read_bytes(), bytes(32))


def text(*lines: str) -> Document:
    return Document("report", "\n".join(lines).encode(errors="surrogatepass"), bytes(32))


def output(*usage: str, banner: str = BANNER, unit: str = "TRES Seconds") -> Document:
    return text(RULE, banner, f"Usage reported in {unit}", RULE, HEADER, *usage)


def by_login(figures: Iterable[Figure]) -> dict[tuple[str, str | None], int]:
    return {(one.project, one.user): one.node_seconds for one in figures}


def refusal(document: Document, given: Frame | None = None) -> str:
    with pytest.raises(UnreadableError) as refused:
        read_sreport(document, given or Frame())
    return str(refused.value)


def faults(told: StatedUsage) -> list[str]:
    return [str(fault) for fault in told.faults]


def test_node_seconds_are_those_of_the_jobs_to_the_second() -> None:
    """Sums of accounts, and figures of CPUs, memory and the rest, are left out."""
    told = read_sreport(sample("tres.seconds.txt"))

    assert by_login(told.figures) == NODE_SECONDS
    assert {one.month for one in told.figures} == told.months == {SEPTEMBER}
    assert (told.naming, told.names_days, told.rounding) == (Naming.LOCAL_USERS, False, 0)
    assert not told.faults
    assert not told.notes


def test_cpus_are_not_nodes_unless_somebody_says_so() -> None:
    assert refusal(sample("cpu.hours.txt")) == (
        "it counts cpu, which says nothing of node: run sreport with -T node, or say --tres cpu if here they are"
        " the same"
    )

    told = read_sreport(sample("cpu.hours.txt"), tres="cpu")

    assert by_login(told.figures)["climate.brics", "alice"] == 886 * 3600
    assert told.rounding == 1800


def test_accounts_of_a_tree_are_indented() -> None:
    told = read_sreport(sample("cpu.tree.seconds.txt"), tres="cpu")

    assert by_login(told.figures)["proj_upper", "dave"] == 2_057_809
    assert len(told.figures) == 7


def test_without_a_banner_the_month_and_the_unit_have_to_be_said() -> None:
    bare = sample("cpu.hours.noheader.txt")

    for given in (Frame(), Frame(month=SEPTEMBER), Frame(unit=Unit.HOURS)):
        with pytest.raises(UnreadableError, match="--month and --unit"):
            read_sreport(bare, given, "cpu")
    told = read_sreport(bare, Frame(month=SEPTEMBER, unit=Unit.HOURS), "cpu")
    with_banner = read_sreport(sample("cpu.hours.txt"), tres="cpu")
    assert told.figures == with_banner.figures


def test_without_a_banner_lines_may_still_name_their_tres() -> None:
    told = read_sreport(
        text("lab|brics.climate|alice||cpu|80", "lab|brics.climate|alice||node|10"),
        Frame(month=SEPTEMBER, unit=Unit.MINUTES),
    )

    assert by_login(told.figures) == {("climate.brics", "alice"): 600}


def test_the_share_beside_a_figure_is_left_aside() -> None:
    content = (DATA / "cpu.share.txt").read_text()
    whole_day = content.replace("T22:59:59 (82800", "T23:59:59 (86400")

    told = read_sreport(text(*whole_day.splitlines()), tres="cpu")

    assert {one.day for one in told.figures} == {date(2026, 11, 22)}
    assert told.names_days
    assert by_login(told.figures)["climate.brics", "alice"] == 0


def test_several_reports_in_one_file_have_each_their_period_and_unit() -> None:
    october = BANNER.replace("-09-01", "-10-01").replace("-09-30", "-10-31").replace("2592", "2678")
    told = read_sreport(
        text(
            RULE, BANNER, "Usage reported in TRES Hours", RULE, HEADER, "lab|root|alice||node|2",
            RULE, october.replace("2678000", "2678400"), "Usage reported in TRES Minutes", RULE, HEADER,
            "lab|root|alice||node|5",
        )
    )  # fmt: skip

    assert [(one.month, one.node_seconds, one.rounding) for one in told.figures] == [
        (SEPTEMBER, 7200, 1800),
        (OCTOBER, 300, 30),
    ]
    assert told.notes == ()


def test_a_period_that_is_neither_a_month_nor_a_day_is_refused() -> None:
    fortnight = BANNER.replace("09-30T", "09-14T")

    assert refusal(output(banner=fortnight)).startswith(
        "from 2026-09-01 to 2026-09-14 23:59:59 is neither a month nor a day"
    )


def test_a_day_that_still_runs_and_the_last_one_of_a_month_are_refused() -> None:
    today = output(banner=BANNER.replace("09-30T23:59:59", "09-01T22:59:59"))
    last = output(banner=BANNER.replace("09-30T23:59:59", "09-30T22:59:59"))

    assert "to 2026-09-01 22:59:59 is neither a month nor a day" in refusal(today)
    assert "to 2026-09-30 22:59:59 is neither a month nor a day" in refusal(last)


def test_days_are_named_only_if_all_reports_of_the_file_are_of_days() -> None:
    day = BANNER.replace("09-30T", "09-01T").replace("2592000", "86400")
    of_day = ("Usage reported in TRES Seconds", HEADER, "lab|root|alice||node|1")

    assert read_sreport(text(day, *of_day)).names_days
    assert not read_sreport(text(day, *of_day, BANNER, *of_day)).names_days


def test_a_banner_may_name_the_tres_that_lines_do_not() -> None:
    header = "Cluster|Account|Login|Proper Name|Used|Energy"
    lines = (BANNER, "Usage reported in node Minutes", header, "lab|root|alice||2|0")

    assert by_login(read_sreport(text(*lines)).figures) == {("root", "alice"): 120}


def test_a_month_that_still_runs_is_read_when_it_is_asked_for() -> None:
    running = BANNER.replace("09-30T23:59:59", "09-14T10:59:59")
    document = output("lab|root|alice||node|5", banner=running)

    assert "--month 2026-09" in refusal(document)
    assert refusal(document, Frame(month=OCTOBER)) == refusal(document)
    told = read_sreport(document, Frame(month=SEPTEMBER))
    assert [one.node_seconds for one in told.figures] == [5]


def test_a_month_of_another_time_zone_is_read_with_a_note() -> None:
    """October in London is an hour longer than in UTC."""
    told = read_sreport(sample("london.txt"), tres="cpu")

    assert told.notes == (
        "sreport counted 2682000 seconds from 2026-10-01 to 2026-10-31, where UTC has 2678400: run it with TZ=UTC",
    )
    assert len(told.figures) == 6


def test_a_report_without_usage_is_still_about_its_month() -> None:
    told = read_sreport(output())

    assert told.figures == []
    assert told.months == {SEPTEMBER}


@pytest.mark.parametrize("name", ["table.txt", "by_user.txt", "job_sizes.txt"])
def test_other_output_of_sreport_is_refused(name: str) -> None:
    content = (DATA / name).read_text().replace("T22:59:59 (82800", "T23:59:59 (86400")

    assert "`sreport -P cluster AccountUtilizationByUser`" in refusal(text(content))


def test_a_bad_line_is_a_fault_and_the_others_are_read() -> None:
    told = read_sreport(
        output(
            "lab|root|alice||node|5",
            "lab|root|alice",
            "lab|root|alice||node|-5",
            "lab|root|alice||node|1e999",
            "lab|ro\x1bot|alice||node|1",
            "lab|root|bob|||",
            "slurmdbd: connection lost",
            "lab|root|bob||node|7|",
        )
    )

    assert by_login(told.figures) == {("root", "alice"): 5, ("root", "bob"): 7}
    assert faults(told) == [
        "report: line 7: 3 fields, where sreport -P writes 6",
        "report: line 8: '-5' is not a figure (digits and a decimal point, no sign, no grouping)",
        "report: line 9: '1e999' is not a figure (digits and a decimal point, no sign, no grouping)",
        "report: line 10: 'ro\\x1bot' cannot be an account (1 to 255 printable characters)",
        "report: line 12: 1 fields, where sreport -P writes 6",
    ]


def test_an_account_of_openportal_is_the_portals_project_and_any_other_its_own() -> None:
    assert project_of_account("brics.climate") == "climate.brics"
    assert project_of_account("proj_upper") == "proj_upper"
    assert project_of_account("a.b.c") == "a.b.c"
    assert project_of_account(".climate") == ".climate"


def test_names_in_another_encoding_than_utf_8_are_refused() -> None:
    content = output("lab|root|\udce9mile||node|1", "lab|root|alice||node|2").content
    latin = bytes(content[:]).replace("\udce9".encode(errors="surrogatepass"), b"\xe9")

    told = read_sreport(Document("report", latin, bytes(32)))

    assert [str(fault) for fault in told.faults] == [
        r"report: line 6: '\udce9mile' cannot be a login (1 to 255 printable characters)"
    ]
    assert len(told.figures) == 1


def test_names_of_any_script_are_read() -> None:
    told = read_sreport(output("lab|физика|Ångström|Ä Ö|node|3600"))

    assert by_login(told.figures) == {("физика", "Ångström"): 3600}
