"""Waldur's habits on the wire: what a request says, and the words a reply is made of.

Everything here is a pure function of bytes and text, and knows no web framework. The conventions:

- Read as the stack under Waldur reads (Django, Django REST framework, django-filter), so that every
  client of Waldur meets what it is used to; where we differ, the docstring says so.
- A request that is read is a plain value. A request that is refused is a ``Refusal``, raised: an
  HTTP status and a JSON object, the same for every way of asking.
- Header values are bytes as received. A path segment comes percent-decoded, once.
- Addresses are absolute and end in ``/``; a UUID in an address is 32 lower-case hex digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, unique
from typing import Final, TypeAlias
from urllib.parse import parse_qs
from uuid import UUID

import msgspec

USAGE_PATH: Final = "/api/openportal-allocation-user-usage/"
ALLOCATIONS_PATH: Final = "/api/openportal-allocations/"
USERS_PATH: Final = "/api/users/"
PROJECTS_PATH: Final = "/api/projects/"
CUSTOMERS_PATH: Final = "/api/customers/"
ASSOCIATIONS_PATH: Final = "/api/openportal-associations/"
REPORTS_PATH: Final = "/api/openportal-project-usage-reports/"
ACCOUNTING_PATH: Final = "/api/openportal-accounting-summary/"
ROOT_PATH: Final = "/api/"
VERSION_PATH: Final = "/api/version/"
SCHEMA_PATH: Final = "/api/schema/"
FULL_SCHEMA_PATH: Final = "/api/schema/full/"
DOCS_PATH: Final = "/api/docs/"

# ------------------------------------------------------------------------------------ refusals


@unique
class Sentence(Enum):
    """All that the API says when it refuses: the status, and the sentence as Waldur words it.

    Clients compare these texts, so they are kept to the letter. Sentences on a parameter's value
    stand in a list under its name, the others under ``detail``.
    """

    NOT_AUTHENTICATED = 401, "Authentication credentials were not provided."
    NO_TOKEN = 401, "Invalid token. No credentials provided."
    SPACES_IN_TOKEN = 401, "Invalid token. Token string should not contain spaces."
    UNREADABLE_TOKEN = (
        401,
        "Invalid token header. Token string should not contain invalid characters.",
    )
    UNKNOWN_TOKEN = 401, "Invalid token."
    INACTIVE_USER = 401, "User inactive or deleted."
    EXPIRED_TOKEN = 401, "Token has expired."

    FORBIDDEN = 403, "You do not have permission to perform this action."
    METHOD_NOT_ALLOWED = 405, 'Method "{method}" not allowed.'
    NOT_ACCEPTABLE = 406, "Could not satisfy the request Accept header."

    NOT_FOUND = 404, "Not found."
    NO_SUCH_ROW = 404, "No AllocationUserUsage matches the given query."
    NO_SUCH_THING = 404, "No {kind} matches the given query."
    INVALID_PAGE = 404, "Invalid page."

    BAD_HOST = 400, "Invalid Host header."  # ours: Waldur sends a page of HTML
    BAD_FILTERS = 400, "Invalid filters."  # for logs; the reply names the parameters
    NO_NUMBER = 400, "Enter a number."
    NUMBER_TOO_LARGE = 400, "Ensure this value is less than or equal to 1e+50."
    NO_UUID = 400, "Enter a valid UUID."
    NULL_CHARACTERS = 400, "Null characters are not allowed."
    NO_BOOLEAN = 400, "Must be a valid boolean."
    NO_CHOICE = 400, "Select a valid choice. {value} is not one of the available choices."
    NO_INTEGER = 400, "A valid integer is required."
    TOO_SMALL = 400, "Ensure this value is greater than or equal to {limit}."
    TOO_LARGE = 400, "Ensure this value is less than or equal to {limit}."
    UNKNOWN_PARAMETER = 400, "Unknown parameter."  # ours: Waldur ignores them silently

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.text = text


class Refusal(Exception):
    """The request is refused: ``status`` and ``body`` are the whole reply."""

    def __init__(self, sentence: Sentence, body: Mapping[str, object] | None = None) -> None:
        super().__init__(sentence.text)
        self.sentence = sentence
        self.status = sentence.status
        self.body: Mapping[str, object] = body or {"detail": sentence.text}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers this reply has beside those of every reply: the challenge of a 401."""
        return {"WWW-Authenticate": "Token"} if self.status == 401 else {}


class BadCredentials(Refusal):
    """Nobody is signed in by this request; the sentence says why."""


class NotFound(Refusal):
    """There is nothing at this address, or nothing that the reader may see."""

    def __init__(self, sentence: Sentence = Sentence.NOT_FOUND) -> None:
        super().__init__(sentence)


class Missing(Refusal):
    """There is no *kind* of thing by that name, or none that the reader may see."""

    def __init__(self, kind: str) -> None:
        sentence = Sentence.NO_SUCH_THING
        super().__init__(sentence, {"detail": sentence.text.format(kind=kind)})


class NotAcceptable(Refusal):
    """The client takes no JSON."""

    def __init__(self) -> None:
        super().__init__(Sentence.NOT_ACCEPTABLE)


class BadHost(Refusal):
    """No address can be made of the Host header."""

    def __init__(self) -> None:
        super().__init__(Sentence.BAD_HOST)


# --------------------------------------------------------------------------------------- query

Parameters: TypeAlias = Mapping[str, list[str]]
"""Each parameter's values, both in the order they came in."""


def read_query(raw: bytes) -> Parameters:
    """Read a raw query string as Django's ``QueryDict`` does.

    ``+`` and ``%20`` are a space, a blank value is kept, ``;`` separates nothing, and escapes that
    are no UTF-8 become U+FFFD. A query with raw bytes that are no UTF-8 is taken for Latin-1.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return parse_qs(text, keep_blank_values=True)


def last_value(params: Parameters, name: str) -> str:
    """Return a parameter's value: the last one if repeated, ``""`` if there is none."""
    return params.get(name, [""])[-1]


# --------------------------------------------------------------------------------- credentials


def read_credentials(authorization: bytes | None) -> str | None:
    """Return the token of an Authorization header, or None if it does not try to sign in.

    ``Token K`` as Waldur's ``TokenAuthentication`` reads it: the scheme in any case, any run of
    white space between and around. ``Bearer K`` and ``Bearer Token K`` mean the same here, because
    Waldur's TypeScript client puts ``Bearer`` before whatever it is given. Another scheme, or a key
    without one, is no attempt to sign in.
    """
    scheme, *words = (authorization or b"").split() or [b""]
    if scheme.lower() not in {b"token", b"bearer"}:
        return None
    if scheme.lower() == b"bearer" and words and words[0].lower() == b"token":
        del words[0]
    if len(words) != 1:
        raise BadCredentials(Sentence.SPACES_IN_TOKEN if words else Sentence.NO_TOKEN)
    try:
        return words[0].decode()
    except UnicodeDecodeError:
        raise BadCredentials(Sentence.UNREADABLE_TOKEN) from None


# --------------------------------------------------------------------------------- negotiation


def read_accept(accept: str | None, format_parameter: str | None = None) -> None:
    """Return if the client takes JSON, as DRF's ``DefaultContentNegotiation`` decides.

    ``format=`` is looked at first: blank or ``json``, anything else raises ``NotFound``. Then one
    media range of the Accept header has to cover ``application/json``, else ``NotAcceptable``. No
    header takes everything, an empty one takes nothing; parameters, ``q`` too, are not looked at.
    """
    if format_parameter not in {None, "", "json"}:
        raise NotFound
    if accept is not None and not any(map(_covers_json, accept.split(","))):
        raise NotAcceptable


def _covers_json(media_range: str) -> bool:
    media_type = media_range.partition(";")[0].strip().lower()
    main, _, sub = media_type.partition("/")
    return main in {"*", "application"} and sub in {"*", "json"}


# ------------------------------------------------------------------------------------- methods

ALLOW: Final = "GET, HEAD, OPTIONS"
"""The Allow header of every reply."""


def method_refusal(method: str, *, is_staff: bool) -> Refusal:
    """Return the refusal of a method outside ``ALLOW`` to somebody signed in.

    Waldur asks for the right to write before it looks whether there is anything to write to: only
    staff learn that there is not.
    """
    if not is_staff:
        return Refusal(Sentence.FORBIDDEN)
    sentence = Sentence.METHOD_NOT_ALLOWED
    return Refusal(sentence, {"detail": sentence.text.format(method=method)})


def options_body(name: str, *, of_member: bool) -> dict[str, object]:
    """Return what OPTIONS tells of a list or of a member of it, as DRF's ``SimpleMetadata`` words it."""
    return {
        "name": f"{name} {'Instance' if of_member else 'List'}",
        "description": "",
        "renders": ["application/json"],
        "parses": [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
        ],
    }


# ---------------------------------------------------------------------------------------- rows


class WireUsage(msgspec.Struct, frozen=True):
    """A usage row as Waldur's serializer writes it; the keys are sent in this order.

    ``node_usage`` is node-hours with two places. The row of nobody has ``user`` null and all
    the other keys.
    """

    node_usage: str
    month: int
    year: int
    allocation: str
    user: str | None
    username: str
    full_name: str


def read_row_id(segment: str) -> int | None:
    """Return the id a path segment names, or None for a number that is no row's id.

    Django looks a key up by ``int(segment)``: ``007``, ``+7``, ``1_0``, ``" 7"`` and the digits of
    any script are numbers. What is no number raises ``NotFound``; for None, and for an id without
    a row, the sentence is ``NO_SUCH_ROW``.
    """
    try:
        row_id = int(segment)
    except ValueError:
        raise NotFound from None
    return row_id if 0 < row_id < 2**63 else None


def allocation_url(base: str, uuid: UUID) -> str:
    """Return an allocation's address: ``allocation_url("https://hpc.example", uuid)``."""
    return f"{base}{ALLOCATIONS_PATH}{uuid.hex}/"


def user_url(base: str, uuid: UUID | None) -> str | None:
    """Return a user's address, None for nobody's."""
    return None if uuid is None else f"{base}{USERS_PATH}{uuid.hex}/"


def project_url(base: str, uuid: UUID) -> str:
    """Return a project's address."""
    return f"{base}{PROJECTS_PATH}{uuid.hex}/"


def customer_url(base: str, uuid: UUID) -> str:
    """Return an organisation's address; Waldur calls it a customer."""
    return f"{base}{CUSTOMERS_PATH}{uuid.hex}/"


# Nothing that could end the `<…>` of a Link header, or its line, gets into an address.
_HOST = re.compile(r"[A-Za-z0-9.:_\-\[\]]+")


def absolute_base(scheme: str, host: str, forwarded_proto: str | None) -> str:
    """Return ``scheme://host``, which every address begins with, or raise ``BadHost``.

    As with Waldur's ``SECURE_PROXY_SSL_HEADER``, the first value of ``X-Forwarded-Proto``, if the
    header is there, decides between https and http; ``X-Forwarded-Host`` counts for nothing.
    """
    if not _HOST.fullmatch(host):
        raise BadHost
    if forwarded_proto is not None:
        nearest = forwarded_proto.partition(",")[0].strip().lower()
        scheme = "https" if nearest == "https" else "http"
    return f"{scheme}://{host}"
