"""Tokens: 256 random bits, known to the ledger by their SHA-256 alone."""

import hashlib

from nodehours.terms.token import new_token, token_sha256


def test_a_token_is_64_hexadecimal_digits_and_no_two_are_the_same() -> None:
    tokens = {new_token() for _ in range(1000)}

    assert len(tokens) == 1000
    assert all(len(bytes.fromhex(token)) == 32 for token in tokens)
    # Each of the 256 bits is 1 in some tokens and 0 in others.
    numbers = [int(token, 16) for token in tokens]
    assert all({number >> bit & 1 for number in numbers} == {0, 1} for bit in range(256))


def test_a_token_is_kept_as_its_sha_256() -> None:
    assert token_sha256("ab" * 32) == hashlib.sha256(b"ab" * 32).digest()
    assert len(token_sha256(new_token())) == 32
