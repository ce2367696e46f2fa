"""Signing in through an OpenID Connect provider: the authorization code flow with PKCE, state and nonce.

What the provider says is believed when it comes over its own TLS, or in an ID token that it signed, for us, for
this browser, and not long ago. Times are judged by this machine's clock, give or take a minute.
"""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Mapping
from functools import cache
from ssl import SSLContext
from typing import Any, Final, NamedTuple, NoReturn, TypeVar
from urllib.parse import quote_plus, urlsplit

import httpx
import msgspec
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from nodehours.faces.web.identity import Begun, Identity, OidcError
from nodehours.settings import OidcSettings

Told = TypeVar("Told")

_log = logging.getLogger("nodehours")

_ALGORITHMS: Final = ("RS256", "ES256")
_TIMEOUT: Final = httpx.Timeout(10, connect=5)
_LEEWAY_SECONDS: Final = 60
_FRESH_SECONDS: Final = 3600
_MAX_CLAIM: Final = 255

_DOWN = "The sign-in service cannot be reached just now. Please try again shortly."
_ODD = "The sign-in service answered something that cannot be trusted. Please try again."
_OTHERS = "This sign-in was not begun here, or too long ago. Please try again."


class _Metadata(msgspec.Struct, frozen=True):
    """What the provider's discovery document says."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that somebody is sent to."""
        optional = (self.userinfo_endpoint,) if self.userinfo_endpoint else ()
        return (self.authorization_endpoint, self.token_endpoint, self.jwks_uri, *optional)


class _Tokens(msgspec.Struct, frozen=True):
    """What the provider gives for a code."""

    id_token: str
    access_token: str


class _Known(NamedTuple):
    """The discovery document and the keys, and when they were read (by the monotonic clock)."""

    metadata: _Metadata
    keys: KeySet
    read: float


class Provider:
    """The OpenID provider of the *settings*."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._known: _Known | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return self._settings.name

    async def begin(self, redirect_uri: str) -> Begun:
        """Begin a sign-in that comes back to *redirect_uri*. Raises ``OidcError``."""
        async with _client() as client:
            metadata = (await self._discover(client)).metadata
        state, nonce, verifier = generate_token(43), generate_token(43), generate_token(64)
        address = prepare_grant_uri(
            metadata.authorization_endpoint,
            self._settings.client_id,
            "code",
            redirect_uri,
            self._settings.scope,
            state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(str(address), state, nonce, verifier)

    async def finish(self, redirect_uri: str, begun: Begun, query: Mapping[str, str]) -> Identity:
        """Return whom the provider signed in, who came back with *query*.

        Raises ``OidcError`` unless that is the answer to *begun*, and proven.
        """
        if not (begun.nonce and begun.verifier and _is_same(begun.state, query.get("state", ""))):
            raise OidcError(_OTHERS)
        async with _client() as client:
            known = await self._discover(client)
            code = _code(known.metadata, query)
            tokens = await self._exchange(client, known.metadata, redirect_uri, code, begun)
            claims = await self._proven(client, known, tokens, begun.nonce)
            if self._settings.username_claim not in claims:
                claims = await _told(client, known.metadata, tokens, claims)
        return self._identity(claims)

    async def _discover(self, client: httpx.AsyncClient, *, anew: bool = False) -> _Known:
        known = self._known
        if known is None or anew or time.monotonic() - known.read > _FRESH_SECONDS:
            metadata = await self._read_metadata(client)
            keys = await _read_keys(client, metadata.jwks_uri)
            known = self._known = _Known(metadata, keys, time.monotonic())
        return known

    async def _read_metadata(self, client: httpx.AsyncClient) -> _Metadata:
        issuer = self._settings.issuer
        address = get_well_known_url(issuer, external=True)
        metadata = _read(await _answer(client, "GET", address), _Metadata)
        if metadata.issuer != issuer:
            _distrust(f"it calls itself {metadata.issuer}, and the setting says {issuer}")
        scheme = urlsplit(issuer).scheme
        if any(urlsplit(one).scheme not in {"https", scheme} for one in metadata.addresses):
            _distrust("not all of its addresses are https")
        return metadata

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        metadata: _Metadata,
        redirect_uri: str,
        code: str,
        begun: Begun,
    ) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": begun.verifier,
        }
        auth, more = self._credentials(metadata)
        reply = await _answer(client, "POST", metadata.token_endpoint, data=form | more, auth=auth)
        return _read(reply, _Tokens)

    def _credentials(self, metadata: _Metadata) -> tuple[httpx.BasicAuth | None, dict[str, str]]:
        """Return how we say who we are: in a header where the provider takes that, and else in the form."""
        client_id, secret = self._settings.client_id, self._settings.client_secret
        if secret is None:
            return None, {"client_id": client_id}
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            return httpx.BasicAuth(quote_plus(client_id), quote_plus(secret)), {}
        return None, {"client_id": client_id, "client_secret": secret}

    async def _proven(
        self, client: httpx.AsyncClient, known: _Known, tokens: _Tokens, nonce: str
    ) -> dict[str, Any]:
        """Return what the ID token says, if it is the provider's, for us, for this browser, and fresh."""
        try:
            try:
                token = _decoded(tokens.id_token, known.keys)
            except InvalidKeyIdError:
                # The provider has new keys since.
                known = await self._discover(client, anew=True)
                token = _decoded(tokens.id_token, known.keys)
            self._check(token, tokens, nonce)
        except (JoseError, ValueError) as error:
            _distrust(f"its ID token does not hold: {error!r}")
        return token.claims

    def _check(self, token: jwt.Token, tokens: _Tokens, nonce: str) -> None:
        client_id = self._settings.client_id
        options = {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": client_id},
        }
        params = {"nonce": nonce, "client_id": client_id, "access_token": tokens.access_token}
        claims = CodeIDToken(token.claims, token.header, options, params)
        claims.validate(now=int(time.time()), leeway=_LEEWAY_SECONDS)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        subject, username = claims.get("sub"), claims.get(self._settings.username_claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_CLAIM:
            _distrust("its subject is none")
        if not subject.isprintable():
            _distrust("its subject is not legible")
        is_said = isinstance(username, str) and not self._is_unproven(claims)
        return Identity(
            self._settings.issuer,
            subject,
            username if is_said else None,
            _text(claims.get("name")),
            _text(claims.get("email")),
        )

    def _is_unproven(self, claims: Mapping[str, Any]) -> bool:
        """Tell whether the username is an address of which the provider does not say that it is proven."""
        return self._settings.username_claim == "email" and claims.get("email_verified") is not True


def _code(metadata: _Metadata, query: Mapping[str, str]) -> str:
    """Return the code that the provider sent the browser back with."""
    issuer = query.get("iss")
    is_named = issuer is not None or metadata.authorization_response_iss_parameter_supported
    if is_named and issuer != metadata.issuer:
        _distrust(f"the answer is that of {issuer!r}")
    if error := query.get("error"):
        _log.warning(
            "the OpenID provider refused: %r",
            {"error": error, "said": query.get("error_description")},
        )
        raise OidcError(f"The sign-in service signed nobody in: {_text(error)}.")
    if not (code := query.get("code")):
        _distrust("it sent no code")
    return code


async def _told(
    client: httpx.AsyncClient, metadata: _Metadata, tokens: _Tokens, claims: dict[str, Any]
) -> dict[str, Any]:
    """Return the *claims* with what the provider tells of the same person elsewhere: names are often only there."""
    if metadata.userinfo_endpoint is None:
        return claims
    bearer = {"Authorization": f"Bearer {tokens.access_token}"}
    reply = await _answer(client, "GET", metadata.userinfo_endpoint, headers=bearer)
    more = _read(reply, dict[str, Any])
    if more.get("sub") != claims.get("sub"):
        _distrust("it tells of somebody else than it signed in")
    return more | claims


async def _read_keys(client: httpx.AsyncClient, address: str) -> KeySet:
    """Read the provider's keys, passing over those that are for other things than our algorithms."""
    found = _read(await _answer(client, "GET", address), dict[str, list[dict[str, Any]]])
    ours = [
        key
        for key in found.get("keys", [])
        if (key.get("kty") == "RSA" or key.get("crv") == "P-256") and key.get("use") != "enc"
    ]
    try:
        return KeySet.import_key_set({"keys": ours})
    except (JoseError, ValueError) as error:
        _distrust(f"its keys are none: {error!r}")


def _decoded(id_token: str, keys: KeySet) -> jwt.Token:
    registry = JWSRegistry(algorithms=list(_ALGORITHMS), strict_check_header=False)
    return jwt.decode(id_token, keys, registry=registry)


async def _answer(client: httpx.AsyncClient, method: str, address: str, **options: Any) -> bytes:
    """Return what the provider answers at *address*. Raises ``OidcError`` when that is not 200."""
    try:
        reply = await client.request(method, address, **options)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _log.warning("the OpenID provider cannot be reached at %s: %r", address, error)
        raise OidcError(_DOWN) from error
    if reply.status_code != httpx.codes.OK:
        _log.warning(
            "the OpenID provider answered %d at %s: %r",
            reply.status_code,
            address,
            reply.text[:500],
        )
        raise OidcError(_OTHERS if reply.status_code == httpx.codes.BAD_REQUEST else _DOWN)
    return reply.content


def _read(body: bytes, kind: type[Told]) -> Told:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        _distrust(f"it says what cannot be read: {error}")


def _distrust(why: str) -> NoReturn:
    """Sign nobody in, and tell the operator *why*."""
    _log.warning("the OpenID provider is not trusted: %s", why)
    raise OidcError(_ODD)


def _text(claim: object) -> str:
    """Return a claim as text that can be shown and kept; nothing when it is no text."""
    if not isinstance(claim, str):
        return ""
    return "".join(each for each in claim if each.isprintable()).strip()[:_MAX_CLAIM]


def _is_same(wanted: str, sent: str) -> bool:
    return bool(wanted) and hmac.compare_digest(wanted.encode(), sent.encode(errors="replace"))


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=_TIMEOUT, verify=_trusted())


@cache
def _trusted() -> SSLContext:
    """Return whom we believe to be who they are: reading all certificates takes longer than most requests."""
    return httpx.create_ssl_context()
