"""When a statement was closed, told from the closings and from which organisation its project was in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Closing(NamedTuple):
    """A closing of a month, of a project or an organisation (by internal id).

    ``reopened`` is the revision that ended it; ``is_kept``: it came with the project when that was moved, and closed
    nothing that was open.
    """

    id: int
    organisation: int | None
    project: int | None
    year: int
    month: int
    closed: int
    reopened: int | None
    is_kept: bool

    def holds(self, revision: int) -> bool:
        """Tell whether the month is closed by it at *revision*."""
        return self.closed <= revision and (self.reopened is None or revision < self.reopened)


class Membership(NamedTuple):
    """The organisation (by internal id) that a project was in until a revision; None: it is today."""

    organisation: int
    until: int | None


class History(NamedTuple):
    """A project by its internal id, and the organisations it was in, in their order."""

    project: int
    organisations: Sequence[Membership]

    def organisation(self, revision: int) -> int | None:
        """Return the organisation at *revision*."""
        for membership in self.organisations:
            if membership.until is None or revision < membership.until:
                return membership.organisation
        return None

    def is_of(self, closing: Closing, revision: int) -> bool:
        """Tell whether *closing* is the project's, or that of its organisation at *revision*."""
        if closing.project is not None:
            return closing.project == self.project
        return closing.organisation == self.organisation(revision)


class Step(NamedTuple):
    """From ``revision`` on a statement is closed, or is not."""

    revision: int
    is_closed: bool


def steps(closings: Iterable[Closing], project: History, made: int) -> list[Step]:
    """Return when a statement of *project* that was *made* at a revision was closed and opened again.

    *closings* are those of its month. A project that moves to an organisation takes its statements along as they
    are: neither does a closing before that close them, nor one that it left behind.
    """
    month = list(closings)
    found = [Step(made, _is_any(month, project, made))]
    for revision in sorted({at for one in month for at in (one.closed, one.reopened) if at}):
        if revision > made:
            found += _changed(month, project, revision)
    return found


def _is_any(month: Iterable[Closing], project: History, revision: int) -> bool:
    return any(one.holds(revision) and project.is_of(one, revision) for one in month)


def _changed(month: Sequence[Closing], project: History, revision: int) -> Iterator[Step]:
    mine = [one for one in month if project.is_of(one, revision)]
    if any(one.closed == revision and not one.is_kept for one in mine):
        yield Step(revision, is_closed=True)
    elif any(one.reopened == revision for one in mine):
        yield Step(revision, _is_any(month, project, revision))
