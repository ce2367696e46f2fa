"""How pages are drawn: templates, the words that they may use, and the files that they load."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from nodehours import __version__
from nodehours.faces.charts.wording import month_name
from nodehours.faces.web import address, written
from nodehours.faces.web.page import FIGURES

_FILES: Final = {
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FORMS: Final = (
    ("csv", "CSV"),
    ("ndjson", "NDJSON"),
    ("parquet", "Parquet"),
    ("xlsx", "XLSX"),
    ("readme", "README"),
)
"""The forms in which a table is taken, and what people call them."""
_TEMPLATES: Final = Environment(
    loader=PackageLoader("nodehours.faces.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def drawn_page(template: str, **given: Any) -> str:
    """Draw *template* with what it is *given*."""
    return _TEMPLATES.get_template(template).render(given)


@cache
def static_file(name: str) -> tuple[bytes, str]:
    """Return one of our own files, and its media type. Raises ``KeyError`` for what is none."""
    media_type = _FILES[name]
    return files("nodehours.faces.web").joinpath("static", name).read_bytes(), media_type


@cache
def static_address(name: str) -> str:
    """Return where a file of ours is, by an address that changes when the file does."""
    digest = hashlib.sha256(static_file(name)[0]).hexdigest()[:12]
    return f"{address.STATIC}{digest}/{name}"


def vega_file() -> tuple[bytes, str]:
    """Return the program by which browsers draw charts, and its media type; making it takes seconds the first time."""
    from nodehours.faces.charts.forms import browser_bundle

    return browser_bundle(), "text/javascript"


@cache
def vega_compressed() -> bytes:
    """Return the same a third as large, for those who can read it so."""
    return gzip.compress(vega_file()[0], mtime=0)


@cache
def vega_address() -> str:
    """Return where that is, by an address that changes when it does."""
    return f"{address.STATIC}{version('vl-convert-python')}-{__version__}/vega.js"


_TEMPLATES.globals.update(
    version=__version__,
    address=address,
    static=static_address,
    vega=vega_address,
    FIGURES=FIGURES,
    FORMS=_FORMS,
    MARKS=written.MARKS,
    CLOSED=written.CLOSED,
    month_name=month_name,
    trend=written.trend,
)
_TEMPLATES.filters.update(
    hours=written.hours,
    whole_hours=written.whole_hours,
    change=written.change,
    count=written.count,
    share=written.share,
    span=written.span,
    month=written.month,
    day=written.day,
    time=written.time,
    named=written.name,
    state=written.state,
    cell=written.cell,
)
