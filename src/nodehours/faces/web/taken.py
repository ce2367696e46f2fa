"""What is taken of a page: one of its figures as a drawing, one of its tables as a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from litestar.response.base import ASGIResponse

from nodehours.faces.charts import forms
from nodehours.faces.charts.theme import DARK, LIGHT
from nodehours.faces.export.table_file import MEDIA_TYPES, table_file
from nodehours.faces.web.address import Address
from nodehours.faces.web.answers import drawn, taken
from nodehours.faces.web.fields import fields_of, readme_of
from nodehours.faces.web.page import Figure, Page, Table
from nodehours.faces.web.visit import Visit

_DRAWN: Final[dict[str, tuple[str, Callable[[forms.Chart], bytes]]]] = {
    "json": ("application/json", forms.vega_lite),
    "svg": ("image/svg+xml", lambda chart: forms.svg(chart).encode()),
    "png": ("image/png", forms.png),
}


def take(visit: Visit, page: Page) -> ASGIResponse | None:
    """Answer the figure or the table of *page* that its address asks for; None when there is no such."""
    address = visit.address
    if wanted := address.text("figure"):
        name, _, form = wanted.partition(".")
        figure = page.figure(name)
        return _draw(figure, form, address) if figure and form in _DRAWN else None
    name, _, form = address.text("table").partition(".")
    table = page.table(name)
    return _file(page, table, form, visit) if table and form in MEDIA_TYPES else None


def _draw(figure: Figure, form: str, address: Address) -> ASGIResponse | None:
    if figure.is_empty:
        return None
    media_type, write = _DRAWN[form]
    theme = DARK if address.text("theme") == "dark" else LIGHT
    return drawn(write(figure.draw(theme)), media_type)


def _file(page: Page, table: Table, form: str, visit: Visit) -> ASGIResponse:
    fields, rows = fields_of(table)
    readme = readme_of(page, table, visit)
    body = table_file(form, fields, rows, readme)
    suffix = "README.txt" if form == "readme" else form
    return taken(body, MEDIA_TYPES[form], f"nodehours-{table.name}.{suffix}")
