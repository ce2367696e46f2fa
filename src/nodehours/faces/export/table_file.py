"""A small table as a file, in the forms of the usage listing and with its safety: what a page shows, taken along.

Values are exact: whole numbers, decimals as text, days, instants with their zone. What is not known is None.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple

from nodehours.faces.export import sheet
from nodehours.faces.export.forms import FORMS
from nodehours.faces.export.readme import Readme
from nodehours.queries.export_text import INERT_BEFORE

Rows = Sequence[Sequence[Any]]

MEDIA_TYPES: Final[Mapping[str, str]] = {
    **{name: form.media_type for name, form in FORMS.items()},
    "readme": "text/plain; charset=utf-8",
}
"""What each form is called on the web; ``readme`` is what goes with those that cannot hold it."""


class FieldKind(Enum):
    """What a field holds."""

    TEXT = "text"
    INTEGER = "whole number"
    DECIMAL = "decimal"
    DAY = "date"
    INSTANT = "time, UTC"
    BOOLEAN = "true or false"


class Field(NamedTuple):
    """A field, its unit in its name."""

    name: str
    kind: FieldKind


def table_file(form: str, fields: Sequence[Field], rows: Rows, readme: Readme) -> bytes:
    """Return *rows* as a file of that *form*, one of ``MEDIA_TYPES``."""
    return _WRITERS[form](fields, rows, readme)


def _csv(fields: Sequence[Field], rows: Rows, _: Readme) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_inert(field.name) for field in fields])
    for row in rows:
        writer.writerow([
            _inert(_text(value)) if field.kind is FieldKind.TEXT else _text(value)
            for field, value in zip(fields, row, strict=True)
        ])  # fmt: skip
    return text.getvalue().encode(errors="replace")


def _inert(text: str) -> str:
    """Keep a spreadsheet from taking *text* for a formula: taking one apostrophe away gives every text back."""
    return f"'{text}" if text[:1] in INERT_BEFORE else text


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def _ndjson(fields: Sequence[Field], rows: Rows, _: Readme) -> bytes:
    names = [field.name for field in fields]
    lines = (
        json.dumps(dict(zip(names, map(_plain, row), strict=True)), ensure_ascii=False)
        for row in rows
    )
    return "".join(f"{line}\n" for line in lines).encode(errors="replace")


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int) else _text(value)


def _parquet(fields: Sequence[Field], rows: Rows, readme: Readme) -> bytes:
    from nodehours.faces.export.parquet import Typed, table_bytes

    columns = [
        Typed(field.name, _PARQUET[field.kind], [_exact(field, row[place]) for row in rows])
        for place, field in enumerate(fields)
    ]
    return table_bytes(columns, readme)


_PARQUET: Final = {
    FieldKind.TEXT: "string",
    FieldKind.INTEGER: "int64",
    FieldKind.DECIMAL: "decimal",
    FieldKind.DAY: "date32",
    FieldKind.INSTANT: "timestamp",
    FieldKind.BOOLEAN: "bool",
}


def _exact(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.kind is FieldKind.DECIMAL:
        return Decimal(value)
    return str(value) if field.kind is FieldKind.TEXT else value


def _xlsx(fields: Sequence[Field], rows: Rows, readme: Readme) -> bytes:
    data = io.BytesIO()
    names = ("README", "table")
    widths = [max(14, len(field.name) + 2) for field in fields]
    lines = [
        sheet.text_row(number, line, is_bold=number == 1)
        for number, line in enumerate(readme.lines(), 1)
    ]
    header = sheet.text_row(1, [field.name for field in fields], is_bold=True)
    written = [_sheet_row(number, fields, row) for number, row in enumerate(rows, 2)]
    sheets = (
        sheet.rows_begin(sheet.README_WIDTHS, is_frozen=False) + "".join(lines),
        sheet.rows_begin(widths, is_frozen=True) + header + "".join(written),
    )
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("_rels/.rels", sheet.RELATIONS)
        book.writestr("xl/styles.xml", sheet.STYLES)
        for number, text in enumerate(sheets, 1):
            book.writestr(f"xl/worksheets/sheet{number}.xml", text + sheet.SHEET_END)
        book.writestr("xl/workbook.xml", sheet.book(names))
        book.writestr("xl/_rels/workbook.xml.rels", sheet.book_relations(len(names)))
        book.writestr("[Content_Types].xml", sheet.content_types(len(names)))
    return data.getvalue()


def _sheet_row(number: int, fields: Sequence[Field], row: Sequence[Any]) -> str:
    cells = [
        _sheet_cell(f"{sheet.letters(place)}{number}", field.kind, value)
        for place, (field, value) in enumerate(zip(fields, row, strict=True))
    ]
    return f'<row r="{number}">{"".join(cells)}</row>'


def _sheet_cell(place: str, kind: FieldKind, value: Any) -> str:
    if value is None:
        return ""
    match kind:
        case FieldKind.INTEGER:
            return sheet.number(place, str(value))
        case FieldKind.DECIMAL:
            return sheet.number(place, value, sheet.TWO_PLACES)
        case FieldKind.BOOLEAN:
            return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
        case _:
            return sheet.text(place, _text(value))


def _readme(_: Sequence[Field], __: Rows, readme: Readme) -> bytes:
    return readme.text().encode(errors="replace")


_WRITERS: Final[Mapping[str, Callable[[Sequence[Field], Rows, Readme], bytes]]] = {
    "csv": _csv,
    "ndjson": _ndjson,
    "parquet": _parquet,
    "xlsx": _xlsx,
    "readme": _readme,
}
