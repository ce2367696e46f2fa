"""Pseudonyms: keyed hashes in the place of people, so that figures can be shared without names.

A pseudonym is the first 32 hexadecimal digits of HMAC-SHA256 of a user's UUID. With one key, a user has one pseudonym,
in every project and every export; without the key nobody can tell whose it is, nor make one from a name. It has
nothing of a project in it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from uuid import UUID

DIGITS = 32
MIN_KEY = 16
"""The shortest key that is accepted, in characters: a shorter one could be guessed."""

_BLOCK = 64
_OWN_NAME = b"nodehours pseudonyms"


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Pseudonyms made with one ``key``."""

    key: bytes = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Pseudonyms:
        """Make them with the key that *text* is. Raises ``ValueError`` with a sentence when it is too short."""
        if len(text) < MIN_KEY:
            message = (
                f"a key of {len(text)} characters could be guessed: it needs {MIN_KEY} or more"
            )
            raise ValueError(message)
        return cls(text.encode(errors="surrogateescape"))

    @classmethod
    def for_once(cls) -> Pseudonyms:
        """Make them with a key that nobody knows and that is never used again."""
        return cls(secrets.token_bytes(32))

    def name(self, user: UUID) -> str:
        """Return the pseudonym of *user*."""
        return hmac.digest(self.key, user.bytes, "sha256").hex()[:DIGITS]

    @property
    def fingerprint(self) -> str:
        """What tells two keys apart and tells neither: exports with the same one have the same pseudonyms."""
        return hmac.digest(self.key, _OWN_NAME, "sha256").hex()[:8]

    @property
    def pads(self) -> tuple[bytes, bytes]:
        """HMAC's inner and outer pad (RFC 2104), for who has SHA-256 only: SHA-256(outer, SHA-256(inner, text))."""
        key = self.key if len(self.key) <= _BLOCK else hashlib.sha256(self.key).digest()
        block = key.ljust(_BLOCK, b"\0")
        return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
