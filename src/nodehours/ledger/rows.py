"""Usage rows in the store: made once, then only their figures change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import UNKNOWN, ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.statement import Statement

_LIST_ROWS = """
select user_id, id, username, node_seconds from usage_rows where allocation_id = %s and year = %s and month = %s
"""
_ADD_ROWS = """
insert into usage_rows (allocation_id, year, month, first_revision, revision, user_id, username, node_seconds)
select %s, %s, %s, moved.revision, moved.revision, new.user_id, new.username, new.node_seconds
from (select %s::bigint as revision) as moved,
    unnest(%s::bigint[], %s::text[], %s::bigint[]) with ordinality as new (user_id, username, node_seconds, place)
order by new.place
"""
_CHANGE_ROWS = """
update usage_rows set username = new.username, node_seconds = new.node_seconds, revision = %s
from unnest(%s::bigint[], %s::text[], %s::bigint[]) as new (id, username, node_seconds)
where usage_rows.id = new.id
"""


class KnownRow(NamedTuple):
    """A usage row as it stands: its id, which never changes, its user identifier and its node-seconds."""

    id: int
    username: str
    node_seconds: int

    def retold(self, figure: _NewRow | None, project: ProjectIdentifier) -> KnownRow:
        """Return the row as it is to be; without a *figure* it falls to 0, and its user is still one of *project*."""
        if figure is None:
            user = replace(UserIdentifier.parse(self.username), project=project.project)
            return KnownRow(self.id, str(user), 0)
        return KnownRow(self.id, figure.username, figure.node_seconds)


class _NewRow(NamedTuple):
    user_id: int | None
    username: str
    node_seconds: int


@dataclass(frozen=True, slots=True)
class StatementRows:
    """What must be done to a month's rows so that they say what its statement says.

    ``has_new_figures``: node-seconds change, and not only a name. ``figures`` are those of the whole statement, by
    user identifier.
    """

    added: list[_NewRow]
    changed: list[KnownRow]
    has_new_figures: bool
    figures: list[tuple[str, int]]

    @classmethod
    def of(
        cls,
        statement: Statement,
        user_ids: Mapping[UserIdentifier, int],
        known: Mapping[int | None, KnownRow],
        project: ProjectIdentifier,
    ) -> StatementRows:
        """Compare *project*'s statement with the rows *known*; a row that it has no figure for falls to 0.

        New rows come in the order of their user identifiers, the unattributed row last.
        """
        figures = _figures(statement, user_ids)
        added = [row for row in figures if row.user_id not in known]
        wanted = {row.user_id: row for row in figures}
        told = [(row, row.retold(wanted.get(user_id), project)) for user_id, row in known.items()]
        return cls(
            added,
            [new for row, new in told if new != row],
            any(new.node_seconds != row.node_seconds for row, new in told),
            [(row.username, row.node_seconds) for row in figures],
        )

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.added or self.changed)


def _figures(statement: Statement, user_ids: Mapping[UserIdentifier, int]) -> list[_NewRow]:
    """A row a user: a person with two user identifiers in one allocation has one row, under the first of them."""
    figures: dict[int | None, _NewRow] = {}
    for identifier in sorted(statement.usage):
        user_id = user_ids[identifier]
        former = figures.get(user_id, _NewRow(user_id, str(identifier), 0))
        figures[user_id] = former._replace(
            node_seconds=former.node_seconds + statement.usage[identifier]
        )
    return [*figures.values(), _NewRow(None, UNKNOWN, statement.unattributed)]


def known_rows(connection: Connection, allocation: int, month: Month) -> dict[int | None, KnownRow]:
    """Return the rows of *allocation* in *month*, by internal user id; None is the unattributed row."""
    rows = connection.execute(_LIST_ROWS, [allocation, month.year, month.month])
    return {user_id: KnownRow(*row) for user_id, *row in rows}


def write_rows(
    connection: Connection, key: tuple[int, int, int], rows: StatementRows, revision: int
) -> None:
    """Write *rows* of the statement *key* (allocation, year, month) under *revision*."""
    if rows.added:
        columns = [list(column) for column in zip(*rows.added, strict=True)]
        connection.execute(_ADD_ROWS, [*key, revision, *columns])
    if rows.changed:
        columns = [list(column) for column in zip(*rows.changed, strict=True)]
        connection.execute(_CHANGE_ROWS, [revision, *columns])
