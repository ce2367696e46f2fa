"""What is in an XLSX file beside the figures: the cells of a row, the sheets' beginnings and ends, the list of sheets.

It is SpreadsheetML (ISO/IEC 29500), the least of it that a spreadsheet needs. Texts stand in their cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from nodehours.queries.export_text import COLUMNS, INERT_BEFORE

_MAX_DIGITS = 15
"""How many digits of a number a spreadsheet keeps."""
README_WIDTHS: Final = (20, 40, 12, 14, 14, 18, 18)
_WIDTHS = {
    "project_identifier": 24,
    "allocation_uuid": 34,
    "user_uuid": 34,
    "username": 30,
    "full_name": 24,
    "modified": 28,
}
_BOLD, TWO_PLACES, _TEXT = 1, 2, 3
"""Styles, by their places in STYLES. A text that looks like a formula stays one when it is edited (quotePrefix)."""

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

# What XML cannot say, or would say otherwise; and what would be read as the escape of such a character.
_UNSAFE = re.compile("[&<>\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

RELATIONS: Final = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
STYLES: Final = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="2" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
SHEET_END: Final = "</sheetData></worksheet>"


def text_of(value: str) -> str:
    """Write *value* as the text of an element."""
    return _UNSAFE.sub(_safe, value)


def _safe(found: re.Match[str]) -> str:
    character = found[0]
    return _ENTITIES.get(character) or f"_x{ord(character):04X}_"


def rows_begin(widths: Iterable[int], *, is_frozen: bool) -> str:
    """Begin a sheet; one that *is_frozen* keeps its first row in sight."""
    pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    columns = "".join(
        f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
        for number, width in enumerate(widths, 1)
    )
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        f"{pane if is_frozen else ''}</sheetView></sheetViews><cols>{columns}</cols><sheetData>"
    )


def usage_begin() -> str:
    """Begin a sheet of usage rows, with its header."""
    begin = rows_begin([_WIDTHS.get(name, 14) for name in COLUMNS], is_frozen=True)
    return begin + text_row(1, COLUMNS, is_bold=True)


def text_row(place: int, cells: Sequence[str], *, is_bold: bool = False) -> str:
    """Write a row of texts; rows count from 1."""
    written = [
        text(f"{letters(column)}{place}", cell, _BOLD if is_bold else 0)
        for column, cell in enumerate(cells)
    ]
    return f'<row r="{place}">{"".join(written)}</row>'


def letters(column: int) -> str:
    """Return what a spreadsheet calls a column; they count from 0.

    >>> letters(0), letters(25), letters(26), letters(701), letters(702)
    ('A', 'Z', 'AA', 'ZZ', 'AAA')
    """
    more, last = divmod(column, 26)
    return (letters(more - 1) if more else "") + chr(ord("A") + last)


def usage_row(n: int, cells: Sequence[str]) -> str:
    """Write a usage row, its *cells* being those of CSV."""
    (
        row, year, month, state, is_closed, project, organisation, resource, allocation, user, username,
        full_name, node_seconds, node_hours, revision, modified,
    ) = cells  # fmt: skip
    return (
        f'<row r="{n}">{number(f"A{n}", row)}<c r="B{n}"><v>{year}</v></c><c r="C{n}"><v>{month}</v></c>'
        f'<c r="D{n}" t="inlineStr"><is><t>{state}</t></is></c><c r="E{n}" t="b"><v>{int(is_closed == "true")}</v></c>'
        f"{text(f'F{n}', project)}{text(f'G{n}', organisation)}{text(f'H{n}', resource)}"
        f'<c r="I{n}" t="inlineStr"><is><t>{allocation}</t></is></c>{text(f"J{n}", user)}'
        f"{text(f'K{n}', username)}{text(f'L{n}', full_name)}"
        f"{number(f'M{n}', node_seconds)}{number(f'N{n}', node_hours, TWO_PLACES)}"
        f'{number(f"O{n}", revision)}<c r="P{n}" t="inlineStr"><is><t>{modified}</t></is></c></row>'
    )


def number(place: str, digits: str, style: int = 0) -> str:
    """Write a number in the cell at *place*, digit by digit, or else a text: no float has a say in it."""
    if sum(map(str.isdigit, digits)) > _MAX_DIGITS:
        return text(place, digits)
    return f'<c r="{place}" s="{style}"><v>{digits}</v></c>'


def text(place: str, value: str, style: int = 0) -> str:
    """Write a text in the cell at *place*; nothing where it is empty."""
    if not value:
        return ""
    if value[0] in INERT_BEFORE:
        style = style or _TEXT
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text_of(value)}</t></is></c>'


def book(names: Sequence[str]) -> str:
    """List the sheets, which are called *names*."""
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(names, 1)
    )
    return (
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'
    )


def book_relations(count: int) -> str:
    """Say where the *count* sheets are, and the styles."""
    sheets = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, count + 1)
    )
    styles = f'<Relationship Id="rId{count + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    return (
        f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{sheets}{styles}</Relationships>'
    )


def content_types(count: int) -> str:
    """Say what each part is."""
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for number in range(1, count + 1)
    )
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{sheets}</Types>'
    )
