"""For staff: who signs in, who is known from reports, and who has which role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from litestar.response.base import ASGIResponse

from nodehours.faces.web import address as at
from nodehours.faces.web.answers import page_answer, redirected
from nodehours.faces.web.decide import reason_of
from nodehours.faces.web.gate import drawn
from nodehours.faces.web.house import AnyRequest, House
from nodehours.faces.web.page import Cell, Column, Kind, Page, Table, cells
from nodehours.faces.web.posted import Form
from nodehours.faces.web.tables import Asked, sorted_table, within
from nodehours.faces.web.visit import MissingError, Visit
from nodehours.ledger import merging, sign_in
from nodehours.ledger import people as ledger_people
from nodehours.ledger.clock import Origin
from nodehours.ledger.errors import LedgerError, UnavailableError, UnknownNameError
from nodehours.ledger.people import ORGANISATION_ROLES, PROJECT_ROLES, Role
from nodehours.ledger.store import Connection
from nodehours.queries.people import UserFilter, UserRow, list_users
from nodehours.terms.identifiers import Identity, read_full_name, read_username

ROLES: Final = (*ORGANISATION_ROLES, *PROJECT_ROLES)
_USERS: Final = (
    Column("full_name", "Name", Kind.NAME, is_sorted=False),
    Column("username", "Username", Kind.NAME, is_sorted=False),
    Column("email", "Email", Kind.NAME, is_sorted=False),
    Column("rights", "Rights", Kind.TEXT, is_sorted=False),
    Column("login", "Signs in", Kind.TEXT, is_sorted=False),
    Column("identities", "In reports", Kind.NAME, is_sorted=False),
)
_ROLES: Final = (
    Column("username", "Username", Kind.NAME),
    Column("role", "Role", Kind.TEXT),
    Column("of", "Of", Kind.NAME),
    Column("granted", "Since", Kind.TIME),
)


async def people_page(visit: Visit, house: House, sentence: str = "", link: str = "") -> Page:
    """List people and roles; staff may change them."""
    visit.only_if(visit.sees_everything)
    done = DONE.get(visit.address.text("done"), "")
    roles = await house.write(ledger_people.list_roles)
    tables = [await _users_table(visit), _roles_table(visit, roles)]
    given = {"roles": ROLES, "done": done, "sentence": sentence, "link": link}
    return Page("People", "people.html", given, tables=tables)


async def _users_table(visit: Visit) -> Table:
    asked = Asked(visit.address, "users")
    place = asked.place
    found = await list_users(
        visit.connection, visit.scope, UserFilter(query=asked.find or None),
        offset=place.offset, limit=place.size,
    )  # fmt: skip
    rows = [_user_line(one) for one in found.rows]
    empty = "There is nobody yet. Add somebody below, or take usage in: reports name people."
    place = within(place, found.total)
    return Table("users", "Users", _USERS, rows, empty, found.total, place, "", asked.find)


def _user_line(one: UserRow) -> tuple[Cell, ...]:
    rights = [word for word, has in (("staff", one.is_staff), ("support", one.is_support)) if has]
    signs_in = "yes" if one.is_active else "shut out"
    return cells(
        Cell(one.full_name or one.username, at.user_path(one.uuid)),
        one.username,
        one.email,
        ", ".join(rights),
        signs_in if one.has_login else "no login",
        ", ".join(one.identities),
    )


def _roles_table(visit: Visit, roles: list[Role]) -> Table:
    rows = [cells(one.username, one.role, one.of, one.granted) for one in roles]
    empty = "Nobody has a role yet: people see their own usage alone."
    return sorted_table(
        Asked(visit.address, "roles"), "Roles", _ROLES, rows, empty=empty, is_searched=True
    )


async def change_people(visit: Visit, house: House, _: AnyRequest, form: Form) -> ASGIResponse:
    """Do what a form of the page asks for, if staff does."""
    act = _ACTS.get(form["do"])
    if act is None or not visit.is_staff:
        raise MissingError
    try:
        done = await house.write(lambda connection: act(connection, form, visit.visitor.username))
    except UnavailableError:
        raise
    except (LedgerError, ValueError) as error:
        page = await people_page(visit, house, sentence=str(error))
        return page_answer(drawn(visit, page), 400)
    if form["do"] != "link":
        return redirected(f"{at.PEOPLE}?done={form['do']}")
    page = await people_page(visit, house, link=house.public_path(done))
    return page_answer(drawn(visit, page))


DONE: Final = {
    "add": "The user is added. A sign-in link lets them in.",
    "identify": "Their usage in reports is theirs to read now.",
    "deactivate": "They are shut out: no token and no session of theirs opens anything.",
    "grant": "The role is granted.",
    "revoke": "The role is taken away.",
    "merge": "They are one person from now on: figures that changed are restated.",
    "sign-out": "They are signed out everywhere. Their tokens stay.",
}


def _add(connection: Connection, form: Form, by_whom: str) -> str:
    identity = form["identity"].strip()
    identities = [str(Identity.parse(identity))] if identity else []
    new = ledger_people.User(
        username=read_username(form["username"].strip()),
        full_name=read_full_name(form["full_name"].strip()),
        email=read_full_name(form["email"].strip()),
        is_staff=form["rights"] == "staff",
        is_support=form["rights"] == "support",
        is_active=True,
        identities=identities,
    )
    ledger_people.add_user(connection, new, by_whom)
    return ""


def _identify(connection: Connection, form: Form, by_whom: str) -> str:
    identity = str(Identity.parse(form["identity"].strip()))
    ledger_people.identify_user(connection, form["username"].strip(), identity, by_whom)
    return ""


def _deactivate(connection: Connection, form: Form, by_whom: str) -> str:
    username = form["username"].strip()
    if username == by_whom:
        raise UnknownNameError("You cannot shut yourself out here.")
    ledger_people.deactivate_user(connection, username)
    return ""


def _grant(connection: Connection, form: Form, _: str) -> str:
    ledger_people.grant_role(connection, form["username"].strip(), _role(form), form["of"].strip())
    return ""


def _revoke(connection: Connection, form: Form, _: str) -> str:
    ledger_people.revoke_role(connection, form["username"].strip(), _role(form), form["of"].strip())
    return ""


def _role(form: Form) -> str:
    if form["role"] not in ROLES:
        raise UnknownNameError("Choose a role.")
    return form["role"]


def _link(connection: Connection, form: Form, _: str) -> str:
    secret = sign_in.make_link(connection, form["username"].strip())
    return f"{at.SIGN_IN_LINK}{secret}/"


def _merge(connection: Connection, form: Form, by_whom: str) -> str:
    origin = Origin(None, reason_of(form), by_whom)
    merging.merge_users(connection, form["username"].strip(), form["into"].strip(), origin)
    return ""


def _sign_out(connection: Connection, form: Form, _: str) -> str:
    sign_in.sign_out(connection, form["username"].strip())
    return ""


_ACTS: Final[dict[str, Callable[[Connection, Form, str], Any]]] = {
    "add": _add,
    "identify": _identify,
    "deactivate": _deactivate,
    "grant": _grant,
    "revoke": _revoke,
    "link": _link,
    "merge": _merge,
    "sign-out": _sign_out,
}
