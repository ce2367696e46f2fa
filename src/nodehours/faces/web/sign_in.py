"""Signing in and out: by password, by a link that works once, and through an OpenID provider."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, unquote

from litestar.response.base import ASGIResponse

from nodehours.faces.web import address as at
from nodehours.faces.web.address import onward
from nodehours.faces.web.answers import page_answer, redirected
from nodehours.faces.web.cookies import (
    FORM,
    ROUND,
    ROUND_SECONDS,
    SESSION,
    Cookies,
    csrf_token,
    new_secret,
)
from nodehours.faces.web.gate import asked_address, cookies_of, missing
from nodehours.faces.web.house import AnyRequest, House, client_of
from nodehours.faces.web.identity import Begun, Identity, OidcError
from nodehours.faces.web.look import drawn_page
from nodehours.faces.web.posted import ForgedError, posted
from nodehours.faces.web.proof import TooOftenError, proven
from nodehours.ledger import sign_in
from nodehours.ledger.errors import LedgerError, UnavailableError
from nodehours.ledger.store import Connection
from nodehours.terms.token import token_sha256

_FORM_SECONDS = 3600
_WRONG = "That username and password do not belong together."
_STALE = "This form was too old, or not ours. Please try again."
_USED = (
    "This link does not open anything any more: it was used, or is too old. Ask for another one."
)


async def sign_in_page(request: AnyRequest, house: House) -> ASGIResponse:
    """Show the form to sign in."""
    goal = onward(asked_address(request).text("next") or at.OVERVIEW)
    return _form(request, house, goal)


async def signed_in_by_password(request: AnyRequest, house: House) -> ASGIResponse:
    """Sign in who knows their password. Who tries too often has to wait."""
    cookies = _cookies(request, house)
    try:
        form = await posted(request, cookies[FORM])
    except ForgedError:
        return _form(request, house, at.OVERVIEW, _STALE, status=403)
    username, password, goal = form["username"].strip(), form["password"], onward(form["next"])
    client = client_of(request)

    def tried(connection: Connection) -> int | None:
        return proven(connection, username, password, client)

    try:
        user = await house.write(tried)
    except TooOftenError as error:
        return _form(request, house, goal, str(error), username, status=429)
    if user is None:
        return _form(request, house, goal, _WRONG, username, status=403)
    return await _started(request, house, user, "password", goal)


async def link_page(request: AnyRequest, house: House, secret: str) -> ASGIResponse:
    """Ask whoever follows a sign-in link to go on: what only looks at links, as mail programs do, uses none up."""
    del secret
    cookies = _cookies(request, house)
    of_form, kept = _form_secret(cookies)
    html = drawn_page("sign_in_link.html", csrf=csrf_token(of_form))
    return page_answer(html, cookies=kept)


async def signed_in_by_link(request: AnyRequest, house: House, secret: str) -> ASGIResponse:
    """Sign in who has a link."""
    try:
        await posted(request, _cookies(request, house)[FORM])
    except ForgedError:
        return _form(request, house, at.OVERVIEW, _STALE, status=403)
    user = await house.write(lambda connection: sign_in.use_link(connection, secret))
    if user is None:
        return _form(request, house, at.OVERVIEW, _USED, status=403)
    return await _started(request, house, user, "link", at.ACCOUNT)


async def to_provider(request: AnyRequest, house: House) -> ASGIResponse:
    """Send the browser to the OpenID provider, and remember what its answer must have."""
    if house.provider is None:
        return missing()
    goal = onward(asked_address(request).text("next") or at.OVERVIEW)
    try:
        begun = await house.provider.begin(house.base(request) + at.SIGN_IN_BACK)
    except OidcError as error:
        return _form(request, house, goal, str(error), status=502)
    kept = json.dumps(
        {"state": begun.state, "nonce": begun.nonce, "verifier": begun.verifier, "next": goal}
    )
    cookie = _cookies(request, house).set(ROUND, quote(kept, safe=""), ROUND_SECONDS)
    return redirected(begun.address, [cookie])


async def back_from_provider(request: AnyRequest, house: House) -> ASGIResponse:
    """Sign in whom the OpenID provider names, if that is one of our users."""
    if house.provider is None:
        return missing()
    cookies = _cookies(request, house)
    begun, goal = _begun(cookies[ROUND])
    query = dict(parse_qsl(request.scope["query_string"].decode("latin-1")))
    try:
        identity = await house.provider.finish(house.base(request) + at.SIGN_IN_BACK, begun, query)
        user = await house.write(lambda connection: _user(connection, identity))
    except UnavailableError:
        raise
    except (OidcError, LedgerError) as error:
        return _form(request, house, goal, str(error), status=403)
    return await _started(request, house, user, "oidc", goal, [cookies.unset(ROUND)])


def _user(connection: Connection, identity: Identity) -> int:
    """Return the user who is known as *identity*, or whom it names the first time."""
    user = sign_in.user_of_login(connection, identity.issuer, identity.subject)
    if user is not None:
        return user
    return sign_in.bind_login(
        connection, identity.issuer, identity.subject, identity.username or ""
    )


async def signed_out(request: AnyRequest, house: House) -> ASGIResponse:
    """End the session."""
    cookies = _cookies(request, house)
    try:
        await posted(request, cookies[SESSION])
    except ForgedError:
        return redirected(at.OVERVIEW)
    sha256 = token_sha256(cookies[SESSION])
    await house.write(lambda connection: sign_in.end_session(connection, sha256))
    return redirected(at.SIGN_IN, [cookies.unset(SESSION)])


async def _started(
    request: AnyRequest,
    house: House,
    user: int,
    how: str,
    goal: str,
    more: list[str] | None = None,
) -> ASGIResponse:
    agent = request.headers.get("user-agent", "")
    secret = await house.write(
        lambda connection: sign_in.start_session(connection, user, how, agent)
    )
    cookies = _cookies(request, house)
    kept = cookies.set(SESSION, secret, int(sign_in.LIFETIME.total_seconds()))
    return redirected(goal, [kept, cookies.unset(FORM), *(more or [])])


def _form(
    request: AnyRequest,
    house: House,
    goal: str,
    sentence: str = "",
    username: str = "",
    status: int = 200,
) -> ASGIResponse:
    cookies = _cookies(request, house)
    secret, kept = _form_secret(cookies)
    html = drawn_page(
        "sign_in.html",
        csrf=csrf_token(secret),
        onward=goal,
        sentence=sentence,
        username=username,
        provider=house.provider.name if house.provider else "",
    )
    return page_answer(html, status, kept)


def _form_secret(cookies: Cookies) -> tuple[str, list[str]]:
    """Return the secret that forms before a session are made of, and the cookie that keeps it."""
    secret = cookies[FORM] or new_secret()
    return secret, [cookies.set(FORM, secret, _FORM_SECONDS)]


def _cookies(request: AnyRequest, house: House) -> Cookies:
    return cookies_of(request, is_secure=house.is_secure(request))


def _begun(kept: str) -> tuple[Begun, str]:
    """Read what was remembered of the way to the provider; nothing of it holds when it is not ours."""
    try:
        found = json.loads(unquote(kept))
        told: Mapping[str, str] = found if isinstance(found, dict) else {}
    except ValueError:
        told = {}
    state, nonce, verifier, goal = (
        str(told.get(one, "")) for one in ("state", "nonce", "verifier", "next")
    )
    return Begun("", state, nonce, verifier), onward(goal)
