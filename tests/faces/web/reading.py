"""Pages as they are read: their links, their forms and their tables, out of the HTML that came."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import NamedTuple

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "source"})


class Written(NamedTuple):
    """A cell of a table: what people read there, and the exact figure beside it, if it is a figure."""

    text: str
    value: str | None


@dataclass
class Filled:
    """A form: where it goes, how, and what it is filled in with already."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class Read:
    """What a page has. ``tables`` are lists of rows by their captions; ``text`` is all that people read."""

    links: list[str] = field(default_factory=list)
    forms: list[Filled] = field(default_factory=list)
    tables: dict[str, list[list[Written]]] = field(default_factory=dict)
    text: str = ""

    def table(self, caption: str) -> list[list[Written]]:
        """Return the one table whose caption begins so."""
        (found,) = [rows for of, rows in self.tables.items() if of.startswith(caption)]
        return found

    def form(self, do: str) -> Filled:
        """Return the form that does that."""
        return next(form for form in self.forms if form.fields.get("do") == do)


class _Reader(HTMLParser):
    """Reads a page. Elements that stay open, or close what is not open, are errors: the page must be well formed."""

    def __init__(self) -> None:
        super().__init__()
        self.read = Read()
        self._open: list[str] = []
        self._rows: list[list[Written]] = []
        self._words: list[str] = []
        self._value: str | None = None
        self._caption = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "a":
            self.read.links.append(given["href"])
        elif tag == "form":
            self.read.forms.append(Filled(given.get("action", ""), given["method"]))
        elif tag == "input" and self.read.forms and "form" in self._open:
            self.read.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "data":
            self._value = given["value"]
        elif tag in {"table", "tr", "td", "th", "caption"}:
            self._begin(tag)

    def _begin(self, tag: str) -> None:
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        else:
            self._words, self._value = [], None

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes something else, at {self.getpos()}"
        text = " ".join("".join(self._words).split())
        if tag in {"td", "th"}:
            self._rows[-1].append(Written(text, self._value))
        elif tag == "caption":
            self._caption = text
        elif tag == "table":
            self.read.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        self.read.text += data

    def done(self) -> Read:
        assert self._open == []
        return self.read


def read_page(html: str) -> Read:
    """Read a page of the dashboard."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.done()
