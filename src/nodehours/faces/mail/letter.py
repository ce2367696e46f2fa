"""What a mail says: its subject, and its text, once plain and once as HTML. Nothing in it is fetched from anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nodehours.faces.charts.burn import Burn, summary
from nodehours.faces.charts.wording import day_name, hours, legible, per_cent, quoted
from nodehours.faces.mail.plan import GrantUse, Planned
from nodehours.faces.web.address import ACCOUNT, allocation_path, project_path
from nodehours.terms.pace import METHOD, Pace, PaceTold

if TYPE_CHECKING:
    from jinja2 import Environment

_WIDTH: Final = 72
_MAX_NAME: Final = 60
"""How much of a resource's name a subject has."""
_MAX_NAMED: Final = 3
_DAY: Final = timedelta(days=1)
_MEANING: Final = {
    Pace.SETTLING: "it is too early to tell where this goes",
    Pace.BEHIND: "if it goes on so, more than 15 % of the limit is left over",
    Pace.ON_TRACK: "if it goes on so, most of the limit is used, and it lasts",
    Pace.AHEAD: "if it goes on so, the limit is reached before the end",
    Pace.EXHAUSTED: "the limit is used up",
    Pace.ENDED: "the grant has ended",
}


class Section(NamedTuple):
    """What a letter says of a grant: ``news`` is what is new of it, if anything; ``facts`` are labelled.

    ``picture`` names the picture of its use, which ``summary`` says in words; None: there is none.
    """

    name: str
    pace: str
    meaning: str
    news: str
    facts: Sequence[tuple[str, str]]
    link: str
    picture: str | None
    summary: str


class Letter(NamedTuple):
    """A mail's subject and its text, plain and as HTML."""

    subject: str
    plain: str
    html: str


def letter(mail: Planned, base: str, pictures: Sequence[str | None]) -> Letter:
    """Write the *mail*, with links to the dashboard at *base*; *pictures* names one for each grant, or None."""
    project = mail.project
    given = {
        "project": project.identifier,
        "project_link": f"{base}{project_path(project.identifier)}",
        "sections": [
            _section(mail, one, base, picture)
            for one, picture in zip(project.grants, pictures, strict=True)
        ],
        "method": METHOD,
        "role": mail.recipient.role,
        "of": mail.recipient.of,
        "account": f"{base}{ACCOUNT}",
    }
    return Letter(subject(mail), _written("letter.txt", given), _written("letter.html", given))


def _written(template: str, given: dict[str, Any]) -> str:
    return _templates().get_template(template).render(given)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    templates = Environment(
        loader=PackageLoader("nodehours.faces.mail"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["wrapped"] = lambda text: fill(text, _WIDTH, break_long_words=False)
    return templates


def subject(mail: Planned) -> str:
    """Say in a line how the project stands; what reached a threshold comes first.

    As in ``climate.brics on isca: ahead, 82 % used``.
    """
    project = mail.project
    grants = sorted(project.grants, key=lambda one: mail.threshold(one) is None)
    told = [(_short(one.of.resource), _brief(mail, one)) for one in grants]
    if len(told) == 1:
        ((resource, brief),) = told
        return f"{project.identifier} on {resource}: {brief}"
    named = "; ".join(f"{resource} {brief}" for resource, brief in told[:_MAX_NAMED])
    more = len(told) - _MAX_NAMED
    return f"{project.identifier}: {named}" + (f"; and {more} more" if more > 0 else "")


def _short(name: str) -> str:
    return quoted(name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…")


def burn_of(one: GrantUse) -> Burn:
    """Return what a chart draws of a grant."""
    grant, pace = one.of.grant, one.pace
    return Burn(
        sorted(one.by_day.items()),
        grant.starts,
        grant.ends + _DAY,
        grant.node_limit,
        pace.known_until,
        pace.projected,
        pace.low,
        pace.high,
    )


def _brief(mail: Planned, one: GrantUse) -> str:
    threshold = mail.threshold(one)
    share = f"{one.of.used * 100 // one.of.grant.node_limit} % used"
    reached = "" if threshold is None else f"{threshold} % reached, "
    return f"{reached}{one.pace.pace.value}, {share}"


def _section(mail: Planned, one: GrantUse, base: str, picture: str | None) -> Section:
    threshold = mail.threshold(one)
    pace = one.pace.pace
    return Section(
        legible(one.of.resource),
        pace.value,
        _MEANING[pace],
        "" if threshold is None else f"{threshold} % of the limit is reached.",
        list(_facts(one)),
        f"{base}{allocation_path(one.of.uuid)}",
        picture,
        summary(burn_of(one)),
    )


def _facts(one: GrantUse) -> Iterator[tuple[str, str]]:
    grant, pace = one.of.grant, one.pace
    share = per_cent(one.of.used, grant.node_limit)
    yield "Used", f"{hours(one.of.used)} of {hours(grant.node_limit)} node-hours ({share})"
    yield "Granted", f"{day_name(grant.starts)} to {day_name(grant.ends)}"
    if pace.known_until > grant.starts:
        yield "Known until", day_name(pace.known_until - _DAY)
        yield "Even use", f"{hours(pace.even)} node-hours by then"
    if pace.projected is not None:
        yield "Projected", _projected(pace)
    if pace.run_out is not None:
        yield "Runs out", f"about {day_name(pace.run_out)}, if it goes on so"
    if pace.exhausted_on is not None:
        yield "Used up on", day_name(pace.exhausted_on)


def _projected(pace: PaceTold) -> str:
    low, high = hours(pace.low or 0), hours(pace.high or 0)
    return f"{hours(pace.projected or 0)} node-hours in the end, between {low} and {high}"
