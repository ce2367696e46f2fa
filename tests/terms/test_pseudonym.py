from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.terms.pseudonym import DIGITS, MIN_KEY, Pseudonyms

keys = st.binary(min_size=1, max_size=200)


@given(key=keys, user=st.uuids())
def test_a_pseudonym_is_the_beginning_of_an_hmac_of_the_uuid(key: bytes, user: UUID) -> None:
    made = Pseudonyms(key).name(user)

    assert made == hmac.new(key, user.bytes, hashlib.sha256).hexdigest()[:DIGITS]
    assert user.hex not in made


@given(key=keys, user=st.uuids())
def test_the_pads_are_those_of_hmac(key: bytes, user: UUID) -> None:
    inner, outer = Pseudonyms(key).pads
    hashed = hashlib.sha256(outer + hashlib.sha256(inner + user.bytes).digest()).hexdigest()

    assert hashed[:DIGITS] == Pseudonyms(key).name(user)


def test_the_same_key_makes_the_same_pseudonyms_and_says_so() -> None:
    user, key = UUID(int=1), "k" * MIN_KEY

    assert Pseudonyms.of(key).name(user) == Pseudonyms.of(key).name(user)
    assert Pseudonyms.of(key).fingerprint == Pseudonyms.of(key).fingerprint
    assert Pseudonyms.of(key).name(user) != Pseudonyms.of(key + "k").name(user)
    assert Pseudonyms.of(key).fingerprint != Pseudonyms.of(key + "k").fingerprint
    assert Pseudonyms.for_once().name(user) != Pseudonyms.for_once().name(user)


def test_a_key_that_could_be_guessed_is_refused_and_none_is_shown() -> None:
    with pytest.raises(ValueError, match="a key of 15 characters could be guessed") as refused:
        Pseudonyms.of("secret-secret-s")

    assert "secret" not in str(refused.value)
    assert "secret" not in repr(Pseudonyms.of("secret-secret-secret"))
