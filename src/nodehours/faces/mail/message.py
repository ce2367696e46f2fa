"""A letter as it goes over the wire: a message of plain text and HTML, with its pictures in it.

No name that people chose is in a header as it is: the recipient is an address alone, checked here, and the subject is
one line of legible text, which the standard library folds and encodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from nodehours.faces.mail.letter import letter
from nodehours.faces.mail.plan import Planned
from nodehours.faces.web.address import ACCOUNT
from nodehours.terms.fault import shown

_QUOTED: Final = "quoted-printable"


class UnfitAddressError(ValueError):
    """Text that is no address mail can go to; the sentence says so."""


def read_address(text: str) -> str:
    """Return the one address that *text* is: ASCII before the @, any letters after it. Raises ``UnfitAddressError``."""
    try:
        address = Address(addr_spec=text.strip())
        name, domain = address.username, address.domain.encode("idna").decode()
        is_fit = (
            bool(name and domain) and name.isascii() and name.isprintable() and domain.isprintable()
        )
        found = str(Address(username=name, domain=domain)) if is_fit else None
    except (MessageError, ValueError, IndexError):
        found = None
    if found is None:
        raise UnfitAddressError(f"{shown(text)} is no address that mail can go to")
    return found


def composed(
    mail: Planned,
    sender: Address,
    base: str,
    uuid: UUID,
    now: datetime,
    pictures: Sequence[bytes | None],
) -> bytes:
    """Return the message of the *mail*, told from all others by *uuid*, with links to the dashboard at *base*.

    *pictures* has a PNG for each grant of the project, or None. Raises ``UnfitAddressError``.
    """
    named = {
        f"{uuid.hex}.{number}@{sender.domain}": picture
        for number, picture in enumerate(pictures)
        if picture is not None
    }
    ids = iter(named)
    written = letter(mail, base, [None if one is None else next(ids) for one in pictures])
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = read_address(mail.recipient.email)
    message["Subject"] = written.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{uuid.hex}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{base}{ACCOUNT}>"
    message.set_content(written.plain, cte=_QUOTED)
    message.add_alternative(written.html, subtype="html", cte=_QUOTED)
    _add_pictures(message, named)
    return message.as_bytes()


def _add_pictures(message: EmailMessage, named: Mapping[str, bytes]) -> None:
    html = message.get_body(("html",))
    for name, picture in named.items():
        if isinstance(html, EmailMessage):
            html.add_related(picture, "image", "png", cid=f"<{name}>", disposition="inline")
