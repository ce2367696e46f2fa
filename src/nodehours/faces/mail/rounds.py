"""Sending the mails that are due, one after the other: each is claimed, handed over, and noted.

What becomes of one stops none of the others, except that the mail server or the ledger cannot be used any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from email.headerregistry import Address
from enum import Enum
from itertools import groupby
from typing import Final, NamedTuple

from nodehours.faces.charts import burn
from nodehours.faces.charts.drawing import NotDrawn
from nodehours.faces.charts.forms import png
from nodehours.faces.charts.theme import LIGHT
from nodehours.faces.mail.letter import burn_of
from nodehours.faces.mail.message import UnfitAddressError, composed, read_address
from nodehours.faces.mail.plan import GrantUse, Planned
from nodehours.faces.mail.server import MailServer, RefusedError, UncertainError, UnreachableError
from nodehours.ledger.mails import Claim, claim_mail, mark_sent, release
from nodehours.ledger.store import Connection

_WIDTH: Final = 680
"""How wide a picture is drawn, in pixels: so wide that its legend is one line."""


class Outcome(Enum):
    """What became of a mail. Of one that is ``UNCERTAIN`` nobody knows whether the server took it.

    One is ``PASSED`` over that somebody else is sending, or that nobody wants any more.
    """

    SENT = "sent"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    PASSED = "passed"


class Delivery(NamedTuple):
    """What became of a mail, with the sentence that says why it was not sent."""

    mail: Planned
    outcome: Outcome
    sentence: str = ""


class Post(NamedTuple):
    """With what mails are sent: whom they are from, the dashboard's address, and what time it is, with an offset."""

    server: MailServer
    sender: Address
    base: str
    clock: Callable[[], datetime]


def delivered(connection: Connection, post: Post, plan: Iterable[Planned]) -> Iterator[Delivery]:
    """Send the mails of *plan* and yield what became of each. Raises ``UnreachableError``."""
    for _, about in groupby(plan, lambda mail: mail.project.id):
        mails = list(about)
        pictures = [_drawn(one) for one in mails[0].project.grants]
        for mail in mails:
            yield _delivered(connection, post, mail, pictures)


def _drawn(one: GrantUse) -> bytes | None:
    """Draw the use of a grant. A mail without its picture says the same in words."""
    try:
        return png(burn.chart(burn_of(one), theme=LIGHT, width=_WIDTH))
    except NotDrawn:
        return None


def _delivered(
    connection: Connection, post: Post, mail: Planned, pictures: Sequence[bytes | None]
) -> Delivery:
    try:
        address = read_address(mail.recipient.email)
    except UnfitAddressError as error:
        return Delivery(mail, Outcome.REFUSED, str(error))
    post.server.ready()
    claim = _claimed(connection, post, mail)
    if claim is None:
        return Delivery(mail, Outcome.PASSED)
    message = composed(mail, post.sender, post.base, claim.uuid, post.clock(), pictures)
    try:
        post.server.send(address, message)
    except (RefusedError, UnreachableError) as error:
        release(connection, claim)
        if isinstance(error, UnreachableError):
            raise
        return Delivery(mail, Outcome.REFUSED, str(error))
    except UncertainError as error:
        return Delivery(mail, Outcome.UNCERTAIN, str(error))
    mark_sent(connection, claim, post.clock())
    return Delivery(mail, Outcome.SENT)


def _claimed(connection: Connection, post: Post, mail: Planned) -> Claim | None:
    return claim_mail(
        connection,
        mail.recipient.user,
        mail.project.id,
        [one.told for one in mail.project.grants],
        is_report=mail.due.is_report,
        at=post.clock(),
    )
