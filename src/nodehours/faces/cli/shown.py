"""How figures, times and names are written for people, and for the programs people open them with."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime

from nodehours.queries.clock import Snapshot
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.reckoned import RuleSince

NODE_HOURS = "node-hours are node-seconds / 3600, rounded to 2 places, half to even"
_FORMULA = "=+-@"


def signed(node_seconds: int) -> str:
    """Show a difference as node-hours with its sign; no difference has none."""
    sign = "-" if node_seconds < 0 else "+" if node_seconds else ""
    return sign + node_hours(abs(node_seconds))


def minute(instant: datetime) -> str:
    """Show an instant to the minute, for a column that says that it is UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"


def moment(snapshot: Snapshot) -> str:
    """Say as of when something is told."""
    when = f"{snapshot.instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"as of revision {snapshot.revision}, {when}"


def exact(instant: datetime) -> str:
    """Write an instant as RFC 3339 does, to the microsecond: it can be asked for again."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def legible(text: str) -> str:
    """Escape what could steer a terminal in *text* that the ledger keeps as it came: a file's name, a reason."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def plain_rules(rules: Iterable[RuleSince]) -> list[dict[str, str]]:
    """Write by which rules days were reckoned, each with the first of these days, for a machine."""
    return [{"since": str(one.since), "rule": one.told} for one in rules]


def cut(text: str, width: int) -> str:
    """Return *text*, its end cut off if it is longer than *width*."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def end(text: str, width: int) -> str:
    """Return *text*, its beginning cut off if it is longer than *width*: of a path, the end tells most."""
    return text if len(text) <= width else f"…{text[1 - width :]}"


def inert(text: str) -> str:
    """Keep a spreadsheet from taking a name for a formula: such a one gets an apostrophe before it.

    Identifiers cannot begin like a formula; names of people and of resources can. The full-width forms of the
    signs count as well.
    """
    return f"'{text}" if unicodedata.normalize("NFKC", text[:1]) in tuple(_FORMULA) else text
