"""The days checked: each version's node-seconds and hash against the figures of its local users then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import TypeVar

from nodehours.ledger.versions import Cell, ComponentCell, DayVersion, KeptDay, Version, held
from nodehours.terms.content import digest
from nodehours.terms.difference import Difference, Place
from nodehours.terms.month import END_DAY, FIRST_DAY
from nodehours.terms.usage import Component, DailyUsage, Day

_COUNTED_FROM = date(1970, 1, 1)
_NUMBERS = range((FIRST_DAY - _COUNTED_FROM).days, (END_DAY - _COUNTED_FROM).days)

V = TypeVar("V", bound=Version)


def day_of(number: int) -> date | None:
    """Return the day with that number, counted from 1970-01-01; None when usage cannot be of it."""
    return _COUNTED_FROM + timedelta(number) if number in _NUMBERS else None


def day_differences(kept: KeptDay, of: str) -> Iterator[Difference]:
    """Yield what is not as it should be in a day of the allocation named *of*."""
    day = day_of(kept.day)
    place = Place(of, day=day)
    if day is None:
        yield Difference(
            place, f"day {kept.day}, counted from 1970-01-01,", "in the years 1970 to 2200", "not"
        )
    elif not kept.versions:
        yield from _homeless(kept, place)
    else:
        versions = sorted(kept.versions, key=lambda version: version.revision)
        yield from unchained(versions, "the end of the day's version", place)
        yield from _misplaced(kept, {version.revision for version in versions}, place)
        yield from _untrue(versions, kept, day, place)


def unchained(versions: Sequence[Version], what: str, place: Place) -> Iterator[Difference]:
    """Yield which of *versions*, in their order, does not end where the next begins; the last must still hold."""
    for version, following in pairwise([*versions, None]):
        if version is not None:
            expected = None if following is None else following.revision
            if version.until != expected:
                at = place._replace(revision=version.revision)
                yield Difference(at, what, end(expected), end(version.until))


def end(until: int | None) -> str:
    """Say when a version ends."""
    return "still to come" if until is None else f"revision {until}"


def _homeless(kept: KeptDay, place: Place) -> Iterator[Difference]:
    for cell in kept.cells[:1]:
        at = place._replace(local_user=cell.local_user, revision=cell.revision)
        yield Difference(at, "the day of this figure", "known", "missing")
    for part in kept.components[:1]:
        yield Difference(_part(place, part), "the day of this figure", "known", "missing")


def _misplaced(kept: KeptDay, revisions: set[int], place: Place) -> Iterator[Difference]:
    """A figure changes when its day does, and has one value at a time."""
    for cell in _outside(kept.cells, revisions):
        at = place._replace(local_user=cell.local_user, revision=cell.revision)
        yield _unrevised(at, cell, revisions)
    for part in _outside(kept.components, revisions):
        yield _unrevised(_part(place, part), part, revisions)
    if len(revisions) > 1:
        cells = sorted(kept.cells, key=lambda cell: (cell.local_user, cell.revision))
        for one, other in pairwise(cells):
            if one.local_user == other.local_user and _overlap(one, other):
                at = place._replace(local_user=one.local_user, revision=one.revision)
                yield _doubled(at, one, other)
        parts = sorted(kept.components, key=lambda part: (*_named(part), part.revision))
        for one_part, other_part in pairwise(parts):
            if _named(one_part) == _named(other_part) and _overlap(one_part, other_part):
                yield _doubled(_part(place, one_part), one_part, other_part)


def _outside(versions: Iterable[V], revisions: set[int]) -> Iterator[V]:
    known = revisions | {None}
    for version in versions:
        if version.revision not in revisions or version.until not in known:
            yield version


def _overlap(one: Version, other: Version) -> bool:
    return one.until is None or one.until > other.revision


def _named(part: ComponentCell) -> Component:
    return Component(part.local_user, part.component)


def _part(place: Place, part: ComponentCell) -> Place:
    return place._replace(
        local_user=part.local_user, component=part.component, revision=part.revision
    )


def _unrevised(place: Place, version: Version, revisions: set[int]) -> Difference:
    known = ", ".join(map(str, sorted(revisions)))
    found = f"revision {version.revision}"
    if version.until is not None:
        found += f" to {version.until}"
    return Difference(place, "the time of this figure", f"among the day's revisions {known}", found)


def _doubled(place: Place, one: Version, other: Version) -> Difference:
    return Difference(
        place, "the end of this figure", f"revision {other.revision} at the latest", end(one.until)
    )


def _untrue(
    versions: Sequence[DayVersion], kept: KeptDay, day: date, place: Place
) -> Iterator[Difference]:
    """Compare each version's sum and hash with the figures that held then."""
    revisions = [version.revision for version in versions]
    then = zip(versions, held(kept.cells, revisions), held(kept.components, revisions), strict=True)
    for version, cells, components in then:
        told = digest(day, _whole(version, cells, components))
        at = place._replace(revision=version.revision)
        if version.node_seconds != told.node_seconds:
            yield Difference(
                at,
                "the day's node-seconds",
                f"{told.node_seconds}, the sum over its local users,",
                str(version.node_seconds),
            )
        if version.sha256 != told.sha256:
            yield Difference(
                at, "the day's SHA-256", f"{told.sha256.hex()}, by its figures,", version.sha256.hex()
            )  # fmt: skip


def _whole(version: DayVersion, cells: Iterable[Cell], components: Iterable[ComponentCell]) -> Day:
    return Day(
        version.is_complete,
        version.jobs,
        version.wait_seconds,
        {cell.local_user: DailyUsage(*cell[3:6]) for cell in cells},
        {_named(part): part.component_seconds for part in components},
        version.rule,
    )
