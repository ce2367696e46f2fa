"""What a page is about: a project with all its allocations, or one allocation.

Internal ids are gathered first, so that no statistics can lead the planner to go through the usage of everybody.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from psycopg import sql

from nodehours.queries.seen_usage import scope_values
from nodehours.terms.scope import Scope

_ONE = sql.SQL("allocation_id = any(array(select id from allocations where uuid = %(allocation)s))")
_OF_PROJECT = sql.SQL("""
allocation_id = any(array(
    select allocations.id from allocations join projects on projects.id = project_id where projects.uuid = %(project)s))
""")


class Of(NamedTuple):
    """A project or an allocation, by its UUID; of neither there is nothing."""

    project: UUID | None = None
    allocation: UUID | None = None


def of_asked(of: Of) -> sql.SQL:
    """Whether an ``allocation_id`` is one that is asked for."""
    return _OF_PROJECT if of.allocation is None else _ONE


def of_values(scope: Scope, of: Of) -> dict[str, object]:
    """Return what the conditions of *scope*, and of what is asked for, are bound to."""
    return {**scope_values(scope), **of._asdict()}
