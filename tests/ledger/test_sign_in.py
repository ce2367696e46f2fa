"""Who signs in, and by what: a password, a link that opens once, an account at a provider."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from nodehours.ledger.errors import (
    LedgerError,
    TakenNameError,
    UnchangeableError,
    UnfitPasswordError,
    UnknownNameError,
)
from nodehours.ledger.people import User, add_user, create_token, deactivate_user, list_tokens
from nodehours.ledger.sign_in import (
    _NOBODYS,
    bind_login,
    forget_failures,
    has_password,
    is_throttled,
    make_link,
    note_failure,
    note_tokens_used,
    password_user,
    revoke_own_token,
    set_password,
    start_session,
    tokens_of,
    unbind_logins,
    use_link,
    user_of_login,
)
from nodehours.ledger.store import Connection, connected
from nodehours.terms.token import token_sha256
from tests.databases import database
from tests.ledger.written import everything

PASSWORD = "correct horse battery"
ISSUER = "https://sso.example.org"
AGE = "update sign_in_attempts set tried = tried - %s"


@pytest.fixture
def people(connection: Connection) -> Connection:
    """A ledger that boss and alice sign in to, and out of which gone is shut."""
    for name in ("boss", "alice", "gone"):
        add_user(connection, User(name, "", "", False, False, True, []))
    deactivate_user(connection, "gone")
    return connection


@pytest.fixture(scope="module")
def tried(server_url: str, template: str) -> Iterator[Connection]:
    """A ledger for many examples of what is tried."""
    with database(server_url, template) as url, connected(url) as connection:
        yield connection


def user_id(connection: Connection, username: str) -> int:
    ((found,),) = connection.execute("select id from users where username = %s", [username])
    return int(found)


def test_a_password_signs_its_user_in_and_nobody_else(people: Connection) -> None:
    set_password(people, "boss", PASSWORD)
    set_password(people, "alice", "another long password")

    assert password_user(people, "boss", PASSWORD) == user_id(people, "boss")
    assert password_user(people, "alice", PASSWORD) is None
    assert password_user(people, "boss", PASSWORD + " ") is None
    assert password_user(people, "Boss", PASSWORD) is None
    assert password_user(people, "nobody", PASSWORD) is None


def test_a_password_is_nowhere_in_the_database(people: Connection) -> None:
    set_password(people, "boss", PASSWORD)

    whole = repr(everything(people))
    assert PASSWORD not in whole
    assert whole.count("$argon2id$") == 1


def test_a_new_password_takes_the_place_of_the_old_one_and_shuts_what_the_old_one_opened(
    people: Connection,
) -> None:
    boss, alice = user_id(people, "boss"), user_id(people, "alice")
    assert not has_password(people, boss)
    set_password(people, "boss", PASSWORD)
    link = make_link(people, "boss")
    for user in (boss, alice):
        start_session(people, user, "password", "")

    set_password(people, "boss", "another long password")

    assert has_password(people, boss)
    assert password_user(people, "boss", PASSWORD) is None
    assert password_user(people, "boss", "another long password") == boss
    assert use_link(people, link) is None
    still_open = people.execute("select user_id from sessions where ended is null")
    assert still_open.fetchall() == [(alice,)]


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("", "a password has 12 characters or more"),
        ("elevenchars", "a password has 12 characters or more"),
        ("ﬃﬃﬃﬃ", "a password has 12 characters or more"),
        ("e\u0301" * 11, "a password has 12 characters or more"),
        ("🦀" * 12, None),
        ("x" * 1000, None),
        ("x" * 1001, "a password has at most 1000 characters"),
        ("ﬃ" * 400, "a password has at most 1000 characters"),
        ("long.username", "a password is not the username"),
        (" Long.Username ", "a password is not the username"),
        ("long.username!", None),
    ],
)
def test_what_cannot_be_a_password_is_refused_with_a_sentence(
    connection: Connection, password: str, sentence: str | None
) -> None:
    add_user(connection, User("long.username", "", "", False, False, True, []))

    if sentence is None:
        set_password(connection, "long.username", password)
        assert password_user(connection, "long.username", password) is not None
    else:
        with pytest.raises(UnfitPasswordError, match=f"^{sentence}$"):
            set_password(connection, "long.username", password)
        assert password_user(connection, "long.username", password) is None


def test_a_password_is_the_same_however_a_keyboard_writes_its_letters(people: Connection) -> None:
    set_password(people, "boss", "Zo\u00eb M\u00fcller war hier")

    assert password_user(people, "boss", "Zoe\u0308 Mu\u0308ller war hier") is not None


def test_who_is_shut_out_signs_in_by_nothing(people: Connection) -> None:
    set_password(people, "alice", PASSWORD)
    link = make_link(people, "alice")
    alice = bind_login(people, ISSUER, "4711", "alice")
    deactivate_user(people, "alice")

    assert password_user(people, "alice", PASSWORD) is None
    assert use_link(people, link) is None
    assert user_of_login(people, ISSUER, "4711") is None
    with pytest.raises(UnknownNameError, match="there is no such user any more"):
        start_session(people, alice, "link", "")


def test_a_hash_of_other_costs_is_made_anew_when_its_password_is_given(people: Connection) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    boss = user_id(people, "boss")
    people.execute("insert into passwords values (%s, %s)", [boss, cheap.hash(PASSWORD)])

    assert password_user(people, "boss", "not the password") is None
    assert cheap_hashes(people) == 1
    assert password_user(people, "boss", PASSWORD) == boss
    assert cheap_hashes(people) == 0
    assert password_user(people, "boss", PASSWORD) == boss


def cheap_hashes(connection: Connection) -> int:
    return connection.execute("select from passwords where hash like '%m=8,t=1,p=1%'").rowcount


@pytest.mark.parametrize("username", ["nobody", "alice", "gone", "", "a\0b", "\ud800", "x" * 10**6])
def test_a_name_without_a_password_costs_a_hash_as_well(
    people: Connection, username: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes as long does not tell who there is."""
    verified: list[str | bytes] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, hashed: str | bytes, password: str | bytes) -> bool:
        verified.append(hashed)
        return verify(self, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)

    assert password_user(people, username, PASSWORD) is None
    assert len(verified) == 1


def test_the_hash_that_is_nobodys_costs_what_others_do() -> None:
    assert not PasswordHasher().check_needs_rehash(_NOBODYS)


def test_whatever_is_sent_as_a_password_is_only_wrong(people: Connection) -> None:
    set_password(people, "boss", PASSWORD)

    for password in ("", "\0", "\ud800" * 20, "x" * 10**6, PASSWORD * 100):
        assert password_user(people, "boss", password) is None


def test_no_transaction_is_held_while_a_password_is_hashed(
    people: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[str] = []
    for name in ("hash", "verify"):
        worked = getattr(PasswordHasher, name)

        def watched(*values: object, _worked: Callable[..., object] = worked) -> object:
            held.append(people.info.transaction_status.name)
            return _worked(*values)

        monkeypatch.setattr(PasswordHasher, name, watched)

    set_password(people, "boss", PASSWORD)
    assert password_user(people, "boss", PASSWORD) is not None

    assert held == ["IDLE", "IDLE"]


# --------------------------------------------------------------------------------------- links


def test_a_link_opens_once(people: Connection) -> None:
    link, other = make_link(people, "boss"), make_link(people, "boss")

    assert use_link(people, link) == user_id(people, "boss")
    assert use_link(people, link) is None
    assert use_link(people, other) == user_id(people, "boss")


def test_a_link_is_nowhere_in_the_database(people: Connection) -> None:
    link = make_link(people, "boss")

    whole = repr(everything(people)).lower()
    assert link not in whole
    assert repr(token_sha256(link)).lower() in whole


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(hours=-1)])
def test_a_link_that_is_too_old_opens_nothing(people: Connection, lifetime: timedelta) -> None:
    assert use_link(people, make_link(people, "boss", lifetime)) is None


@pytest.mark.parametrize("secret", ["", "deadbeef", "\0", "\ud800", "é" * 64, "x" * 10**6])
def test_what_is_no_link_opens_nothing(people: Connection, secret: str) -> None:
    make_link(people, "boss")

    assert use_link(people, secret) is None


def test_of_eight_who_use_a_link_at_once_one_is_signed_in(
    people: Connection, database_url: str
) -> None:
    for _ in range(5):
        link, begin = make_link(people, "boss"), threading.Barrier(8)

        def use(link: str = link, begin: threading.Barrier = begin) -> int | None:
            with connected(database_url) as connection:
                begin.wait()
                return use_link(connection, link)

        with ThreadPoolExecutor(8) as pool:
            used = [pool.submit(use) for _ in range(8)]
        found = [one.result() for one in used]
        assert sorted(found, key=str) == [user_id(people, "boss"), *[None] * 7]


def test_links_of_last_month_are_forgotten(people: Connection) -> None:
    make_link(people, "boss", timedelta(days=-31))
    make_link(people, "alice", timedelta(days=-31))
    make_link(people, "boss", timedelta(days=-29))

    make_link(people, "boss")

    kept = people.execute("select username from sign_in_links join users on users.id = user_id")
    assert sorted(kept.fetchall()) == [("alice",), ("boss",), ("boss",)]


@pytest.mark.parametrize(
    ("username", "kind", "sentence"),
    [
        ("nobody", UnknownNameError, "there is no user nobody: see `nodehours user list`"),
        ("gone", UnchangeableError, "gone is shut out"),
    ],
)
def test_who_cannot_sign_in_gets_neither_password_nor_link(
    people: Connection, username: str, kind: type[LedgerError], sentence: str
) -> None:
    for attempt in (
        lambda: set_password(people, username, PASSWORD),
        lambda: make_link(people, username),
    ):
        with pytest.raises(kind) as refused:
            attempt()
        assert str(refused.value) == sentence


# ------------------------------------------------------------------------------------ attempts


def test_ten_failures_of_a_name_within_a_quarter_of_an_hour_make_it_wait(
    people: Connection,
) -> None:
    for number in range(9):
        note_failure(people, "boss", f"10.0.0.{number}")
        assert is_throttled(people, "boss", "10.0.0.99") is None
    note_failure(people, "BOSS", "10.0.0.9")

    wait = is_throttled(people, " Boss", "10.0.0.99")
    assert wait is not None
    assert timedelta(minutes=14) < wait <= timedelta(minutes=15)
    assert is_throttled(people, "alice", "10.0.0.9") is None

    people.execute(AGE, [timedelta(minutes=14)])
    wait = is_throttled(people, "boss", "10.0.0.99")
    assert wait is not None
    assert timedelta(0) < wait <= timedelta(minutes=1)

    people.execute(AGE, [timedelta(minutes=1)])
    assert is_throttled(people, "boss", "10.0.0.99") is None


def test_fifty_failures_from_an_address_make_it_wait_whatever_the_name(people: Connection) -> None:
    for number in range(49):
        note_failure(people, f"name{number}", "10.0.0.1")
    assert is_throttled(people, "boss", "10.0.0.1") is None

    note_failure(people, "name0", "10.0.0.1")

    assert is_throttled(people, "boss", "10.0.0.1") is not None
    assert is_throttled(people, "boss", "10.0.0.2") is None


def test_who_has_signed_in_starts_again_from_nothing(people: Connection) -> None:
    for _ in range(10):
        note_failure(people, "boss", "10.0.0.1")
        note_failure(people, "alice", "10.0.0.1")

    forget_failures(people, "Boss")

    assert is_throttled(people, "boss", "10.0.0.1") is None
    assert is_throttled(people, "alice", "10.0.0.1") is not None


def test_failures_that_count_no_more_are_deleted(people: Connection) -> None:
    for number in range(3):
        note_failure(people, f"name{number}", "10.0.0.1")
    people.execute(AGE, [timedelta(minutes=15)])

    note_failure(people, "boss", "10.0.0.1")

    assert people.execute("select name from sign_in_attempts").fetchall() == [("boss",)]


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_is_tried_is_counted(tried: Connection, name: str, address: str) -> None:
    tried.execute("truncate sign_in_attempts")
    for _ in range(10):
        assert is_throttled(tried, name, address) is None
        note_failure(tried, name, address)

    assert is_throttled(tried, name, "elsewhere") is not None
    forget_failures(tried, name)
    assert is_throttled(tried, name, address) is None


# ------------------------------------------------------------------------- accounts at providers


def test_an_account_is_bound_to_the_user_of_its_name_and_known_from_then_on(
    people: Connection,
) -> None:
    assert user_of_login(people, ISSUER, "4711") is None

    boss = bind_login(people, ISSUER, "4711", "boss")

    assert boss == user_id(people, "boss") == user_of_login(people, ISSUER, "4711")
    assert bind_login(people, ISSUER, "4711", "boss") == boss
    assert user_of_login(people, "https://other.example.org", "4711") is None


@pytest.mark.parametrize("username", ["nobody", "gone", "BOSS", "bo\u200bss", "boss ", "", "\0"])
def test_an_account_whose_name_is_no_active_users_is_nobody(
    people: Connection, username: str
) -> None:
    with pytest.raises(UnknownNameError, match=r"who may sign in$"):
        bind_login(people, ISSUER, "4711", username)

    assert people.execute("select from logins").rowcount == 0


def test_an_account_that_takes_anothers_name_is_not_taken_for_them(people: Connection) -> None:
    """Neither one that changed its name, nor a new one that got a name which was free again."""
    bind_login(people, ISSUER, "4711", "boss")

    for subject, username in (("4711", "alice"), ("4712", "boss")):
        with pytest.raises(
            TakenNameError, match=f"^{username} and this account at {ISSUER} are two people$"
        ):
            bind_login(people, ISSUER, subject, username)

    assert user_of_login(people, ISSUER, "4712") is None
    assert bind_login(people, "https://other.example.org", "1", "boss") == user_id(people, "boss")


def test_of_eight_accounts_that_come_at_once_by_one_name_one_is_bound(
    people: Connection, database_url: str
) -> None:
    begin = threading.Barrier(8)

    def bind(number: int) -> int | None:
        with connected(database_url) as connection:
            begin.wait()
            try:
                return bind_login(connection, ISSUER, str(number), "boss")
            except TakenNameError:
                return None

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(bind, range(8)))

    assert sorted(found, key=str) == [user_id(people, "boss"), *[None] * 7]
    assert people.execute("select from logins").rowcount == 1


def test_a_user_who_is_unbound_may_come_by_another_account(people: Connection) -> None:
    bind_login(people, ISSUER, "4711", "boss")

    assert [unbind_logins(people, "boss") for _ in range(2)] == [1, 0]

    assert user_of_login(people, ISSUER, "4711") is None
    assert bind_login(people, ISSUER, "4712", "boss") == user_id(people, "boss")


# ---------------------------------------------------------------------------------- own tokens


def test_one_sees_and_revokes_ones_own_tokens_only(people: Connection) -> None:
    boss, alice = user_id(people, "boss"), user_id(people, "alice")
    create_token(people, "boss", None, "the portal")
    create_token(people, "alice", timedelta(days=1), "laptop")
    create_token(people, "boss", None)

    first, second = tokens_of(people, boss)
    (hers,) = tokens_of(people, alice)
    assert [(one.name, one.username, one.last_used) for one in (first, second, hers)] == [
        ("the portal", "boss", None),
        ("", "boss", None),
        ("laptop", "alice", None),
    ]

    assert not revoke_own_token(people, boss, hers.id)
    assert not revoke_own_token(people, boss, 10**18)
    assert [revoke_own_token(people, boss, first.id) for _ in range(2)] == [True, True]
    assert [one.revoked is None for one in list_tokens(people)] == [False, True, True]


def test_a_tokens_last_use_only_moves_on(people: Connection) -> None:
    mine, hers = create_token(people, "boss", None)[0], create_token(people, "alice", None)[0]
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    hour = timedelta(hours=1)

    note_tokens_used(people, {})
    note_tokens_used(people, {token_sha256(mine): noon, token_sha256("stranger"): noon})
    assert [one.last_used for one in list_tokens(people)] == [noon, None]

    note_tokens_used(people, {token_sha256(mine): noon - hour, token_sha256(hers): noon + hour})
    assert [one.last_used for one in list_tokens(people)] == [noon, noon + hour]


def test_workers_that_note_the_same_tokens_at_once_do_not_stop_each_other(
    people: Connection, database_url: str
) -> None:
    tokens = [token_sha256(create_token(people, "boss", None)[0]) for _ in range(40)]
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def note(number: int) -> None:
        order = tokens[::-1] if number % 2 else tokens
        with connected(database_url) as connection:
            for minute in range(20):
                when = noon + timedelta(minutes=minute, seconds=number)
                note_tokens_used(connection, dict.fromkeys(order, when))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(note, range(4)))

    assert {one.last_used for one in list_tokens(people)} == {
        noon + timedelta(minutes=19, seconds=3)
    }
