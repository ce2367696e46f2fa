"""Renaming, moving, merging and mapping, as staff do it."""

from __future__ import annotations

import getpass

import pytest

from nodehours.ledger.store import Connection
from tests.faces.cli.conftest import Run, dump, report

USED = {"2026-03-01": {"al": 7200, "old": 3600}, "2026-04-01": {"al": 36, "old": 36}}


@pytest.fixture(autouse=True)
def climate(nodehours: Run) -> None:
    """A project of two people, one of whom signed up twice, and a local user whom nobody claims."""
    document = dump(report("climate.brics", USED, alice="al", bob="bo"))
    nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=document)


def said(nodehours: Run, *arguments: str) -> list[str]:
    done = nodehours(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_project_is_renamed_and_the_ledger_says_how_much_that_was(nodehours: Run) -> None:
    assert said(nodehours, "project", "rename", "climate.brics", "weather.brics") == [
        "climate.brics is now weather.brics: 2 statements told anew",
        "the ledger is now at revision 3",
    ]
    assert said(nodehours, "project", "list") == [
        "project        organisation  resources  former names",
        "weather.brics  brics         isca       climate.brics",
    ]


def test_what_waits_since_it_is_closed_is_named(nodehours: Run) -> None:
    said(nodehours, "month", "close", "climate.brics", "2026-03")

    assert said(nodehours, "project", "rename", "climate.brics", "weather.brics") == [
        (
            "climate.brics is now weather.brics: 1 statement told anew, 1 waits since closed (2026-03):"
            " see `nodehours pending list`"
        ),
        "the ledger is now at revision 4",
    ]


def test_a_project_moves_to_an_organisation_that_was_added(nodehours: Run) -> None:
    assert said(nodehours, "organisation", "add", "uk", "--name", "United Kingdom") == [
        "added uk: `nodehours project move` puts projects under it"
    ]
    assert said(nodehours, "project", "move", "climate.brics", "uk") == [
        "climate.brics is now of uk; no statement changes by it",
        "the ledger is now at revision 3",
    ]
    assert said(nodehours, "project", "move", "climate.brics", "uk") == [
        "climate.brics is of uk already",
        "nothing changed, the ledger stays at revision 3",
    ]
    assert said(nodehours, "organisation", "name", "brics", "Somewhere") == [
        "brics is shown as Somewhere"
    ]
    assert said(nodehours, "organisation", "list") == [
        "organisation  name            projects",
        "brics         Somewhere              0",
        "uk            United Kingdom         1",
    ]


def test_unattributed_usage_finds_its_owner_and_the_owner_their_other_self(nodehours: Run) -> None:
    assert said(nodehours, "association", "list") == [
        "project        resource  local user  known      whose",
        "climate.brics  isca      al          reported   alice.climate.brics",
        "climate.brics  isca      bo          reported   bob.climate.brics",
        "climate.brics  isca      old         unclaimed  nobody",
    ]
    map_old = ("association", "map", "climate.brics", "isca", "old")

    assert said(nodehours, *map_old, "alicia.climate.brics", "--reason", "she left in May") == [
        "old of climate.brics on isca is alicia.climate.brics's: 2 statements told anew",
        "the ledger is now at revision 3",
    ]
    assert said(nodehours, *map_old, "alicia.climate.brics")[0] == (
        "old of climate.brics on isca is alicia.climate.brics's already"
    )
    assert said(nodehours, "user", "merge", "alicia.brics", "alice.brics") == [
        "alicia.brics is alice.brics from now on: 2 statements told anew",
        "the ledger is now at revision 4",
    ]
    assert said(nodehours, *map_old, "--nobody") == [
        "old of climate.brics on isca is nobody's: 2 statements told anew",
        "the ledger is now at revision 5",
    ]
    assert said(nodehours, "association", "list", "climate.brics")[3].split() == (
        ["climate.brics", "isca", "old", "decided", "nobody"]
    )


def test_the_ledger_keeps_why_and_by_whom(nodehours: Run, connection: Connection) -> None:
    said(nodehours, "project", "rename", "climate.brics", "weather.brics", "--reason", " a word ")
    said(nodehours, "user", "merge", "bob.brics", "alice.brics")

    kept = connection.execute(
        "select reason, by_whom from revisions where kind <> 'posting' order by 1"
    )
    assert kept.fetchall() == [
        ("a word", getpass.getuser()),
        ("bob.brics is alice.brics", getpass.getuser()),
    ]


def test_a_late_report_under_the_old_name_is_posted_to_the_renamed_project(nodehours: Run) -> None:
    said(nodehours, "project", "rename", "climate.brics", "weather.brics")
    late = dump(report("climate.brics", {"2026-05-01": {"al": 36}}, alice="al"))

    done = nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=late)

    assert done.returncode == 0
    assert said(nodehours, "project", "list")[1:] == [
        "weather.brics  brics         isca       climate.brics"
    ]


@pytest.mark.parametrize(
    "command",
    [
        ("project", "rename", "climate.brics", "weather.brics"),
        ("user", "merge", "alice.brics", "bob.brics"),
        ("association", "map", "climate.brics", "isca", "old", "bob.climate.brics"),
    ],
    ids=lambda command: command[1],
)
def test_a_dry_run_says_the_same_and_writes_nothing(
    nodehours: Run, command: tuple[str, ...]
) -> None:
    before = said(nodehours, "user", "list")

    first, last = said(nodehours, *command, "--dry-run")

    assert last == "dry run: nothing was written, the ledger is at revision 2"
    assert said(nodehours, "user", "list") == before
    assert said(nodehours, *command) == [first, "the ledger is now at revision 3"]


def test_what_the_ledger_cannot_do_is_a_sentence_and_exit_status_3(nodehours: Run) -> None:
    done = nodehours("project", "rename", "ocean.brics", "weather.brics")

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "Error: there is no project ocean.brics: see `nodehours project list`\n"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("project", "rename", "climate", "weather.brics"), "not of the form project.portal"),
        (("project", "move", "climate.brics", "u.k"), "not of the form portal"),
        (("association", "map", "climate.brics", "isca", "old"), "say whose it is"),
        (
            ("association", "map", "climate.brics", "isca", "old", "bob.climate.brics", "--nobody"),
            "say whose it is",
        ),
        (("user", "merge", "alice.brics", "bob.brics", "--reason", "a\nb"), "a reason is one line"),
        (("allocation", "set", "climate.brics", "isca"), "say what is to change"),
        (("allocation", "set", "climate.brics", "isca", "--limit", "1.005"), "no number of node-h"),
        (("allocation", "set", "climate.brics", "isca", "--limit", "9" * 20), "more than the ledg"),
        (("allocation", "set", "climate.brics", "isca", "--starts", "May"), "not a date"),
        (("resource", "set", "isca", "--nodes", "0"), "no number of nodes"),
        (("resource", "set", "isca"), "say what is to change: --nodes, --rule or --timezone"),
        (("resource", "set", "isca", "--rule", "half"), "is no rule"),
        (("resource", "set", "isca", "--timezone", "Moon"), "is no time zone"),
        (("resource", "set", "isca", "--from", "2026-04-01"), "the first day of a --rule"),
        (("resource", "set", "isca", "--rule", "tres:cpu", "--from", "May"), "not a date"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_said_and_exit_status_2(
    nodehours: Run, command: tuple[str, ...], sentence: str
) -> None:
    done = nodehours(*command)

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in " ".join(done.stderr.split())
