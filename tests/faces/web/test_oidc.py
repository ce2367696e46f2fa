"""Signing in through a real OpenID provider."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from nodehours.faces.web.identity import Begun, Identity, OidcError
from nodehours.faces.web.oidc import Provider
from nodehours.ledger.people import User, add_user
from nodehours.ledger.store import Connection
from nodehours.settings import OidcSettings
from tests.clients.openid import CLIENT_ID, CLIENT_SECRET, given_up, gone_through, openid_provider
from tests.serving import served

BACK = "http://127.0.0.1:8123/sign-in/oidc/back/"
DOWN = "The sign-in service cannot be reached just now. Please try again shortly."
ODD = "The sign-in service answered something that cannot be trusted. Please try again."
OTHERS = "This sign-in was not begun here, or too long ago. Please try again."

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real provider."""
    with openid_provider(tmp_path_factory.mktemp("openid")) as found:
        yield found


@pytest.fixture
def provider(issuer: str) -> Provider:
    return Provider(OidcSettings(issuer, CLIENT_ID, CLIENT_SECRET))


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60) as client:
        yield client


async def sent_back(
    provider: Provider, browser: httpx.Client, login: str
) -> tuple[Begun, dict[str, str]]:
    """Begin and go through the provider's forms; what was begun, and what one comes back with."""
    begun = await provider.begin(BACK)
    address = gone_through(browser, begun.address, login, BACK)
    return begun, dict(parse_qsl(urlsplit(address).query))


async def refusal(provider: Provider, begun: Begun, query: dict[str, str]) -> str:
    with pytest.raises(OidcError) as refused:
        await provider.finish(BACK, begun, query)
    return str(refused.value)


# ------------------------------------------------------------------------------ a real provider


@pytest.mark.parametrize(
    ("client_id", "secret"), [(CLIENT_ID, CLIENT_SECRET), ("public", None)], ids=["RS256", "ES256"]
)
async def test_who_signs_in_there_is_known_by_issuer_and_subject_and_what_is_told_of_them(
    issuer: str, browser: httpx.Client, client_id: str, secret: str | None
) -> None:
    provider = Provider(OidcSettings(issuer, client_id, secret))

    begun, query = await sent_back(provider, browser, "4711/alice")

    assert await provider.finish(BACK, begun, query) == Identity(
        issuer, "4711/alice", "alice", "alice Ångström", "alice@example.org"
    )


async def test_what_is_begun_is_said_in_the_address_and_new_each_time(
    issuer: str, provider: Provider
) -> None:
    first, second = await provider.begin(BACK), await provider.begin(BACK)

    asked = dict(parse_qsl(urlsplit(first.address).query))
    challenge = asked.pop("code_challenge")
    assert first.address.startswith(f"{issuer}/auth?")
    assert asked == {
        "client_id": CLIENT_ID,
        "response_type": "code",
        "redirect_uri": BACK,
        "scope": "openid profile email",
        "state": first.state,
        "nonce": first.nonce,
        "code_challenge_method": "S256",
    }
    assert first.verifier not in first.address
    assert challenge not in second.address
    assert len({*first, *second}) == 8
    assert min(map(len, first)) >= 43


async def test_who_has_no_username_there_has_none_here(
    provider: Provider, browser: httpx.Client
) -> None:
    begun, query = await sent_back(provider, browser, "4711/")

    identity = await provider.finish(BACK, begun, query)

    assert (identity.subject, identity.username, identity.full_name) == ("4711/", None, "")


@pytest.mark.parametrize("claim", ["sub", "email", "preferred_username", "nickname"])
async def test_the_claim_that_is_the_username_is_a_setting(
    issuer: str, browser: httpx.Client, claim: str
) -> None:
    settings = OidcSettings(issuer, CLIENT_ID, CLIENT_SECRET, username_claim=claim)
    provider = Provider(settings)
    begun, query = await sent_back(provider, browser, "4711/alice")

    identity = await provider.finish(BACK, begun, query)

    told = {"sub": "4711/alice", "email": "alice@example.org", "preferred_username": "alice"}
    assert identity.username == told.get(claim)


async def test_what_comes_back_for_another_browser_signs_nobody_in(
    provider: Provider, browser: httpx.Client
) -> None:
    begun, query = await sent_back(provider, browser, "alice")
    other = await provider.begin(BACK)

    assert await refusal(provider, other, query) == OTHERS
    assert await refusal(provider, begun, query | {"state": begun.state + "x"}) == OTHERS
    assert await refusal(provider, begun, query | {"state": "ä\ud800"}) == OTHERS
    assert await refusal(provider, begun, {"code": query["code"]}) == OTHERS


@pytest.mark.parametrize("forgotten", ["state", "nonce", "verifier"])
async def test_what_was_not_begun_signs_nobody_in(
    provider: Provider, browser: httpx.Client, forgotten: str
) -> None:
    begun, query = await sent_back(provider, browser, "alice")

    assert (
        await refusal(provider, begun._replace(**{forgotten: ""}), query | {"state": ""}) == OTHERS
    )
    assert await refusal(provider, begun._replace(**{forgotten: ""}), query) == OTHERS


async def test_a_token_for_another_browser_signs_nobody_in(
    provider: Provider, browser: httpx.Client
) -> None:
    begun, query = await sent_back(provider, browser, "alice")

    assert await refusal(provider, begun._replace(nonce="of another"), query) == ODD


async def test_a_code_that_was_stolen_is_of_no_use_without_the_verifier(
    provider: Provider, browser: httpx.Client
) -> None:
    begun, query = await sent_back(provider, browser, "alice")

    assert await refusal(provider, begun._replace(verifier="x" * 64), query) == OTHERS


async def test_a_code_is_good_once(provider: Provider, browser: httpx.Client) -> None:
    begun, query = await sent_back(provider, browser, "alice")
    await provider.finish(BACK, begun, query)

    assert await refusal(provider, begun, query) == OTHERS


async def test_a_code_that_is_too_old_is_good_for_nothing(
    issuer: str, browser: httpx.Client
) -> None:
    provider = Provider(OidcSettings(issuer, "hasty"))
    begun, query = await sent_back(provider, browser, "alice")
    await asyncio.sleep(2.1)

    assert await refusal(provider, begun, query) == OTHERS


async def test_a_secret_that_is_wrong_signs_nobody_in(issuer: str, browser: httpx.Client) -> None:
    provider = Provider(OidcSettings(issuer, CLIENT_ID, "sardine"))
    begun, query = await sent_back(provider, browser, "alice")

    assert await refusal(provider, begun, query) == DOWN


async def test_who_gives_up_there_is_told_so(provider: Provider, browser: httpx.Client) -> None:
    begun = await provider.begin(BACK)
    query = dict(parse_qsl(urlsplit(given_up(browser, begun.address, BACK)).query))

    assert await refusal(provider, begun, query) == (
        "The sign-in service signed nobody in: access_denied."
    )


async def test_an_answer_that_is_another_providers_is_not_believed(
    provider: Provider, browser: httpx.Client
) -> None:
    begun, query = await sent_back(provider, browser, "alice")

    assert await refusal(provider, begun, query | {"iss": "https://evil.example.org"}) == ODD
    del query["iss"]
    assert await refusal(provider, begun, query) == ODD


async def test_a_provider_that_is_down_is_said_to_be() -> None:
    provider = Provider(OidcSettings("http://127.0.0.1:1", CLIENT_ID))

    with pytest.raises(OidcError) as refused:
        await provider.begin(BACK)
    assert str(refused.value) == DOWN
    begun = Begun("", "state", "nonce", "verifier")
    assert await refusal(provider, begun, {"state": "state", "code": "code"}) == DOWN


# ---------------------------------------------------------------------------- from end to end


def sent_to_us(browser: httpx.Client, address: str, login: str) -> httpx.Response:
    """Sign in to the dashboard at *address* through the provider, as *login*."""
    begun = browser.get(f"{address}/sign-in/oidc/")
    back = gone_through(browser, begun.headers["Location"], login, f"{address}/sign-in/oidc/back/")
    return browser.get(back)


def test_who_is_known_by_name_is_signed_in_and_known_by_subject_from_then_on(
    issuer: str, connection: Connection, database_url: str
) -> None:
    for name in ("alice", "bob"):
        add_user(connection, User(name, "", "", False, False, True, []))
    settings = {
        "NODEHOURS_OIDC_ISSUER": issuer,
        "NODEHOURS_OIDC_CLIENT_ID": CLIENT_ID,
        "NODEHOURS_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }
    with served(database_url, settings=settings) as address:

        def statuses(login: str) -> list[int]:
            """Of signing in, and of a page then."""
            with httpx.Client(timeout=60) as browser:
                came = sent_to_us(browser, address, login)
                return [came.status_code, browser.get(f"{address}/account/").status_code]

        strangers = [statuses(login) for login in ("4711/nobody", "4711/", "4712/ALICE")]
        known = [statuses(login) for login in ("4711/alice", "4711/alice")]
        recycled = statuses("4712/alice")

    assert [came for came, _ in known] == [303, 303]
    assert [then for _, then in known] == [200, 200]
    assert [came for came, _ in [*strangers, recycled]] == [403] * 4
    assert all(then != 200 for _, then in [*strangers, recycled])
    alice = connection.execute(
        "select issuer, subject from logins join users on users.id = user_id where username = 'alice'"
    )
    assert alice.fetchall() == [(issuer, "4711/alice")]
    how = connection.execute("select how from sessions").fetchall()
    assert how == [("oidc",), ("oidc",)]
