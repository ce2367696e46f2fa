"""One's own account: password, tokens for programs, and where one is signed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from litestar.response.base import ASGIResponse

from nodehours.faces.web import address as at
from nodehours.faces.web.answers import page_answer, redirected
from nodehours.faces.web.cookies import SESSION
from nodehours.faces.web.gate import cookies_of, drawn
from nodehours.faces.web.house import AnyRequest, House, client_of
from nodehours.faces.web.page import Page
from nodehours.faces.web.posted import Form
from nodehours.faces.web.proof import TooOftenError, proven
from nodehours.faces.web.visit import MissingError, Visit
from nodehours.ledger import mails, people, sign_in
from nodehours.ledger.errors import LedgerError, UnavailableError
from nodehours.ledger.people import Token
from nodehours.ledger.store import Connection
from nodehours.queries.sessions import sessions_of

LIFETIMES: Final = {
    "30d": ("30 days", timedelta(days=30)),
    "90d": ("90 days", timedelta(days=90)),
    "365d": ("a year", timedelta(days=365)),
    "never": ("until I revoke it", None),
}
_MAX_NAME: Final = 100
_DONE: Final = {
    "password": "Your password is set. You were signed out everywhere else.",
    "revoked": "The token is revoked: it answers no more.",
    "mails": "You will get mails about your projects.",
    "no-mails": "You will get no more mails.",
}


async def account(visit: Visit, house: House) -> Page:
    """Show the account of whoever visits."""
    return await _page(visit, house, done=_DONE.get(visit.address.text("done"), ""))


async def _page(visit: Visit, house: House, **told: Any) -> Page:
    user = visit.visitor.user
    tokens, has_password, wants_mail = await house.write(
        lambda connection: (
            sign_in.tokens_of(connection, user),
            sign_in.has_password(connection, user),
            mails.wants_mail(connection, user),
        )
    )
    sessions = await sessions_of(visit.connection, visit.scope, user, this=visit.visitor.session_id)
    given = {"done": "", "sentence": "", "made": "", "made_name": "", "made_expires": None, **told}
    return Page(
        "Account",
        "account.html",
        {
            "tokens": _newest_first(tokens),
            "has_password": has_password,
            "wants_mail": wants_mail,
            "sessions": sessions,
            "lifetimes": LIFETIMES,
            "minimum": sign_in.PASSWORD_MIN,
            **given,
        },
    )


def _newest_first(tokens: Sequence[Token]) -> list[Token]:
    return sorted(tokens, key=lambda one: (one.revoked is not None, -one.id))


async def change(visit: Visit, house: House, request: AnyRequest, form: Form) -> ASGIResponse:
    """Do what a form of the account page asks for."""
    act = _ACTS.get(form["do"])
    if act is None:
        raise MissingError
    try:
        return await act(visit, house, request, form)
    except UnavailableError:
        raise
    except (LedgerError, TooOftenError) as error:
        status = 429 if isinstance(error, TooOftenError) else 400
        return page_answer(drawn(visit, await _page(visit, house, sentence=str(error))), status)


async def _make_token(visit: Visit, house: House, request: AnyRequest, form: Form) -> ASGIResponse:
    """Make a token, and show it this once."""
    del request
    name = "".join(each for each in form["name"] if each.isprintable())[:_MAX_NAME].strip()
    lifetime = LIFETIMES.get(form["lifetime"], LIFETIMES["90d"])[1]
    username = visit.visitor.username

    def made(connection: Connection) -> tuple[str, datetime | None]:
        return people.create_token(connection, username, lifetime, name)

    token, expires = await house.write(made)
    page = await _page(visit, house, made=token, made_name=name, made_expires=expires)
    return page_answer(drawn(visit, page))


async def _revoke_token(visit: Visit, house: House, _: AnyRequest, form: Form) -> ASGIResponse:
    text = form["token"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    user = visit.visitor.user
    await house.write(lambda connection: sign_in.revoke_own_token(connection, user, number))
    return redirected(f"{at.ACCOUNT}?done=revoked")


async def _set_password(
    visit: Visit, house: House, request: AnyRequest, form: Form
) -> ASGIResponse:
    """Set the password of who knows the one before, if there was one; this browser stays signed in."""
    who, client = visit.visitor, client_of(request)
    if form["password"] != form["again"]:
        raise _RefusedError("The two passwords differ.")

    def done(connection: Connection) -> str:
        knows = not sign_in.has_password(connection, who.user) or (
            proven(connection, who.username, form["current"], client) == who.user
        )
        if not knows:
            raise _RefusedError("That is not your current password.")
        sign_in.set_password(connection, who.username, form["password"])
        return sign_in.start_session(
            connection, who.user, "password", request.headers.get("user-agent", "")
        )

    secret = await house.write(done)
    cookies = cookies_of(request, is_secure=house.is_secure(request))
    kept = cookies.set(SESSION, secret, int(sign_in.LIFETIME.total_seconds()))
    return redirected(f"{at.ACCOUNT}?done=password", [kept])


async def _set_wish(visit: Visit, house: House, _: AnyRequest, form: Form) -> ASGIResponse:
    user, wants = visit.visitor.user, form["wants"] == "yes"
    await house.write(lambda connection: mails.set_wish(connection, user, wants=wants))
    return redirected(f"{at.ACCOUNT}?done={'mails' if wants else 'no-mails'}")


async def _sign_out_everywhere(
    visit: Visit, house: House, request: AnyRequest, _: Form
) -> ASGIResponse:
    user = visit.visitor.user
    await house.write(lambda connection: sign_in.end_all_sessions(connection, user))
    return redirected(
        at.SIGN_IN, [cookies_of(request, is_secure=house.is_secure(request)).unset(SESSION)]
    )


class _RefusedError(LedgerError):
    """What was asked for is not done; the text is the sentence that says why."""


_ACTS: Final = {
    "make-token": _make_token,
    "revoke-token": _revoke_token,
    "set-password": _set_password,
    "set-wish": _set_wish,
    "sign-out-everywhere": _sign_out_everywhere,
}
