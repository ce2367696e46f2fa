"""Whose usage it is: Slurm's accounts as projects, and its users as people.

By convention the account ``brics.climate`` is the project ``climate.brics``, and its user ``alice`` (or
``alice.climate``, as OpenPortal calls them) is ``alice.climate.brics``. An account of any other name is a project of
its own, in a portal that is called as the cluster: ``physics`` of ``isca`` is ``physics.isca``. A list of associations
or a mapping file says otherwise; the mapping file has the last word.

    account,user,project,person
    physics,,quarks.brics,
    physics,u1234,,alice
    ,u9999,,bob

A line names an account's project, or who a user is: of that account, or of any. ``person`` ``-`` is nobody: such usage
is unattributed.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.slurm.attempt import UNKNOWN_USER
from nodehours.terms.fault import Fault, shown
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier

NOBODY: Final = "-"
_HEADER: Final = ("account", "user", "project", "person")
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Accounts:
    """What is known of accounts and users beside the convention.

    ``projects`` by account, ``people`` by account and user (account empty: of any), ``members`` by account: with a
    list of associations only they are people by convention, and else everybody is (None).
    """

    projects: Mapping[str, ProjectIdentifier] = field(default_factory=dict)
    people: Mapping[tuple[str, str], str] = field(default_factory=dict)
    members: frozenset[tuple[str, str]] | None = None

    def project_of(self, account: str, cluster: str) -> ProjectIdentifier:
        """Return the project that *account* is."""
        if account in self.projects:
            return self.projects[account]
        own = (_own_name(account), _own_name(cluster))
        return ProjectIdentifier.of_account(account) or ProjectIdentifier(*own)

    def user_of(
        self, account: str, local_user: str, project: ProjectIdentifier
    ) -> UserIdentifier | None:
        """Return who *local_user* is in *project*; None if nobody knows."""
        person = self._person(account, local_user)
        if person is None:
            is_member = self.members is None or (account, local_user) in self.members
            person = local_user.removesuffix(f".{project.project}") if is_member else NOBODY
        if person == NOBODY or local_user == UNKNOWN_USER or not _PART.fullmatch(person):
            return None
        return UserIdentifier(person, project.project, project.portal)

    def names_person(self, account: str, local_user: str) -> bool:
        """Tell whether the mapping says who *local_user* is."""
        return self._person(account, local_user) is not None

    def _person(self, account: str, local_user: str) -> str | None:
        return self.people.get((account, local_user)) or self.people.get(("", local_user))


def _own_name(name: str) -> str:
    """Return *name* as part of an identifier; what cannot be one gets a part of its hash, so that it is told apart."""
    if _PART.fullmatch(name):
        return name
    if not name:
        return UNKNOWN_USER
    told = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or "account"
    return f"{told[:40]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def read_associations(document: Document) -> frozenset[tuple[str, str]]:
    """Read the members of accounts from ``sacctmgr -P show assoc``.

    Raises ``UnreadableError`` when its first line does not name the fields ``Account`` and ``User``.
    """
    lines = [line.rstrip("\r") for line in _text(document).split("\n")]
    head = [name.strip().lower() for name in lines[0].split("|")] if lines else []
    if not {"account", "user"} <= set(head):
        raise UnreadableError(
            "it is not what `sacctmgr -P show assoc` tells: no fields Account and User"
        )
    account, user = head.index("account"), head.index("user")
    found = (line.split("|") for line in lines[1:])
    return frozenset(
        (fields[account], fields[user])
        for fields in found
        if len(fields) > max(account, user) and fields[user]
    )


def read_mapping(document: Document, faults: list[Fault]) -> Accounts:
    """Read a mapping file; a line that is not understood is added to *faults* and left out.

    Raises ``UnreadableError`` when its first line does not name the columns.
    """
    lines = _text(document).split("\n")
    head = [name.strip().lower() for name in lines[0].split(",")]
    is_sound = {"account", "user"} & set(head) and len(set(head)) == len(head)
    if not is_sound or not set(head) <= set(_HEADER):
        raise UnreadableError(f"its first line does not name its columns: {','.join(_HEADER)}")
    projects: dict[str, ProjectIdentifier] = {}
    people: dict[tuple[str, str], str] = {}
    for number, line in enumerate(lines[1:], 2):
        try:
            _read_line(_named(head, line), projects, people)
        except ValueError as error:
            faults.append(Fault(document.name, str(error), place=f"line {number}"))
    faults += [Fault(document.name, said) for said in _two_people(projects, people)]
    return Accounts(projects, people)


def _two_people(
    projects: Mapping[str, ProjectIdentifier], people: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    """Tell of users who would be two people in one project: there, Slurm's name is all that is known of them."""
    known: dict[tuple[ProjectIdentifier, str], tuple[str, str]] = {}
    for (account, user), person in people.items():
        project = projects.get(account) or ProjectIdentifier.of_account(account)
        if not project:
            continue
        other, before = known.setdefault((project, user), (account, person))
        if before != person:
            yield (
                f"{user} is {before} of the account {other} and {person} of {account}, which are both the project"
                f" {project}: in one project a user is one person"
            )


def _fields(line: str) -> list[str]:
    """Split a line, which is a record: nothing that a mapping names has ends of lines."""
    try:
        return next(csv.reader([line.rstrip("\r")], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"it is no line of CSV: {error}") from None


def _named(head: Sequence[str], line: str) -> dict[str, str]:
    fields = [value.strip() for value in _fields(line)]
    if any(fields[len(head) :]):
        raise ValueError(f"{len(fields)} fields, where {len(head)} are named")
    return dict(zip(head, fields, strict=False))


def _read_line(
    line: Mapping[str, str],
    projects: dict[str, ProjectIdentifier],
    people: dict[tuple[str, str], str],
) -> None:
    account, user, project, person = (line.get(name, "") for name in _HEADER)
    if not any((account, user, project, person)):
        return
    if account and project and not (user or person):
        _learn(projects, account, ProjectIdentifier.parse(project))
    elif user and person and not project:
        if person != NOBODY and not _PART.fullmatch(person):
            raise ValueError(
                f"{shown(person)} is no person: letters, digits, _ and - only, or - for nobody"
            )
        _learn(people, (account, user), person)
    else:
        raise ValueError("it names neither an account's project nor a user's person")


def _learn(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if known.setdefault(key, value) != value:
        raise ValueError(f"{value} is said, but a line before says {known[key]}")


def _text(document: Document) -> str:
    return document.content[:].decode("utf-8-sig", "backslashreplace")


def accounts_of(mapping: Accounts, members: frozenset[tuple[str, str]] | None) -> Accounts:
    """Put a mapping and a list of associations together."""
    return Accounts(mapping.projects, mapping.people, members)
