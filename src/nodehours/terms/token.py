"""Tokens: 256 random bits, of which the ledger keeps only the SHA-256."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """Return a new token: 64 hexadecimal digits."""
    return secrets.token_hex(32)


def token_sha256(token: str) -> bytes:
    """Return the 32 bytes under which *token* is kept. A token needs no salt: it is random itself."""
    return hashlib.sha256(token.encode()).digest()
