"""Moving parts of the world: a project gets another name, or another organisation.

What reports say of who exists is added to in ``directory``; here, and in ``merging`` and ``mapping``, staff say
otherwise. Each such change is one revision, shared by all statements that it tells anew. Σ of a statement never
changes by it, nor do the ids of its rows; what the ledger said before is still told as of former revisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from nodehours.ledger.clock import Change, Kind, Origin, locked_revision
from nodehours.ledger.days import known_months
from nodehours.ledger.directory import Allocation, associations
from nodehours.ledger.errors import TakenNameError, UnchangeableError, UnknownNameError
from nodehours.ledger.statements import MonthPosted, Telling, post_month
from nodehours.ledger.store import Connection
from nodehours.terms.identifiers import ProjectIdentifier
from nodehours.terms.month import Month

_FIND_PROJECT = """
select projects.id, projects.identifier, organisations.id, organisations.identifier
from project_names
join projects on projects.id = project_names.project_id
join organisations on organisations.id = projects.organisation_id
where project_names.identifier = %s
"""
_FIND_ORGANISATION = "select id from organisations where identifier = %s"
_ALLOCATIONS = "select id from allocations where project_id = %s order by id"
_FIND_ALLOCATION = """
select allocations.id, projects.identifier
from allocations join projects on projects.id = allocations.project_id
where allocations.id = %s
"""
_RENAME = "update projects set identifier = %(new)s where id = %(project)s"
_ADD_NAME = """
insert into project_names (identifier, project_id) values (%(new)s, %(project)s) on conflict do nothing
"""
_RETIRE = """
update associations set retired_revision = %(revision)s
from allocations
where allocations.id = allocation_id and project_id = %(project)s and retired_revision is null
"""
_ASSOCIATE_ANEW = """
insert into associations (allocation_id, user_id, user_identifier, local_user, local_group)
select allocation_id, user_id, split_part(user_identifier, '.', 1) || '.' || %(new)s, local_user, local_group
from associations where retired_revision = %(revision)s order by id
"""
# What was closed for the project stays so, and is then its own to reopen.
_KEEP_CLOSED = """
insert into closings (project_id, year, month, closed_revision)
select %(project)s, year, month, %(revision)s from closings
where organisation_id = %(former)s and reopened_revision is null
order by year, month
on conflict do nothing
"""
_MOVE = "update projects set organisation_id = %(organisation)s where id = %(project)s"


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of a change: its revision (None: all was so already), and the statements that were to be told anew."""

    revision: int | None
    months: tuple[MonthPosted, ...] = ()

    @property
    def told(self) -> list[MonthPosted]:
        """The months told anew."""
        return [month for month in self.months if month.revision is not None]

    @property
    def waiting(self) -> list[MonthPosted]:
        """The months that wait for a decision, since they are closed."""
        return [month for month in self.months if month.pending is not None]


@dataclass(slots=True)
class OneRevision(Change):
    """A change under one revision, however many statements it tells anew."""

    revision: int | None = field(default=None, init=False)

    def next_revision(self, reason: str = "") -> int:
        """Move the clock the first time; return the same revision ever after."""
        if self.revision is None:
            # By name: a dataclass with slots is made twice, and super() would mean the first of the two.
            self.revision = Change.next_revision(self, reason)
        return self.revision


@contextmanager
def changing(
    connection: Connection, kind: Kind, origin: Origin, reason: str
) -> Iterator[OneRevision]:
    """Yield a change, in a transaction that has locked the clock; its reason is *reason* if none was given."""
    with connection.transaction():
        locked_revision(connection)
        change = OneRevision(connection, kind, replace(origin, reason=origin.reason or reason))
        yield change
        change.record()


def tell_anew(change: Change, allocation: int, months: Iterable[Month]) -> list[MonthPosted]:
    """Tell *months* of *allocation* (its internal id) from their days and the associations that hold now."""
    ((found, project),) = change.connection.execute(_FIND_ALLOCATION, [allocation])
    who = associations(change.connection, allocation)
    telling = Telling(change, Allocation(found, ProjectIdentifier.parse(project)), who)
    return [post_month(telling, month, {}, retold=True) for month in sorted(months)]


@dataclass(frozen=True, slots=True)
class Project:
    """A project by its internal id, its name today, and its organisation's internal id and identifier."""

    id: int
    identifier: ProjectIdentifier
    organisation_id: int
    organisation: str


def find_project(connection: Connection, name: ProjectIdentifier) -> Project:
    """Return the project that has, or ever had, that name. Raises ``UnknownNameError``."""
    found = connection.execute(_FIND_PROJECT, [str(name)]).fetchone()
    if found is None:
        raise UnknownNameError(f"there is no project {name}: see `nodehours project list`")
    return Project(found[0], ProjectIdentifier.parse(found[1]), found[2], found[3])


def rename_project(
    connection: Connection, old: ProjectIdentifier, new: ProjectIdentifier, origin: Origin
) -> Moved:
    """Give the project *old* the name *new*: its rows' usernames follow, and no figure changes.

    All names that it had keep leading to it, so that reports under them are posted to it. Raises
    ``UnknownNameError``, ``TakenNameError`` when *new* is, or was, another project's name, and
    ``UnchangeableError`` when it has that name already or the portals differ.
    """
    with changing(connection, Kind.RENAMING, origin, f"{old} is now {new}") as change:
        project = find_project(connection, old)
        _refuse_name(connection, project, new)
        values = {"project": project.id, "new": str(new), "revision": change.next_revision()}
        for statement in (_RENAME, _ADD_NAME, _RETIRE, _ASSOCIATE_ANEW):
            connection.execute(statement, values)
        allocations = connection.execute(_ALLOCATIONS, [project.id]).fetchall()
        months = [
            month
            for (allocation,) in allocations
            for month in tell_anew(change, allocation, known_months(connection, allocation))
        ]
    return Moved(change.revision, tuple(months))


def _refuse_name(connection: Connection, project: Project, new: ProjectIdentifier) -> None:
    if project.identifier == new:
        raise UnchangeableError(f"the project is {new} already")
    if project.identifier.portal != new.portal:
        raise UnchangeableError(
            f"{project.identifier} cannot become {new}: at another portal its users would be other people"
        )
    found = connection.execute(_FIND_PROJECT, [str(new)]).fetchone()
    if found and found[0] != project.id:
        is_former = found[1] != str(new)
        whose = f"was the name of {found[1]}, and still leads there" if is_former else "exists"
        raise TakenNameError(f"{project.identifier} cannot become {new}, which {whose}")


def move_project(
    connection: Connection, project: ProjectIdentifier, organisation: str, origin: Origin
) -> Moved:
    """Put *project* under *organisation*, whose people then see it, as those of the former one no longer do.

    No statement changes. Months that were closed for it stay closed. Raises ``UnknownNameError``.
    """
    with changing(connection, Kind.MOVING, origin, f"{project} moved to {organisation}") as change:
        found = find_project(connection, project)
        target = connection.execute(_FIND_ORGANISATION, [organisation]).fetchone()
        if target is None:
            raise UnknownNameError(
                f"there is no organisation {organisation}: `nodehours organisation add` makes one"
            )
        if target[0] != found.organisation_id:
            values = {"project": found.id, "organisation": target[0]}
            values |= {"former": found.organisation_id, "revision": change.next_revision()}
            connection.execute(_KEEP_CLOSED, values)
            connection.execute(_MOVE, values)
    return Moved(change.revision)
