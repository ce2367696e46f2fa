"""What a figure is made of, in one screen to read: days first, then a line or two for each thing behind them."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from nodehours.faces.cli.shown import cut, end, legible, minute, moment, signed
from nodehours.faces.cli.table import table
from nodehours.queries.explanation import Explanation, LocalUser, Origin, Used
from nodehours.queries.versions import Version
from nodehours.terms.identifiers import UNKNOWN
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import node_hours
from nodehours.terms.reckoned import told_rules

WIDTH = 100
_LABEL = 11
_GAP = 2
_MAX_DAY_LINES = 35
_MAX_LOCAL_USERS = 8
_MAX_LINES = 4
_MAX_FORMER = 2
_MAX_ROWS = 10
_NAME = 20
_HEAD = ("day", "local user", "node-hours", "jobs", "mean wait", "components h", "revision")
_COMPONENTS = _HEAD.index("components h")


class _Line(NamedTuple):
    """A line of the days: what it is of, and the sums of it."""

    day: str
    local_user: str
    used: Sequence[Used]

    def cells(self, last: str) -> list[str]:
        """The line as it is shown; *last* is its last cell."""
        jobs = sum(one.jobs for one in self.used)
        wait = sum(one.wait_seconds for one in self.used)
        hours = node_hours(sum(one.node_seconds for one in self.used))
        mean = _clock(wait // jobs) if jobs else "-"
        name = cut(legible(self.local_user), _NAME)
        return [self.day, name, hours, str(jobs), mean, _components(self.used), last]


def as_text(found: Explanation) -> str:
    """Lay it out for a person, at most 100 columns wide."""
    parts = [_title(found), _days(found), "\n".join(_behind(found))]
    return "\n\n".join(part for part in parts if part)


def _title(found: Explanation) -> str:
    told, row = found.statement, found.row
    statement = f"{told.project} on {told.resource}, {found.month}"
    subject = f"{statement}: all usage"
    if row is not None:
        person = f" ({row.full_name})" if row.full_name else ""
        subject = f"{statement}: {row.username}{person}, row {row.id}"
    figure = f"{node_hours(found.node_seconds)} node-hours ({found.node_seconds} node-seconds)"
    closed = " and closed" if told.is_closed else ""
    lines = [
        cut(subject, WIDTH),
        *_wrapped(f"{figure}; {found.state.value}{closed}; rule: {told_rules(found.rules)}", ""),
        cut(f"{moment(found.snapshot)}; {_known_days(found)}", WIDTH),
    ]
    return "\n".join(lines)


def _known_days(found: Explanation) -> str:
    """How many days of the month are known completely, and which are not."""
    complete = found.statement.complete_days
    said = f"{complete} of {found.month.day_count} days complete"
    known = {day.day for day in found.days if day.is_complete}
    missing = [day for day in _days_of(found.month) if day not in known]
    return f"{said} (not {_ranges(missing)})" if found.days and missing else said


def _days_of(month: Month) -> list[date]:
    return [month.start + timedelta(number) for number in range(month.day_count)]


def _ranges(days: Iterable[date]) -> str:
    """Write days of one month as ``1, 4-7``."""
    runs = groupby(enumerate(day.day for day in days), lambda pair: pair[1] - pair[0])
    spans = [[number for _, number in run] for _, run in runs]
    return ", ".join(f"{one[0]}-{one[-1]}" if len(one) > 1 else str(one[0]) for one in spans)


def _days(found: Explanation) -> str:
    if not found.used:
        return "no daily usage in it"
    lines = [line.cells(_revision(line.used)) for line in _lines(found.used)]
    lines.append(_Line("sum", "", found.used).cells("adds up" if found.adds_up else "DIFFERS"))
    return _fitted([list(_HEAD), *lines])


def _fitted(lines: list[list[str]]) -> str:
    """Lay the days out; components have the room that is left, and no column where there are none or no room."""
    head, *rest = lines
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    room = WIDTH - sum(widths) + widths[_COMPONENTS] - _GAP * (len(widths) - 1)
    if room >= len(head[_COMPONENTS]) and any(line[_COMPONENTS] for line in rest):
        for line in rest:
            line[_COMPONENTS] = _whole(line[_COMPONENTS], room)
    else:
        for line in lines:
            del line[_COMPONENTS]
    return table(head, rest, right=("node-hours", "jobs", "mean wait", "revision"))


def _whole(components: str, room: int) -> str:
    """As many components as there is room for; no figure is cut in two."""
    if len(components) <= room:
        return components
    kept, _, _ = components[: room - 1].rpartition(", ")
    return f"{kept}, …" if kept else "…"


def _lines(used: Sequence[Used]) -> Iterator[_Line]:
    """A line for each local user's day or, when these are too many, for each day."""
    if len(used) <= _MAX_DAY_LINES:
        yield from (_Line(str(one.day), one.local_user, [one]) for one in used)
        return
    for day, group in groupby(used, attrgetter("day")):
        of_day = list(group)
        name = of_day[0].local_user if len(of_day) == 1 else f"{len(of_day)} local users"
        yield _Line(str(day), name, of_day)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _revision(used: Sequence[Used]) -> str:
    return str(max(one.revision for one in used))


def _components(used: Sequence[Used]) -> str:
    """Hours of each component."""
    sums: Counter[str] = Counter()
    for one in used:
        sums.update(dict(one.components))
    said = [f"{cut(legible(name), 12)} {node_hours(sums[name])}" for name in sorted(sums)]
    return ", ".join(said)


def _behind(found: Explanation) -> Iterator[str]:
    """What stands behind the days, a label for each kind of it."""
    if not found.adds_up:
        days = sum(one.node_seconds for one in found.used)
        yield from _labelled("DIFFERS", [
            f"the days come to {days} node-seconds, the figure is {found.node_seconds}: see `nodehours verify`"
        ])  # fmt: skip
    yield from _labelled("rows", _rows(found))
    yield from _labelled("whose", _whose(found))
    yield from _labelled("from", _origins(found))
    yield from _labelled("before", _former(found))
    yield from _labelled("waits", _pending(found))
    yield from _labelled("doubted", _quarantined(found))


def _labelled(label: str, sentences: Iterable[str]) -> Iterator[str]:
    indent = " " * _LABEL
    for number, sentence in enumerate(sentences):
        first = label.ljust(_LABEL) if number == 0 else indent
        yield from _wrapped(sentence, first)


def _wrapped(sentence: str, first: str) -> list[str]:
    """Break a sentence after *first* into lines, the further ones a little to the right."""
    indent = " " * (len(first) + _GAP)
    return textwrap.wrap(
        sentence, WIDTH, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False
    )


def _rows(found: Explanation) -> Iterator[str]:
    if found.row is not None:
        return
    rows = sorted(found.rows, key=lambda row: -row.node_seconds)
    shown = rows[:_MAX_ROWS]
    width = max(len(node_hours(row.node_seconds)) for row in shown)
    for row in shown:
        yield f"{node_hours(row.node_seconds).rjust(width)}  {row.username}, row {row.id}"
    more = len(rows) - _MAX_ROWS
    if more > 0:
        yield f"and {more} more: `nodehours report {found.statement.project} {found.month} --users`"


def _whose(found: Explanation) -> Iterator[str]:
    """Of a statement only those local users whose usage is nobody's."""
    told = found.local_users
    if found.row is None:
        told = [one for one in told if one.attribution.owner is None]
    for one in told[:_MAX_LOCAL_USERS]:
        yield f"{cut(legible(one.attribution.local_user), _NAME)}: {_attributed(one)}"
    if len(told) > _MAX_LOCAL_USERS:
        yield f"and {len(told) - _MAX_LOCAL_USERS} more local users: see --json"


def _attributed(one: LocalUser) -> str:
    attribution, hours = one.attribution, f"{node_hours(one.node_seconds)} node-hours"
    names = list(dict.fromkeys(claim.user_identifier for claim in attribution.claims))
    decision = attribution.decision
    if attribution.local_user == UNKNOWN:
        return f"what the source could not attribute, {hours}"
    if decision is not None and len(names) <= 1:
        whose = f"{names[0]}'s" if names else "nobody's"
        return f"{whose} by staff's decision in revision {decision.revision}"
    if not names:
        return f"claimed by nobody, {hours}"
    if attribution.is_disputed:
        return f"claimed by {' and '.join(names)}, so it is nobody's, {hours}"
    since = min(claim.since for claim in attribution.claims)
    return f"claimed by {' and '.join(names)}{' alone' if len(names) == 1 else ', one person'}, since {since:%Y-%m-%d}"


def _origins(found: Explanation) -> Iterator[str]:
    """The newest first: those are asked for most."""
    days = Counter(revision for _, revision in {(one.day, one.revision) for one in found.used})
    origins = sorted(found.origins, key=lambda one: -one.revision)
    for one in origins[:_MAX_LINES]:
        yield f"revision {one.revision}, {minute(one.recorded)}, {_counted(days[one.revision])}: {_document(one)}"
    if len(origins) > _MAX_LINES:
        yield f"and {len(origins) - _MAX_LINES} older revisions: see --json"


def _counted(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def _document(one: Origin) -> str:
    if one.run is None:
        return legible(one.reason) or one.kind
    sha256 = f", sha256 {one.sha256.hex()[:12]}" if one.sha256 else ""
    name = legible(one.document or "a document")
    return f"run {one.run} ({one.source}), {end(name, 40)}{sha256}"


def _former(found: Explanation) -> Iterator[str]:
    """The last changes of the figure, newest first."""
    changes = [one for one in found.versions if one.former is not None and one.difference]
    for one in changes[: -_MAX_FORMER - 1 : -1]:
        yield f"{node_hours(one.former or 0)} until {minute(one.recorded)}: {_change(one)}"
    if len(changes) > _MAX_FORMER:
        yield f"and {len(changes) - _MAX_FORMER} more: `nodehours history {_subject(found)}`"


def _change(one: Version) -> str:
    why = f", {legible(one.reason)}" if one.reason else ""
    return f"{signed(one.difference)} by the {one.kind} of revision {one.revision}{why}"


def _subject(found: Explanation) -> str:
    """How the figure is named on the command line."""
    if found.row is not None:
        return str(found.row.id)
    told = found.statement
    return f"{told.project} {found.month} --resource {shlex.quote(told.resource)}"


def _pending(found: Explanation) -> Iterator[str]:
    for one in found.pending:
        days = (
            f" on {', '.join(one.days[:4])}{' …' if len(one.days) > 4 else ''}" if one.days else ""
        )
        difference = signed(one.node_seconds - (one.former or 0))
        yield (
            f"pending {one.id}, {minute(one.made)}: {difference} node-hours for the whole statement{days}"
            f" ({legible(one.reason)}); see `nodehours pending list`"
        )


def _quarantined(found: Explanation) -> Iterator[str]:
    for one in found.quarantined[:_MAX_FORMER]:
        place = f"{legible(one.place)}: " if one.place else ""
        yield cut(f"record {one.id}, {place}{one.reason}: {legible(one.sentence)}", 3 * WIDTH)
    if found.quarantined:
        more = len(found.quarantined) - _MAX_FORMER
        yield f"{f'and {more} more; ' if more > 0 else ''}see `nodehours quarantine list`"
