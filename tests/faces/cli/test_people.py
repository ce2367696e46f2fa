from __future__ import annotations

import re

import pytest

from tests.faces.cli.conftest import Run, dump, report

CLIMATE = report("climate.brics", {"2026-03-01": {"al": 7200}}, alice="al", bob="bo")


@pytest.fixture(autouse=True)
def climate(nodehours: Run) -> None:
    nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(CLIMATE))


def lines(nodehours: Run, *arguments: str) -> list[list[str]]:
    return [line.split() for line in nodehours(*arguments).stdout.splitlines()]


def test_people_in_reports_are_known_without_a_login(nodehours: Run) -> None:
    assert lines(nodehours, "user", "list")[1:] == [
        ["-", "-", "-", "-", "yes", "alice.brics"],
        ["-", "-", "-", "-", "yes", "bob.brics"],
    ]


def test_a_login_for_somebody_known_names_the_identity(nodehours: Run) -> None:
    done = nodehours("user", "add", "alice", "--identity", "alice.brics", "--full-name", "Alice A")

    assert done.stdout == "added alice, who is alice.brics in reports\n"
    assert ["alice", "Alice", "A", "-", "-", "yes", "alice.brics"] in lines(
        nodehours, "user", "list"
    )


def test_equal_names_are_not_taken_for_one_person_but_pointed_out(nodehours: Run) -> None:
    done = nodehours("user", "add", "alice")

    assert done.stdout == "added alice\n"
    assert "nodehours user identify alice alice.brics" in done.stderr


def test_a_login_made_before_is_identified_later_and_keeps_roles_and_tokens(
    nodehours: Run,
) -> None:
    nodehours("user", "add", "alice", "--email", "alice@example.org")
    nodehours("role", "grant", "alice", "owner", "brics")
    nodehours("token", "create", "alice")

    done = nodehours("user", "identify", "alice", "alice.brics")

    assert (done.returncode, done.stdout) == (0, "alice is alice.brics in reports\n")
    assert lines(nodehours, "user", "list")[1] == (
        "alice - alice@example.org - yes alice.brics".split()
    )
    assert lines(nodehours, "role", "list")[1][:3] == ["alice", "owner", "brics"]
    assert lines(nodehours, "token", "list")[1][1:4] == ["alice", "read", "valid"]


def test_a_token_is_alone_on_standard_output(nodehours: Run) -> None:
    nodehours("user", "add", "boss", "--staff")

    done = nodehours("token", "create", "boss")

    assert re.fullmatch(r"[0-9a-f]{64}\n", done.stdout)
    assert done.stderr.startswith("valid until ")


@pytest.mark.parametrize(
    ("lifetime", "said"),
    [
        ("never", "valid for ever"),
        ("12h", "valid until"),
        ("0d", "more than nothing"),
        ("90", "neither a lifetime"),
        ("999999w", "at most 100 years"),
    ],
)
def test_a_lifetime_is_a_number_with_a_unit_or_never(
    nodehours: Run, lifetime: str, said: str
) -> None:
    nodehours("user", "add", "boss", "--staff")

    assert said in nodehours("token", "create", "boss", "--lifetime", lifetime).stderr


def test_a_revoked_token_stays_listed_as_revoked(nodehours: Run) -> None:
    nodehours("user", "add", "boss", "--staff")
    nodehours("token", "create", "boss")

    assert nodehours("token", "revoke", "1").stdout == "revoked token 1\n"
    assert lines(nodehours, "token", "list")[1][:4] == ["1", "boss", "read", "revoked"]
    assert nodehours("token", "revoke", "99").returncode == 3


def test_roles_are_granted_once_and_revoked_once(nodehours: Run) -> None:
    nodehours("user", "add", "bob")
    grant = ("role", "grant", "bob", "member", "climate.brics")

    assert nodehours(*grant).stdout == "bob is now member of climate.brics\n"
    assert nodehours(*grant).stdout == "bob is already member of climate.brics\n"
    revoke = ("role", "revoke", "bob", "member", "climate.brics")
    assert nodehours(*revoke).stdout == "bob is no longer member of climate.brics\n"
    assert nodehours(*revoke).stdout == "bob is not member of climate.brics\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("token create nobody", "there is no user nobody: see `nodehours user list`"),
        ("token create alice.brics", "alice.brics has no login yet: run `nodehours user add alice.brics`"),
        ("user deactivate nobody", "there is no user nobody: see `nodehours user list`"),
        ("role grant nobody owner brics", "there is no user nobody: see `nodehours user list`"),
        ("role grant boss owner climate.brics", "there is no organisation climate.brics"),
        ("role grant boss member brics", "there is no project brics"),
        ("user add boss", "there is a user boss already"),
        ("user add other --identity carol.brics", "carol.brics is boss's already"),
        ("user identify boss alice.brics", "both have usage of their own"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_sentence(
    nodehours: Run, arguments: str, sentence: str
) -> None:
    nodehours("user", "add", "boss", "--identity", "carol.brics")

    done = nodehours(*arguments.split())

    assert done.returncode == 3
    assert done.stderr.startswith(f"Error: {sentence}")
    assert done.stdout == ""


def test_a_deactivated_user_is_listed_as_such(nodehours: Run) -> None:
    nodehours("user", "add", "boss", "--staff")

    assert nodehours("user", "deactivate", "boss").stdout == "deactivated boss\n"
    assert lines(nodehours, "user", "list")[1] == ["boss", "-", "-", "staff", "no", "-"]


def test_an_empty_list_says_what_to_do_next(nodehours: Run) -> None:
    assert "nodehours token create USERNAME" in nodehours("token", "list").stderr
    assert "nodehours role grant --help" in nodehours("role", "list").stderr


@pytest.mark.parametrize("username", ["", " ", "a b", "x" * 129, "a\x1bb"])
def test_a_username_that_cannot_be_one_is_refused(nodehours: Run, username: str) -> None:
    assert nodehours("user", "add", username).returncode == 2
