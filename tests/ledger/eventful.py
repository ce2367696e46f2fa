"""A ledger with a history of everything that can happen to one, small enough to be changed figure by figure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from nodehours.ledger.closing import close_month, reopen_month
from nodehours.ledger.decisions import accept, decline
from nodehours.ledger.mapping import map_local_user
from nodehours.ledger.merging import merge_users
from nodehours.ledger.moves import move_project, rename_project
from nodehours.ledger.people import User, add_user
from nodehours.ledger.post import Origin, post
from nodehours.ledger.quarantine import Record, hold
from nodehours.ledger.runs import Outcome, Verdict, add_document, begin_run, end_run
from nodehours.ledger.store import Connection
from nodehours.sources.openportal import record_sha256
from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier
from nodehours.terms.month import Month
from nodehours.terms.usage import Claim, Component, DailyUsage, Day, ProjectUsage

CLIMATE = ProjectIdentifier.parse("climate.brics")
OCEAN = ProjectIdentifier.parse("ocean.brics")
FUSION = ProjectIdentifier.parse("fusion.lab")
FEBRUARY = Month(2026, 2)
MARCH = Month(2026, 3)


def used(*, is_complete: bool = True, rule: str = "", **node_seconds: int) -> Day:
    """A day of a few local users, with jobs and a component of each."""
    usage = {name: DailyUsage(n, n % 7, n % 11) for name, n in node_seconds.items()}
    parts = {Component(name, "cpu"): n * 64 for name, n in node_seconds.items()}
    return Day(is_complete, len(usage), sum(node_seconds.values()) % 13, usage, parts, rule)


class Teller:
    """Who posts to a ledger, each time from a document of its own."""

    def __init__(self, connection: Connection) -> None:
        """Post through *connection*."""
        self.connection = connection

    def tells(self, project: ProjectIdentifier, days: dict[date, Day], **local_users: str) -> None:
        """Post *days* of *project*, and who has which local user."""
        claims = frozenset(
            Claim(name, UserIdentifier(user, project.project, project.portal))
            for name, user in local_users.items()
        )
        run = begin_run(self.connection, "openportal", "isca", "", "")
        document = add_document(self.connection, run, f"report {run}.json", bytes(32), 1)
        usage = ProjectUsage(project, days, claims)
        post(self.connection, usage, "isca", Origin(document))
        end_run(self.connection, run, Outcome(Verdict.COMPLETE, {"months_posted": 1}))


def dates(first: date, count: int) -> Iterable[date]:
    """So many days from *first* on."""
    return (first + timedelta(n) for n in range(count))


def tell_everything(connection: Connection) -> None:
    """Post, restate, close, accept, decline, reopen, rename, move, merge, map, hold and reckon anew."""
    tell_as_reported(connection)
    for rule in ("", "allocated-nodes", "tres:billing*1/4"):
        Teller(connection).tells(CLIMATE, {date(2026, 4, 2): used(al=12, rule=rule)})


def tell_as_reported(connection: Connection) -> None:
    """Let everything happen that can without a rule."""
    teller = Teller(connection)
    february = date(2026, 2, 1)
    whole = {day: used(al=3600, bo=1800 + n) for n, day in enumerate(dates(february, 28))}
    teller.tells(CLIMATE, whole, al="alice", bo="bob")
    teller.tells(OCEAN, {date(2026, 3, 1): used(al=5000, old=70)}, al="alice")
    teller.tells(FUSION, {date(2026, 3, 2): used(xu=900)}, xu="xenia")
    _restate(teller)
    _close(teller)
    _rename(teller)
    record = b'{"project": "climate.brics", "reports": {"2026-03-09": {"al": 1}}}'
    place = ("openportal", "isca", "climate.brics", "", "shape", "It is odd.")
    hold(connection, Record(None, *place, record, record_sha256(record)))


def _restate(teller: Teller) -> None:
    """Late days, a correction downward, a local user who goes and comes again, and a claim learnt late."""
    third = date(2026, 3, 3)
    teller.tells(CLIMATE, {third: used(is_complete=False, al=100, old=7)})
    teller.tells(CLIMATE, {third: used(al=40, bo=5, old=7), date(2026, 2, 9): used(al=1)})
    teller.tells(CLIMATE, {third: used(al=40, old=7)})
    teller.tells(CLIMATE, {third: used(al=40, bo=6, old=7)})
    teller.tells(CLIMATE, {date(2026, 4, 1): used(old=5)}, old="carol")


def _close(teller: Teller) -> None:
    """February is closed for the portal; of what comes then, something is accepted, declined, and waits."""
    connection, origin = teller.connection, Origin(None, "", "boss")
    close_month(connection, "brics", FEBRUARY, origin)
    close_month(connection, "climate.brics", MARCH, origin)
    teller.tells(CLIMATE, {date(2026, 2, 10): used(al=3000, bo=2)})
    accept(connection, _waiting(connection), origin)
    teller.tells(CLIMATE, {date(2026, 2, 11): used(al=3001, bo=2)})
    decline(connection, _waiting(connection), "boss", "not so")
    teller.tells(CLIMATE, {date(2026, 2, 12): used(al=3002, bo=2)})
    reopen_month(connection, "climate.brics", MARCH, origin)


def _waiting(connection: Connection) -> int:
    ((found,),) = connection.execute("select id from pending where status = 'waiting'")
    return int(found)


def _rename(teller: Teller) -> None:
    """Who is who changes, and what things are called."""
    connection, origin = teller.connection, Origin(None, "", "boss")
    rename_project(connection, OCEAN, ProjectIdentifier.parse("deepsea.brics"), origin)
    move_project(connection, CLIMATE, "lab", origin)
    teller.tells(FUSION, {date(2026, 3, 2): used(xu=900, yu=30)}, yu="yara")
    merge_users(connection, "yara.lab", "xenia.lab", origin)
    map_local_user(connection, CLIMATE, "isca", "old", None, origin)
    add_user(connection, User("boss", "Boss", "", False, False, True, []))
    xenia = User("xenia", "Xenia Xu", "", False, False, True, ["xenia.lab"])
    add_user(connection, xenia, "boss")
