"""Decisions that staff take on pages: the same ones that commands offer, written down with who took them and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from litestar.response.base import ASGIResponse

from nodehours.faces.web import address as at
from nodehours.faces.web.answers import page_answer, redirected
from nodehours.faces.web.gate import drawn
from nodehours.faces.web.house import AnyRequest, House
from nodehours.faces.web.page import Page
from nodehours.faces.web.posted import Form
from nodehours.faces.web.segments import read_id
from nodehours.faces.web.staff import record_page, restatement_page
from nodehours.faces.web.visit import MissingError, Visit
from nodehours.intake.release import release_record
from nodehours.ledger.clock import Origin
from nodehours.ledger.decisions import accept, decline, reconsider
from nodehours.ledger.errors import LedgerError, UnavailableError
from nodehours.ledger.quarantine import drop_record
from nodehours.ledger.store import Connection

_MAX_REASON = 500

Shown = Callable[[Visit, str, str], Awaitable[Page]]


def reason_of(form: Form) -> str:
    """Return the reason that was given, as it can stand beside a figure: one line, not too long."""
    return "".join(each for each in form["reason"] if each.isprintable())[:_MAX_REASON].strip()


async def decide_record(
    visit: Visit, house: House, _: AnyRequest, form: Form, record: str
) -> ASGIResponse:
    """Release or drop a record."""
    number, who, why = read_id(record), visit.visitor.username, reason_of(form)
    ways: dict[str, Callable[[Connection], object]] = {
        "release": lambda connection: release_record(connection, number, who, why),
        "drop": lambda connection: drop_record(connection, number, who, why),
    }
    return await _decided(visit, house, ways.get(form["do"]), record_page, record)


async def decide_restatement(
    visit: Visit, house: House, _: AnyRequest, form: Form, pending: str
) -> ASGIResponse:
    """Accept or decline a pending restatement, or have one that was declined wait again."""
    number, who, why = read_id(pending), visit.visitor.username, reason_of(form)
    ways: dict[str, Callable[[Connection], object]] = {
        "accept": lambda connection: accept(connection, number, Origin(None, why, who)),
        "decline": lambda connection: decline(connection, number, who, why),
        "reconsider": lambda connection: reconsider(connection, number),
    }
    return await _decided(visit, house, ways.get(form["do"]), restatement_page, pending)


async def _decided(
    visit: Visit,
    house: House,
    way: Callable[[Connection], object] | None,
    page: Shown,
    number: str,
) -> ASGIResponse:
    """Carry the decision out if staff takes it; what it refuses is said on the page."""
    visit.only_if(visit.is_staff and way is not None)
    if way is None:
        raise MissingError
    try:
        made = await house.write(way)
    except UnavailableError:
        raise
    except LedgerError as error:
        told = await page(visit, number, str(error))
        return page_answer(drawn(visit, told), 409)
    # What waits again does so under a new number.
    return redirected(f"{at.PENDING}{made}/" if isinstance(made, int) else visit.address.path)
