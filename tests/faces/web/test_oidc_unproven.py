"""OpenID providers that nobody should believe: each says one thing that is not so, and signs nobody in."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from nodehours.faces.web.identity import Begun, Identity, OidcError
from nodehours.faces.web.oidc import Provider
from nodehours.settings import OidcSettings
from tests.clients.openid import CLIENT_ID
from tests.sources.answering import Answer, Service, answering

BACK = "http://127.0.0.1:8123/sign-in/oidc/back/"
DOWN = "The sign-in service cannot be reached just now. Please try again shortly."
ODD = "The sign-in service answered something that cannot be trusted. Please try again."

pytestmark = pytest.mark.anyio


@dataclass
class Impostor:
    """A provider that answers as a test wants it to; at first all is well."""

    service: Service
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "rsa"}))
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> OidcSettings:
        return OidcSettings(self.service.address, CLIENT_ID, "swordfish")

    def says(self, path: str, value: object, status: int = 200) -> None:
        self.service.answers[path] = Answer(json.dumps(value).encode(), status=status)

    def gives(self, id_token: str) -> None:
        self.says("/token", {"id_token": id_token, "access_token": "opaque"})

    def signed(self, key: Any = None, alg: str = "RS256", kid: str = "rsa", **changes: Any) -> str:
        claims = {
            name: value for name, value in (self.claims | changes).items() if value is not None
        }
        header = {"alg": alg, "kid": kid}
        return jwt.encode(header, claims, key or self.key, algorithms=[alg])


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    with answering() as service:
        one = Impostor(service)
        one.claims = {
            "iss": service.address,
            "aud": CLIENT_ID,
            "sub": "4711",
            "nonce": "nonce",
            "iat": int(time.time()),
            "exp": int(time.time()) + 600,
            "preferred_username": "alice",
        }
        one.says("/.well-known/openid-configuration", metadata(service.address))
        one.says("/jwks", {"keys": [one.key.as_dict(private=False)]})
        one.gives(one.signed())
        yield one


def metadata(address: str, **changes: Any) -> dict[str, Any]:
    return {
        "issuer": address,
        "authorization_endpoint": f"{address}/auth?tenant=hpc",
        "token_endpoint": f"{address}/token",
        "jwks_uri": f"{address}/jwks",
    } | changes


BEGUN = Begun("", "state", "nonce", "verifier")
QUERY = {"state": "state", "code": "code"}


async def answered(impostor: Impostor, settings: OidcSettings | None = None) -> Identity | str:
    try:
        return await Provider(settings or impostor.settings).finish(BACK, BEGUN, QUERY)
    except OidcError as error:
        return str(error)


async def test_when_all_is_well_it_is_believed(impostor: Impostor) -> None:
    assert await answered(impostor) == Identity(impostor.service.address, "4711", "alice", "", "")

    basic = base64.b64encode(b"usage:swordfish").decode()
    assert ("/token", f"Basic {basic}") in impostor.service.asked
    assert dict(parse_qsl(impostor.service.posted[0].decode())) == {
        "grant_type": "authorization_code",
        "code": "code",
        "redirect_uri": BACK,
        "code_verifier": "verifier",
    }


async def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(
    impostor: Impostor,
) -> None:
    address = impostor.service.address
    methods = ["client_secret_post", "private_key_jwt"]
    told = metadata(address, token_endpoint_auth_methods_supported=methods)
    impostor.says("/.well-known/openid-configuration", told)

    assert isinstance(await answered(impostor), Identity)

    sent = dict(parse_qsl(impostor.service.posted[0].decode()))
    assert (sent["client_id"], sent["client_secret"]) == (CLIENT_ID, "swordfish")


async def test_an_address_that_has_a_query_keeps_it(impostor: Impostor) -> None:
    begun = await Provider(impostor.settings).begin(BACK)

    assert begun.address.startswith(f"{impostor.service.address}/auth?tenant=hpc&")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example.org"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", "third"]},
        {"aud": None},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"nonce": "of another"},
        {"nonce": None},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 4_000_000_000},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 4711},
        {"sub": "x" * 256},
        {"sub": "a\0b"},
        {"at_hash": "of another token"},
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_now_is_not_believed(
    impostor: Impostor, changes: dict[str, Any]
) -> None:
    impostor.gives(impostor.signed(**changes))

    assert await answered(impostor) == ODD


async def test_a_token_for_several_that_is_ours_is_believed(impostor: Impostor) -> None:
    impostor.gives(impostor.signed(aud=["another", CLIENT_ID], azp=CLIENT_ID))

    assert isinstance(await answered(impostor), Identity)


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _by_stranger(impostor: Impostor) -> str:
    return impostor.signed(RSAKey.generate_key(2048))


def _by_nobody(impostor: Impostor) -> str:
    _, body, _ = impostor.signed().split(".")
    header = _part(b'{"alg":"none","kid":"rsa"}')
    return f"{header}.{body}."


def _by_the_public_key_as_a_secret(impostor: Impostor) -> str:
    _, body, _ = impostor.signed().split(".")
    header = _part(b'{"alg":"HS256","kid":"rsa"}')
    signed = f"{header}.{body}"
    digest = hmac.digest(impostor.key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{_part(digest)}"


def _changed(impostor: Impostor) -> str:
    header, body, signature = impostor.signed().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==")) | {"preferred_username": "boss"}
    return f"{header}.{_part(json.dumps(claims).encode())}.{signature}"


def _of_a_curve(impostor: Impostor) -> str:
    return impostor.signed(ECKey.generate_key("P-256"), "ES256")


@pytest.mark.parametrize(
    "forged",
    [
        _by_stranger, _by_nobody, _by_the_public_key_as_a_secret, _changed, _of_a_curve,
        lambda impostor: impostor.signed(alg="PS256"),
        lambda impostor: impostor.signed(kid="unknown"),
        lambda _: "", lambda _: "a.b.c", lambda _: "...", lambda _: "é" * 9, lambda _: "eyJhbGciOiJSUzI1NiJ9.W10.x",
    ],
)  # fmt: skip
async def test_a_token_that_the_provider_did_not_sign_is_not_believed(
    impostor: Impostor, forged: Callable[[Impostor], str]
) -> None:
    impostor.gives(forged(impostor))

    assert await answered(impostor) == ODD


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/.well-known/openid-configuration", b"<html>"),
        ("/.well-known/openid-configuration", b"{}"),
        ("/.well-known/openid-configuration", b"\xff"),
        ("/jwks", b"[]"),
        ("/jwks", b'{"keys": []}'),
        ("/jwks", b'{"keys": [{"kty": "RSA"}]}'),
        ("/jwks", b'{"keys": [{"kty": "RSA", "n": "AQAB", "e": 7}]}'),
        ("/token", b'{"access_token": "a"}'),
        ("/token", b'{"access_token": "a", "id_token": 7}'),
        ("/token", b""),
    ],
)
async def test_what_cannot_be_read_is_not_believed(
    impostor: Impostor, path: str, body: bytes
) -> None:
    impostor.service.answers[path] = Answer(body)

    assert await answered(impostor) == ODD


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/.well-known/openid-configuration", DOWN),
        ("/jwks", DOWN),
        ("/token", DOWN),
    ],
)
async def test_a_provider_that_fails_is_said_to_be_down(
    impostor: Impostor, path: str, sentence: str
) -> None:
    impostor.service.answers[path] = Answer(b"oh", status=500)

    assert await answered(impostor) == sentence


async def test_a_provider_of_another_name_is_not_believed(impostor: Impostor) -> None:
    address = impostor.service.address
    settings = replace(impostor.settings, issuer=address + "/")

    assert await answered(impostor, settings) == ODD
    impostor.says(
        "/.well-known/openid-configuration", metadata(address, issuer="https://evil.example.org")
    )
    assert await answered(impostor) == ODD


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "authorization_endpoint"])
async def test_nobody_is_sent_to_an_address_of_an_odd_kind(impostor: Impostor, name: str) -> None:
    told = metadata(impostor.service.address, **{name: "javascript:alert(1)"})
    impostor.says("/.well-known/openid-configuration", told)

    assert await answered(impostor) == ODD


async def test_keys_for_other_things_are_passed_over(impostor: Impostor) -> None:
    ours = impostor.key.as_dict(private=False)
    others = [
        ECKey.generate_key("P-521", {"kid": "p521"}).as_dict(private=False),
        RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"}).as_dict(private=False),
        {"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AQAB"},
    ]
    impostor.says("/jwks", {"keys": [*others, ours]})

    assert isinstance(await answered(impostor), Identity)


async def test_new_keys_of_the_provider_are_read_when_they_are_met(impostor: Impostor) -> None:
    provider = Provider(impostor.settings)
    await provider.finish(BACK, BEGUN, QUERY)
    key = RSAKey.generate_key(2048, {"kid": "next"})
    impostor.says("/jwks", {"keys": [key.as_dict(private=False)]})
    impostor.gives(impostor.signed(key, kid="next"))

    assert (await provider.finish(BACK, BEGUN, QUERY)).subject == "4711"


async def test_what_the_provider_is_like_is_asked_once(impostor: Impostor) -> None:
    provider = Provider(impostor.settings)
    for _ in range(3):
        await provider.begin(BACK)
        await provider.finish(BACK, BEGUN, QUERY)

    asked = [path for path, _ in impostor.service.asked]
    assert (asked.count("/.well-known/openid-configuration"), asked.count("/jwks")) == (1, 1)


async def test_what_is_told_elsewhere_must_be_of_the_same_person(impostor: Impostor) -> None:
    address = impostor.service.address
    told = metadata(address, userinfo_endpoint=f"{address}/me")
    impostor.says("/.well-known/openid-configuration", told)
    impostor.gives(impostor.signed(preferred_username=None))

    impostor.says("/me", {"sub": "4712", "preferred_username": "boss"})
    assert await answered(impostor) == ODD

    impostor.says("/me", {"sub": "4711", "preferred_username": "alice", "iss": "evil"})
    assert await answered(impostor) == Identity(address, "4711", "alice", "", "")
    assert impostor.service.asked[-1] == ("/me", "Bearer opaque")


@pytest.mark.parametrize(
    ("is_verified", "username"),
    [(False, None), (True, "a@example.org"), (None, None), ("true", None)],
)
async def test_an_address_that_may_be_anybodys_is_nobodys_username(
    impostor: Impostor, is_verified: bool | str | None, username: str | None
) -> None:
    impostor.gives(impostor.signed(email="a@example.org", email_verified=is_verified))
    settings = replace(impostor.settings, username_claim="email")

    identity = await answered(impostor, settings)

    assert isinstance(identity, Identity)
    assert (identity.username, identity.email) == (username, "a@example.org")


@pytest.mark.parametrize("name", ["al\u200bice", " alice", "alice\0", "ALICE", ""])
async def test_a_username_is_what_was_said_and_not_made_anothers(
    impostor: Impostor, name: str
) -> None:
    """Whose it is, the ledger decides; without what cannot be seen it would be alice's."""
    impostor.gives(impostor.signed(preferred_username=name))

    identity = await answered(impostor)

    assert isinstance(identity, Identity)
    assert identity.username == name


@pytest.mark.parametrize("claim", [7, None, ["alice"], {"a": "b"}, True])
async def test_a_username_that_is_no_text_is_none(impostor: Impostor, claim: object) -> None:
    impostor.gives(impostor.signed(preferred_username=claim, name=claim))

    identity = await answered(impostor)

    assert isinstance(identity, Identity)
    assert (identity.username, identity.full_name) == (None, "")
