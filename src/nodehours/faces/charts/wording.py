"""Figures, months and names as charts write them: in English, whatever the machine's language is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from datetime import date
from itertools import accumulate
from typing import Final

from nodehours.terms.month import Month
from nodehours.terms.node_seconds import node_hours

NOTHING: Final = "Nothing was used."
PALE: Final = "drawn pale, with a dashed outline"
"""How is shown that figures still grow."""

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
# What XML cannot say, and what would break a line.
_UNWRITABLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_BREAKS: Final = re.compile("[\t\n\v\f\r\x85\u2028\u2029\ufeff]+")
# How many pixels of a line a character takes at most.
_WIDE, _BROAD, _USUAL = 18, 12, 9
_BROAD_ONES: Final = frozenset("@%&mwABCDEFGHIJKLMNOPQRSTUVWXYZ")
_ISOLATES: Final = re.compile("[\u2066-\u2069]")
_SIDEWAYS: Final = frozenset(
    {"R", "AL", "AN", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"}
)


def hours(node_seconds: int) -> str:
    """Write node-seconds as node-hours.

    >>> hours(2_808_288_000)
    '780,080.00'
    """
    whole, _, places = node_hours(node_seconds).partition(".")
    return f"{int(whole):,}.{places}"


def per_cent(part: int, whole: int) -> str:
    """Write *part* of *whole* in per cent with one place, rounded half up; nothing where there is no whole.

    >>> per_cent(1, 3), per_cent(1, 0)
    ('33.3 %', '')
    """
    if not whole:
        return ""
    tenths = (part * 2000 + whole) // (2 * whole)
    return f"{tenths // 10:,}.{tenths % 10} %"


def short_month(month: Month) -> str:
    """Write a month under an axis: ``Mar 26``."""
    return f"{_MONTHS[month.month - 1][:3]} {month.year % 100:02d}"


def month_name(month: Month) -> str:
    """Write a month in a sentence: ``March 2026``."""
    return f"{_MONTHS[month.month - 1]} {month.year}"


def day_name(day: date) -> str:
    """Write a day: ``5 Mar 2026``."""
    return f"{day.day} {_MONTHS[day.month - 1][:3]} {day.year}"


def counted(number: int, noun: str) -> str:
    """Count things: ``1 day``, ``3 days``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def during(names: Sequence[str]) -> str:
    """Say when, of all the *names* of a span of time in order."""
    return f"in {names[0]}" if len(names) == 1 else f"from {names[0]} to {names[-1]}"


def running(months: Collection[Month]) -> str:
    """Say which months still run, and how that is shown; nothing where none does."""
    if not months:
        return ""
    verb, they = ("runs", "it is") if len(months) == 1 else ("run", "they are")
    return f" {' and '.join(map(month_name, sorted(months)))} still {verb}: {they} {PALE}."


def trend(now: int, before: int | None, what: str) -> str:
    """Say how much more or less *now* is than *before*, which *what* names; nothing where that is not known."""
    if not before:
        return ""
    if now == before:
        return f", as much as in {what}"
    word = "more" if now > before else "less"
    return f", {per_cent(abs(now - before), before)} {word} than in {what}"


def legible(name: str) -> str:
    """Return a name that people chose as a line of text that any of the forms can have.

    What cannot be written becomes U+FFFD, line breaks become blanks.
    """
    return _UNWRITABLE.sub("\ufffd", _BREAKS.sub(" ", name)).strip() or "(no name)"


def fitting(name: str, room: int) -> str:
    """Cut a name that Vega must not cut, so that it surely needs no more than *room* pixels.

    Vega cuts between the two halves of a character beyond U+FFFF, such as an emoji, and what is left is no text.
    """
    if all(each <= "\uffff" for each in name):
        return name
    ends = accumulate(
        _WIDE if each > "\u02af" else _BROAD if each in _BROAD_ONES else _USUAL for each in name
    )
    fit = sum(end <= room - _WIDE for end in ends)
    return name if fit == len(name) else f"{name[:fit]}…"


def quoted(name: str) -> str:
    """Put a name into a sentence: letters that run from right to left turn nothing around it (Unicode's FSI, PDI)."""
    text = legible(name)
    if not any(unicodedata.bidirectional(each) in _SIDEWAYS for each in text):
        return text
    return f"\u2068{_ISOLATES.sub('', text)}\u2069"
