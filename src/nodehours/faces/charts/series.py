"""Which series a chart has, in which order, with which names and colours; no more than people can tell apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from nodehours.faces.charts.theme import Theme
from nodehours.faces.charts.wording import hours, legible, per_cent, quoted

OTHERS: Final = ""
"""The key of all that is not shown apart."""
UNATTRIBUTED: Final = "?"
"""The key of what no known user owns."""
MOST: Final = 7
"""How many series have a colour of their own."""

_GREY: Final = (UNATTRIBUTED, OTHERS)


class Part(NamedTuple):
    """So much of a series: by its key, by the name that people know it by."""

    key: str
    name: str
    node_seconds: int


class Series(NamedTuple):
    """The series of a chart, the largest first, what is grey last.

    ``labels`` has the name of each key, no two the same; ``totals`` its node-seconds. A key that is in neither
    belongs to ``OTHERS``.
    """

    labels: Mapping[str, str]
    totals: Mapping[str, int]

    def key(self, key: str) -> str:
        """Return the key under which *key* is shown."""
        return key if key in self.labels else OTHERS

    def colours(self, theme: Theme) -> list[str]:
        """Return a colour for each label, in their order."""
        grey = {OTHERS: theme.others, UNATTRIBUTED: theme.unattributed}
        own = iter(theme.series)
        return [grey[key] if key in grey else next(own) for key in self.labels]

    def said(self, key: str, when: str, node_seconds: int, whole: int) -> dict[str, Any]:
        """Return the fields of a mark that is a series, when *when* says, *whole* being all that was used then."""
        label, figure, share = self.labels[key], hours(node_seconds), per_cent(node_seconds, whole)
        return {
            "label": label,
            "rank": [*self.labels].index(key),
            "figure": figure,
            "share": share,
            "says": f"{when}{label}: {figure} node-hours, {share}",
        }

    def largest(self) -> str:
        """Say which one is the largest, and its share; nothing where only one or none has a name."""
        named = [key for key in self.labels if key not in _GREY]
        if len(self.labels) < 2 or not named:
            return ""
        whole = sum(self.totals.values())
        share = per_cent(self.totals[named[0]], whole)
        return f" The largest is {quoted(self.labels[named[0]])} with {share}."


def series_of(parts: Iterable[Part], most: int = MOST) -> Series:
    """Find the *most* largest series in *parts*; all smaller ones become others."""
    totals: Counter[str] = Counter()
    names: dict[str, str] = {UNATTRIBUTED: "unattributed", OTHERS: "others"}
    for key, name, node_seconds in parts:
        totals[key] += node_seconds
        if name:
            names[key] = name
    ordered = sorted(totals, key=lambda key: (-totals[key], names.get(key, key), key))
    own = [key for key in ordered if key not in _GREY]
    if rest := own[most:]:
        totals[OTHERS] += sum(totals[key] for key in rest)
    shown = own[:most] + [key for key in _GREY if key in totals]
    return Series(_apart(shown, names), {key: totals[key] for key in shown})


def _apart(keys: Sequence[str], names: Mapping[str, str]) -> dict[str, str]:
    """Name the keys, so that no two have the same name: of namesakes the later one has its key beside it.

    What is grey is named first: nobody may be called like it.
    """
    labels: dict[str, str] = {}
    for key in sorted(keys, key=lambda key: key not in _GREY):
        label = legible(names.get(key, key))
        while label in labels.values():
            label = f"{label} ({legible(key)})"
        labels[key] = label
    return {key: labels[key] for key in keys}
