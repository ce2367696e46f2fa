"""A run of OpenPortal reports into the ledger: each project in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from nodehours.ledger.errors import UnpostableError
from nodehours.ledger.post import MonthPosted, Origin, post
from nodehours.ledger.store import Connection
from nodehours.sources.document import Document, UnreadableError, opened
from nodehours.sources.openportal import Report
from nodehours.terms.fault import Fault
from nodehours.terms.usage import ProjectUsage

SOURCE = "openportal"

Watch = Callable[[str, int, int], None]
"""Called before each project with the document's name, how many projects are done, and how many it has."""


def unwatched(document: str, done: int, count: int) -> None:
    """Watch nothing."""


@dataclass(frozen=True, slots=True)
class ProjectPosted:
    """What a document did to one project's allocation; no months when it named no day."""

    document: str
    project: str
    months: list[MonthPosted]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run: the projects posted and the faults found, in the order of the documents."""

    projects: list[ProjectPosted] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, item: ProjectPosted | Fault) -> None:
        """Put what came of one project where it belongs."""
        if isinstance(item, Fault):
            self.faults.append(item)
        else:
            self.projects.append(item)

    @property
    def months(self) -> list[MonthPosted]:
        """Every month of every project."""
        return [month for project in self.projects for month in project.months]


def ingest(
    connection: Connection,
    names: Iterable[str],
    resource: str,
    *,
    dry_run: bool = False,
    watch: Watch = unwatched,
) -> Run:
    """Post the reports in the files *names* (``-`` for standard input) to the allocations on *resource*.

    A fault stops its project, or its document, and nothing else. A dry run does all the same work in one
    transaction and takes it back. Raises ``UnavailableError`` when the database fails; what was posted stands.
    """
    run = Run()
    whole: AbstractContextManager[object] = nullcontext()
    if dry_run:
        whole = connection.transaction(force_rollback=True)
    with whole:
        for name in names:
            for item in _ingest_file(connection, name, resource, watch):
                run.add(item)
    return run


def _ingest_file(
    connection: Connection, name: str, resource: str, watch: Watch
) -> Iterator[ProjectPosted | Fault]:
    try:
        with opened(name) as found:
            document = replace(found, name=_legible(found.name))
            report = Report(document)
            for done, item in enumerate(report):
                watch(document.name, done, len(report))
                yield (
                    item if isinstance(item, Fault) else _post(connection, item, resource, document)
                )
    except UnreadableError as error:
        yield Fault(_legible(name), str(error))


def _legible(name: str) -> str:
    """Escape what is no text in the name of a file, where any bytes can be: neither JSON nor the ledger takes them."""
    return name.encode(errors="backslashreplace").decode()


def _post(
    connection: Connection, usage: ProjectUsage, resource: str, document: Document
) -> ProjectPosted | Fault:
    project = str(usage.project)
    try:
        months = post(connection, usage, resource, Origin(SOURCE, document.name, document.sha256))
    except UnpostableError as error:
        return Fault(document.name, str(error), project)
    return ProjectPosted(document.name, project, months)
