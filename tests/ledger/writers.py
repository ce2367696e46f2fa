"""One of several writers at once: a process that gives random commands to one ledger, and keeps a journal of them.

``python -m tests.ledger.writers JOURNAL SEED COUNT`` gives COUNT commands to the ledger of
NODEHOURS_DATABASE_URL. Before each it notes what it is about to do, and after it what came of that, with the ledger's
revision at that moment; one that is killed leaves a command without an end. Reports lie beside the journal.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import psycopg

from nodehours.faces.cli.main import main

RESOURCE = "isca"
NODES = 1000
MONTHS = ("2025-10", "2025-11", "2025-12")
DAYS = tuple(date(2025, month, day) for month in (10, 11, 12) for day in (1, 2, 3))
NEVER_BEGUN = date(2150, 6, 1)
PEOPLE = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
LOCAL_USERS = ("al", "bo", "ca", "old", "shared", "unknown")
# Reports come under the first two names of a project; one that it has not yet makes a project of its own.
NAMES = (
    ("climate", "weather", "storms", "winds"),
    ("ocean", "sea", "waves", "tides"),
    ("fusion", "plasma", "torus", "heat"),
)


class Command(NamedTuple):
    """A command as the journal tells of it: its words, and the revisions between which it was carried out.

    ``ended`` and ``status`` are None when it was killed.
    """

    words: tuple[str, ...]
    began: int
    ended: int | None = None
    status: int | None = None
    said: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether it did what it was told; an ingest also when something of it is in quarantine."""
        return self.status in {0, 1}

    def may_follow(self, other: Command) -> bool:
        """Whether it may have been carried out after *other* was."""
        return self.ended is None or self.ended >= other.began


def read_journal(path: Path) -> list[Command]:
    """Read the commands that the journal at *path* tells of, in order; what is not noted to the end is not noted."""
    commands: list[Command] = []
    for line in path.read_text().splitlines(keepends=True):
        noted = json.loads(line) if line.endswith("\n") else {}
        if "words" in noted:
            commands.append(Command(tuple(noted["words"]), noted["began"]))
        elif noted:
            commands[-1] = commands[-1]._replace(**noted)
    return commands


def given(words: tuple[str, ...]) -> tuple[int, str]:
    """Give the command *words* in this process; return its exit status and what it said on standard error."""
    sys.argv = ["nodehours", *words]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def write_report(path: Path, told: dict[str, Any]) -> str:
    """Write a report that is there whole or not at all; return its path."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(told))
    part.rename(path)
    return str(path)


@dataclass(frozen=True, slots=True)
class Chance:
    """What comes next, as chance has it, in view of what waits in the ledger."""

    random: Random
    looking: psycopg.Connection[tuple[Any, ...]]
    directory: Path
    name: str

    def commands(self) -> Iterator[tuple[str, ...]]:
        """Yield commands without an end."""
        choices: tuple[tuple[int, Callable[[int], tuple[str, ...]]], ...] = (
            (20, self.ingest),
            (4, self.ingest_again),
            (6, lambda _: ("month", "close", self.closable(), self.random.choice(MONTHS))),
            (4, lambda _: ("month", "reopen", self.closable(), self.random.choice(MONTHS))),
            (5, lambda _: ("pending", "accept", *self.found("pending", "waiting"))),
            (2, lambda _: ("pending", "decline", *self.found("pending", "waiting"))),
            (1, lambda _: ("pending", "reconsider", self.found("pending", "declined")[0])),
            (4, lambda _: ("quarantine", "release", *self.found("quarantine", "held"))),
            (2, lambda _: ("quarantine", "drop", *self.found("quarantine", "held"))),
            (5, lambda _: ("project", "rename", *self.names())),
            (
                2,
                lambda _: (
                    "project",
                    "move",
                    self.names()[0],
                    self.random.choice(["brics", "met"]),
                ),
            ),
            (2, lambda _: ("user", "merge", *self.people())),
            (4, lambda _: ("association", "map", *self.mapping())),
            (2, self.login),
        )
        weights, makers = zip(*choices, strict=True)
        number = 0
        while True:
            number += 1
            (make,) = self.random.choices(makers, weights)
            yield make(number)

    def ingest(self, number: int) -> tuple[str, ...]:
        """Read a report of one project or several, that contradicts all others."""
        projects = [
            f"{names[self.random.randrange(2)]}.brics"
            for names in self.random.sample(NAMES, self.random.randint(1, 3))
        ]
        reports = {project: self.project(project) for project in projects}
        path = self.directory / f"{self.name}-{number}.json"
        return self.ingesting(write_report(path, {"portal": "brics", "reports": reports}))

    def ingest_again(self, _: int) -> tuple[str, ...]:
        """Read a report that was read before, by whomever."""
        return self.ingesting(str(self.random.choice(sorted(self.directory.glob("*.json")))))

    def ingesting(self, path: str) -> tuple[str, ...]:
        """Read the report at *path*."""
        return "ingest", "openportal", "--resource", RESOURCE, path

    def project(self, project: str) -> dict[str, Any]:
        """Tell of a few days of *project*; now and then of one that cannot be true, or not understandably."""
        days = self.random.sample(DAYS, self.random.randint(1, 4))
        odd = self.random.random()
        most = 10**4 if odd < 0.15 else 10**9 if odd < 0.2 else 10**6
        told = {str(day): self.day(most) for day in days}
        if 0.2 < odd < 0.25:
            told[str(NEVER_BEGUN)] = self.day(most)
        if 0.25 < odd < 0.3:
            told[str(days[0])]["reports"]["al"] = {"seconds": -1}
        users = self.random.sample(PEOPLE, 2)
        claims = {f"{user}.{project}": self.random.choice(LOCAL_USERS[:-1]) for user in users}
        return {"project": project, "users": claims, "reports": told}

    def day(self, most: int) -> dict[str, Any]:
        """Tell of a day with up to *most* node-seconds for each of a few local users."""
        used = self.random.sample(LOCAL_USERS, self.random.randint(1, 4))
        return {
            "reports": {name: {"seconds": self.random.randint(0, most)} for name in used},
            "num_jobs": self.random.randint(0, 9),
            "is_complete": self.random.random() < 0.8,
        }

    def closable(self) -> str:
        """Name what has months to close: an organisation, or a project."""
        return self.random.choice(["brics", "met", *self.names()])

    def names(self) -> list[str]:
        """Name one project twice; the names may have become those of two."""
        return [f"{name}.brics" for name in self.random.sample(self.random.choice(NAMES), 2)]

    def people(self) -> list[str]:
        """Name two people."""
        return [f"{user}.brics" for user in self.random.sample(PEOPLE, 2)]

    def mapping(self) -> list[str]:
        """Name a local user, and whose it is."""
        project = self.names()[0]
        users = [f"{user}.{project}" for user in self.random.sample(PEOPLE, 2)]
        whose = self.random.choice([*users, "--nobody"])
        return [project, RESOURCE, self.random.choice(LOCAL_USERS[:-1]), whose]

    def login(self, _: int) -> tuple[str, ...]:
        """Give somebody a login, under a name that is told beside their usage."""
        user = self.random.choice(PEOPLE)
        return "user", "add", user, "--identity", f"{user}.brics", "--full-name", user.title()

    def found(self, table: str, status: str) -> list[str]:
        """Choose some of what has that status in *table*; others may decide on it before us."""
        query = {
            "pending": "select id from pending where status = %s order by id",
            "quarantine": "select id from quarantine where status = %s order by id",
        }
        ids = [str(one) for (one,) in self.looking.execute(query[table], [status])]
        return self.random.sample(ids, min(len(ids), self.random.randint(1, 3))) or ["1"]


def work(journal: Path, seed: str, count: int) -> None:
    """Give *count* commands that follow from *seed*, and note each in *journal*."""
    with (
        psycopg.connect(os.environ["NODEHOURS_DATABASE_URL"], autocommit=True) as looking,
        journal.open("a") as notes,
    ):
        commands = Chance(Random(seed), looking, journal.parent, journal.stem).commands()
        for _, words in zip(range(count), commands, strict=False):
            _note(notes, words=words, began=_revision(looking))
            status, said = given(words)
            _note(notes, ended=_revision(looking), status=status, said=said)


def _revision(looking: psycopg.Connection[tuple[Any, ...]]) -> int:
    ((revision,),) = looking.execute("select revision from ledger")
    return int(revision)


def _note(notes: io.TextIOWrapper, **noted: Any) -> None:
    notes.write(json.dumps(noted) + "\n")
    notes.flush()


if __name__ == "__main__":
    work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
