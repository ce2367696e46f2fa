"""Tables of usage in CSV: which columns are known, what a line says, and what is wrong with it."""

from __future__ import annotations

import codecs
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.statement_table import read_table
from nodehours.terms.figure import Figure, Naming, StatedUsage
from nodehours.terms.month import Month

MARCH = Month(2026, 3)
ALICE = "alice.climate.brics"


def document(content: str | bytes) -> Document:
    return Document(
        "usage.csv", content if isinstance(content, bytes) else content.encode(), bytes(32)
    )


def read(content: str | bytes, resource: str | None = None) -> StatedUsage:
    return read_table(document(content), resource)


def figures(content: str | bytes) -> list[Figure]:
    told = read(content)
    assert told.faults == ()
    return list(told.figures)


def faults(content: str | bytes) -> list[str]:
    return [str(fault) for fault in read(content).faults]


def refusal(content: str | bytes) -> str:
    with pytest.raises(UnreadableError) as refused:
        read(content)
    return str(refused.value)


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("project,month,user,node_seconds", "climate.brics,2026-03,alice.climate.brics,7200"),
        ("allocation;year;month;user;node_hours", "climate.brics;2026;3;alice.climate.brics;2.00"),
        ("Project\tMonth\tUsername\tHours", "climate.brics\t2026-3\talice.climate.brics\t2"),
        ("PROJECT|month|user|Node-Hours", "climate.brics|2026-03|alice.climate.brics|2.0"),
        ("user,minutes,project,month", "alice.climate.brics,120,climate.brics,2026-03"),
        ('"Project Identifier", "month", user, "node usage"', '"climate.brics", "2026-03", "alice.climate.brics", "2"'),
        ("project,month,user,hours,node_seconds", "climate.brics,2026-03,alice.climate.brics,9,7200"),
        ("project,month,cost,user,seconds", "climate.brics,2026-03,€ 10,alice.climate.brics,7200"),
    ],
)  # fmt: skip
def test_columns_are_known_by_their_names_in_any_order_and_case(header: str, line: str) -> None:
    (found,) = figures(f"{header}\n{line}\n")

    assert found[:4] == ("climate.brics", MARCH, 7200, ALICE)


def test_a_month_with_its_year_needs_no_year_beside_it() -> None:
    table = "project,year,month,hours\nc.b,2026,2026-03,1\nc.b,,2026-03,1\nc.b,2026,03,1\n"

    assert [one.month for one in figures(table)] == [MARCH] * 3


def test_a_day_tells_the_month() -> None:
    told = read("project,day,hours\nclimate.brics,2026-03-31,1\nclimate.brics,2026-3-1,2\n")

    assert [(one.day, one.month) for one in told.figures] == [
        (date(2026, 3, 31), MARCH),
        (date(2026, 3, 1), MARCH),
    ]
    assert told.names_days


def test_an_invoice_names_no_user() -> None:
    told = read("project,month,hours\nclimate.brics,2026-03,1\n")

    assert told.naming is Naming.NONE
    assert told.figures[0].user is None


def test_users_go_by_user_identifiers_only_if_all_of_them_do() -> None:
    table = (
        "project,month,user,hours\nc.b,2026-03,alice.c.b,1\nc.b,2026-03,,1\nc.b,2026-03,unknown,1\n"
    )

    assert read(table).naming is Naming.USER_IDENTIFIERS
    assert [one.user for one in read(table).figures] == ["alice.c.b", "unknown", "unknown"]
    assert read(table + "c.b,2026-03,bob,1\n").naming is Naming.LOCAL_USERS
    by_login = read("project,month,login,hours\nc.b,2026-03,a.c.b,1\n")
    assert by_login.naming is Naming.LOCAL_USERS
    assert by_login.figures[0].user == "a.c.b"


def test_waldurs_export_as_csv_has_projects_in_its_user_identifiers() -> None:
    """Nobody's row is of the project that others of the same allocation name; else it goes by its UUID."""
    of_climate = "https://waldur.example/api/openportal-allocations/" + "a" * 32 + "/"
    of_nobody = str(UUID(int=11))

    told = read(
        "node_usage,month,year,allocation,user,username,full_name\n"
        f"2.00,3,2026,{of_climate},https://waldur.example/api/users/1/,alice.climate.brics,Alice\n"
        f"0.25,3,2026,{of_climate},,unknown,\n"
        f"1.00,3,2026,{of_nobody},,unknown,\n"
    )

    assert [(one.project, one.user, one.node_seconds) for one in told.figures] == [
        ("climate.brics", ALICE, 7200),
        ("climate.brics", "unknown", 900),
        (UUID(int=11).hex, "unknown", 3600),
    ]


def test_an_allocation_of_which_lines_name_two_projects_goes_by_its_uuid() -> None:
    uuid = "0" * 31 + "7"
    told = read(
        "allocation,month,user,hours\n"
        f"{uuid},2026-03,alice.old.brics,1\n{uuid},2026-03,alice.new.brics,1\n{uuid},2026-03,,1\n"
    )

    assert [one.project for one in told.figures] == ["old.brics", "new.brics", uuid]


def test_how_exact_figures_are_is_told_by_the_whole_file() -> None:
    """Spreadsheets drop zeros at the end: the figure 2 stands for 2.00 here."""
    told = read("project,month,hours\nc.b,2026-03,2\nc.b,2026-03,1.25\nc.b,2026-03,0.5\n")

    assert [str(writing) for writing in told.writings] == ["hours with 2 places"]
    assert {one.rounding for one in told.figures} == {18}
    assert [one.node_seconds for one in told.figures] == [7200, 4500, 1800]


@pytest.mark.parametrize(
    ("written", "node_seconds"),
    [
        ("780.08", 2_808_288),
        ("0.1", 360),
        (".5", 1800),
        ("5.", 18_000),
        ("1e2", 360_000),
        ("2.7777777777777779e-04", 1),
        ("0.30000000000000004", 1080),
        (" 1 ", 3600),
        ("2562047788015215.50", 9_223_372_036_854_775_800),
    ],
)
def test_decimals_are_read_exactly(written: str, node_seconds: int) -> None:
    (found,) = figures(f"project,month,hours\nc.b,2026-03,{written}\n")

    assert found.node_seconds == node_seconds


@pytest.mark.parametrize(
    "written",
    ["", "-1", "+1", "1,5", "1 000", "0x10", "NaN", "Infinity", "1_0", "\u0661", "1e", "1.2.3", "9" * 31,
     "1e999999999", "1e-99", "2562047788015216"],
)  # fmt: skip
def test_what_is_no_figure_is_a_fault_with_its_line(written: str) -> None:
    (fault,) = faults(f'project,month,hours\nc.b,2026-03,"{written}"\n')

    assert fault.startswith("usage.csv: line 2: ")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("c.b,2026-03", "2 fields, where the header has 4"),
        ("c.b,2026-03,alice,1,2", "5 fields, where the header has 4"),
        ("c.b,2026-13,alice,1", "month must be 1 to 12, not 13"),
        ("c.b,March,alice,1", "'March' is not a month of the form YYYY-MM"),
        ("c.b,1969-12,alice,1", "'1969' is outside the years 1970 to 2200"),
        (",2026-03,alice,1", "'' cannot be a project (1 to 255 printable characters)"),
        ("c.b,2026-03,a\x1b[2Jb,1", r"'a\x1b[2Jb' cannot be a user (1 to 255 printable characters)"),
        ('c.b,2026-03,"alice,1', "not CSV: unexpected end of data"),
        ("c.b,2026-03,alice,\udcff", "not UTF-8"),
        ("c.b,2026-03,alice,1\x00", r"'1\x00' is not a figure (digits and a decimal point, no sign, no grouping)"),
        ("x" * 200_000 + ",2026-03,alice,1", "not CSV: field larger than field limit (131072)"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_costs_no_other(line: str, sentence: str) -> None:
    content = f"project,month,user,hours\nc.b,2026-03,alice,1\n{line}\nc.b,2026-03,bob,2\n"

    told = read(content.encode(errors="surrogateescape"))

    assert [str(fault) for fault in told.faults] == [f"usage.csv: line 3: {sentence}"]
    assert [one.user for one in told.figures] == ["alice", "bob"]


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("name,colour", "no column project (or allocation) and no month or day and no node_seconds or node_hours"),
        ("project,month,gpu_hours", "no column node_seconds or node_hours: the header is 'project', 'month'"),
        ("project,year,hours", "no column month or day"),
        ("month,hours", "no column project (or allocation)"),
        ("project,month,hours,Hours", "the column 'hours' stands twice in the header"),
        ("project,month\x1b,hours,cost,cost", "the column 'cost' stands twice"),
    ],
)  # fmt: skip
def test_a_header_that_leaves_out_what_is_needed_is_refused(header: str, sentence: str) -> None:
    found = refusal(f"\n{header}\nc.b,2026-03,1\n")

    assert found.startswith(f"line 2: {sentence}")
    assert found.isprintable()


def test_a_document_without_a_line_is_refused() -> None:
    assert refusal(b"\n  \n\n") == "there is no line in it"


def test_a_header_alone_states_nothing() -> None:
    told = read("project,month,hours\n")

    assert (told.figures, told.months, told.names_days) == ([], frozenset(), False)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    ],
)
def test_marks_of_byte_order_and_line_endings_of_any_system_are_read(
    encode: object, ending: str
) -> None:
    lines = ["project;month;user;hours", "# a remark", "", "физика;2026-03;Ångström;1", ""]
    assert callable(encode)

    (found,) = figures(encode(ending.join(lines)))

    assert found[:4] == ("физика", MARCH, 3600, "Ångström")


def test_lines_of_other_resources_are_left_out_when_one_is_asked_for() -> None:
    table = "project,month,machine,hours\nc.b,2026-03,isca,1\nc.b,2026-03,tigris,2\n"

    assert [one.node_seconds for one in read(table).figures] == [3600, 7200]
    assert [one.node_seconds for one in read(table, "tigris").figures] == [7200]


def test_a_large_table_is_read_whole() -> None:
    lines = [f"p{n % 7}.brics,2026-03,u{n}.p.brics,{n}.25" for n in range(50_000)]

    found = figures("\n".join(["project,month,user,hours", *lines]))

    assert len(found) == 50_000
    assert sum(one.node_seconds for one in found) == sum(range(50_000)) * 3600 + 50_000 * 900


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_no_text_behind_a_header_does_anything_but_faults_or_figures(text: str) -> None:
    told = read(f"project,month,user,hours\n{text}".encode(errors="surrogatepass"))

    assert all(str(fault).startswith("usage.csv: line ") for fault in told.faults)
    assert all(one.node_seconds >= 0 for one in told.figures)


def said_of(content: bytes) -> list[str]:
    """What is wrong with *content*, be it with its header or with lines."""
    try:
        told = read(content)
    except UnreadableError as error:
        return [str(error)]
    return [str(fault) for fault in told.faults]


@given(st.binary(max_size=200))
def test_whatever_bytes_there_are_what_is_wrong_is_said_in_printable_sentences(
    content: bytes,
) -> None:
    assert all(sentence and sentence.isprintable() for sentence in said_of(content))
