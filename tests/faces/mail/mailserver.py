"""A real mail server on the loopback, which takes, refuses, or breaks off as a test wants it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from socket import socket
from threading import Event
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TAKEN = "250 taken"


class Came(NamedTuple):
    """A mail that came: to whom, and the message itself."""

    recipient: str
    sender: str
    message: EmailMessage


class MailBox:
    """What a mail server does with mail: it keeps it all, and answers as it is told to."""

    def __init__(self) -> None:
        self.came: list[Came] = []
        self.refused: set[str] = set()
        self.answer: Callable[[Came], str | None] = lambda _: TAKEN
        """What is said to a mail; None breaks the conversation off."""
        self.hangs = False
        self.has_hung = Event()

    @property
    def recipients(self) -> list[str]:
        """Who got mail, in the order in which it came."""
        return [one.recipient for one in self.came]

    async def handle_RCPT(  # noqa: N802  # so aiosmtpd wants it
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if address in self.refused:
            return "550 there is nobody of that name \x1b[31m"
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(  # noqa: N802  # ... and so
        self, server: SMTP, _: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        (recipient,) = envelope.rcpt_tos
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        came = Came(recipient, envelope.mail_from or "", message)
        answer = self.answer(came)
        if answer is None or answer.startswith("250"):
            self.came.append(came)
        if self.hangs:
            self.has_hung.set()
            await asyncio.sleep(600)
        if answer is None:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answer or TAKEN


class Served(NamedTuple):
    """A mail server that runs, and where."""

    box: MailBox
    port: int
    controller: Controller

    @property
    def url(self) -> str:
        """Its address, as a setting."""
        return f"smtp://127.0.0.1:{self.port}"

    def listen_no_more(self) -> None:
        """Let nobody in any more; to be called while the server answers."""
        assert self.controller.server
        self.controller.server.close()


@contextmanager
def mail_server(box: MailBox | None = None, port: int = 0, **options: Any) -> Iterator[Served]:
    """Run a mail server, with the options of aiosmtpd's controller."""
    found = box or MailBox()
    controller = Controller(found, hostname="127.0.0.1", port=port or free_port(), **options)
    controller.start()
    try:
        yield Served(found, controller.port, controller)
    finally:
        controller.stop(no_assert=True)


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def knows(username: str, password: str) -> Callable[..., AuthResult]:
    """Let in who has that password."""

    def authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, said: Any) -> AuthResult:
        return AuthResult(
            success=said == LoginPassword(username.encode(), password.encode()), handled=False
        )

    return authenticate


def certified(directory: Path) -> ssl.SSLContext:
    """Make a certificate for 127.0.0.1 that certifies itself, ``certificate.pem``, and return a context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a mail server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (directory / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
    return context
