"""Talking SMTP to the mail server: one conversation for many mails, begun anew when it was broken off.

What went wrong is told in three ways: the server cannot be used at all, it did not take this mail, or nobody knows
whether it did. Certificates are verified; the password is in no sentence.
All that can go wrong in a conversation is an ``OSError``, what smtplib raises too.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from nodehours.faces.charts.wording import legible
from nodehours.settings import SmtpSettings

SECONDS: Final = 30
"""How long is waited for each answer of the server."""
_TAKEN = frozenset({250, 251})
_MAX_SAID = 200


class UnreachableError(Exception):
    """The mail server cannot be used; the sentence says why."""


class RefusedError(Exception):
    """The mail was not taken; the sentence says why."""


class UncertainError(Exception):
    """The conversation was broken off when the mail had been handed over: it may have been taken."""


class MailServer:
    """The mail server of the settings."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._open: smtplib.SMTP | None = None

    def ready(self) -> smtplib.SMTP:
        """Return a conversation in which the server answers. Raises ``UnreachableError``."""
        if self._open is None or not _answers(self._open):
            self.close()
            self._open = _opened(self._settings)
        return self._open

    def send(self, recipient: str, message: bytes) -> None:
        """Hand the *message* over. Raises ``UnreachableError``, ``RefusedError`` and ``UncertainError``."""
        server = self.ready()
        try:
            self._address(server, recipient)
        except OSError as error:
            self.close()
            raise RefusedError(f"the mail server broke off: {_sentence(error)}") from None
        try:
            _expect_taken(*server.data(message))
        except smtplib.SMTPDataError as error:
            _begin_anew(server)
            raise RefusedError(_said(error.smtp_code, error.smtp_error)) from None
        except OSError as error:
            self.close()
            raise UncertainError(f"the mail server broke off: {_sentence(error)}") from None

    def _address(self, server: smtplib.SMTP, recipient: str) -> None:
        """Say from whom to whom the mail is."""
        for code, said in _envelope(server, self._settings.sender.addr_spec, recipient):
            if code not in _TAKEN:
                _begin_anew(server)
                raise RefusedError(_said(code, said))

    def close(self) -> None:
        """End the conversation, if there is one."""
        if self._open is not None:
            with suppress(OSError):
                self._open.quit()
            self._open.close()
            self._open = None


@contextmanager
def mail_server(settings: SmtpSettings) -> Iterator[MailServer]:
    """Yield the mail server; what is open is closed afterwards."""
    server = MailServer(settings)
    try:
        yield server
    finally:
        server.close()


def _opened(settings: SmtpSettings) -> smtplib.SMTP:
    try:
        return _signed_in(_connected(settings), settings)
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        raise UnreachableError(
            f"cannot use the mail server at {where}: {_sentence(error)}"
        ) from None


def _connected(settings: SmtpSettings) -> smtplib.SMTP:
    where = settings.host, settings.port
    if settings.is_tls:
        return smtplib.SMTP_SSL(*where, timeout=SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(*where, timeout=SECONDS)


def _signed_in(server: smtplib.SMTP, settings: SmtpSettings) -> smtplib.SMTP:
    try:
        if settings.starts_tls:
            server.starttls(context=ssl.create_default_context())
        server.ehlo_or_helo_if_needed()
        if settings.username is not None:
            server.login(settings.username, settings.password or "")
    except BaseException:
        server.close()
        raise
    return server


def _answers(server: smtplib.SMTP) -> bool:
    try:
        return server.noop()[0] == 250
    except OSError:
        return False


def _begin_anew(server: smtplib.SMTP) -> None:
    """Have the server forget the mail that it did not take; if it does not answer, the next mail finds out."""
    with suppress(OSError):
        server.rset()


def _envelope(server: smtplib.SMTP, sender: str, recipient: str) -> Iterator[tuple[int, bytes]]:
    yield server.mail(sender)
    yield server.rcpt(recipient)


def _expect_taken(code: int, said: bytes) -> None:
    if code not in _TAKEN:
        raise smtplib.SMTPDataError(code, said)


def _sentence(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    if error.strerror:
        return error.strerror
    return legible(str(error)) or type(error).__name__


def _said(code: int, said: bytes | str) -> str:
    """Return what the server said, as far as a terminal can show it."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {legible(' '.join(text.split()))[:_MAX_SAID]}"
