"""Passwords, as people prove who they are by them: who tries too often has to wait."""

from __future__ import annotations

from nodehours.ledger import sign_in
from nodehours.ledger.store import Connection


class TooOftenError(Exception):
    """Somebody tried too often; the text is the sentence that says how long they have to wait."""


def proven(connection: Connection, username: str, password: str, client: str) -> int | None:
    """Return whose *username* and *password* that is (an internal id), None when they do not belong together.

    *client* is the network address that they come from. Raises ``TooOftenError``.
    """
    if wait := sign_in.is_throttled(connection, username, client):
        minutes = -(-int(wait.total_seconds()) // 60)
        raise TooOftenError(
            f"Too many attempts. Please wait {minutes} minute{'' if minutes == 1 else 's'}."
        )
    # Counted before it is looked at, so that many at once are no way around.
    sign_in.note_failure(connection, username, client)
    user = sign_in.password_user(connection, username, password)
    if user is not None:
        sign_in.forget_failures(connection, username)
    return user
