"""The filters of the usage list, read as Waldur's django-filter reads them.

Every filter is optional and all of them hold at once. Blank is none; of a repeated one the last
counts; white space around a value is dropped; unknown parameters are no filters. A value is

- *bad*, when it is not of the filter's kind: all bad ones are named in one reply;
- *impossible*, when no row could ever have it (the 13th month, the address of another kind of
  thing): the reply is an empty list, and the value goes no further than here.

``as_of`` is ours. Whether it has come yet is known to the ledger's clock only, so it is read in
``as_of.py``; what is wrong with it is named here, after the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Final, TypeVar
from urllib.parse import urlparse
from uuid import UUID

from nodehours.faces.api.wire import (
    ALLOCATIONS_PATH,
    USERS_PATH,
    NotFound,
    Parameters,
    Refusal,
    Sentence,
    last_value,
)
from nodehours.terms.row import UsageFilter

T = TypeVar("T")


class BadFilters(Refusal):
    """Some parameters are not of their filter's kind: each one's name, with its sentences."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(Sentence.BAD_FILTERS, errors)
        self.errors = errors


class UnresolvableUrl(NotFound):
    """A filter names an address that the API does not have, which Waldur takes for a wrong request.

    Waldur shows its URL patterns in the body of this 404; we do not.
    """


class BadValue(Exception):
    """A value is not of its filter's kind."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence.text)


class ImpossibleValue(Exception):
    """A value is of its filter's kind, and no row can have it."""


MONTHS: Final = range(1, 13)
YEARS: Final = range(32_768)
"""What Django's ``PositiveSmallIntegerField`` holds."""


_NONE: Final[Mapping[str, str]] = {}


def read_filters(params: Parameters, faults: Mapping[str, str] = _NONE) -> UsageFilter | None:
    """Return the filters among *params*, None if no row can match, or raise.

    Raises ``BadFilters`` or ``UnresolvableUrl``. *faults* are sentences on parameters that were
    read before, and are bad values like those found here.

    Bad values win over addresses that do not exist, and those over impossible values: django-filter
    reads the whole form first, and only then follows addresses.
    """
    form = _Form(params)
    allocation = form.read("allocation", partial(read_link, ALLOCATIONS_PATH))
    allocation_uuid = form.read("allocation_uuid", read_uuid)
    user = form.read("user", partial(read_link, USERS_PATH))
    user_uuid = form.read("user_uuid", read_uuid)
    month = form.read("month", partial(read_number, MONTHS))
    year = form.read("year", partial(read_number, YEARS))
    form.judge(faults)
    if form.is_impossible or _disagree(allocation, allocation_uuid) or _disagree(user, user_uuid):
        return None
    return UsageFilter(
        allocation=allocation or allocation_uuid, user=user or user_uuid, year=year, month=month
    )


def _disagree(one: UUID | None, other: UUID | None) -> bool:
    return one is not None and other is not None and one != other


class _Form:
    """One reading of the parameters, which remembers all that is wrong with them."""

    def __init__(self, params: Parameters) -> None:
        self._params = params
        self._errors: dict[str, list[str]] = {}
        self._unresolvable: UnresolvableUrl | None = None
        self.is_impossible = False

    def read(self, name: str, reader: Callable[[str], T]) -> T | None:
        """Return the parameter's value by *reader*, or None if it has none or a wrong one."""
        text = last_value(self._params, name).strip()
        if not text:
            return None
        try:
            return reader(text)
        except BadValue as bad:
            self._errors[name] = [str(bad)]
        except UnresolvableUrl as unresolvable:
            self._unresolvable = unresolvable
        except ImpossibleValue:
            self.is_impossible = True
        return None

    def judge(self, faults: Mapping[str, str]) -> None:
        """Raise the worst of what has been remembered, and of *faults*, if any."""
        errors = self._errors | {name: [sentence] for name, sentence in faults.items()}
        if errors:
            raise BadFilters(errors)
        if self._unresolvable:
            raise self._unresolvable


# ------------------------------------------------------------------------------- kinds of value


def read_number(possible: range, text: str) -> int:
    """Return the whole part of a number as django-filter's ``NumberFilter`` reads it.

    It takes what ``Decimal()`` takes, ``2.0``, ``2e0``, ``2_2`` and the digits of any script too,
    and cuts the fraction off: ``2.9`` is 2.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadValue(Sentence.NO_NUMBER) from None
    if not number.is_finite():
        raise BadValue(Sentence.NO_NUMBER)
    if number > 1e50:  # the float, a little more than ten to the fiftieth
        raise BadValue(Sentence.NUMBER_TOO_LARGE)
    # int() of -1e999999 would write out a million digits: look at the size first.
    if not (-1 < number < possible.stop and int(number) in possible):
        raise ImpossibleValue
    return int(number)


def read_uuid(text: str) -> UUID:
    """Return the UUID of any text that ``uuid.UUID()`` takes, as Django's ``UUIDField`` does.

    Hyphens anywhere or nowhere, upper case, ``{…}`` and ``urn:uuid:…``.
    """
    try:
        return UUID(text)
    except ValueError:
        raise BadValue(Sentence.NO_UUID) from None


def read_link(collection: str, text: str) -> UUID:
    """Return which member of *collection* an address names, as Waldur's ``URLFilter`` reads it.

    Only the path counts: scheme, host and query may be anything. Text that is no address or that
    of something else is impossible, never bad; a path that leads nowhere is unresolvable.
    """
    if "\0" in text:
        raise BadValue(Sentence.NULL_CHARACTERS)
    path = _path(text)
    if not path.startswith("/"):
        raise ImpossibleValue
    if not is_route(path):
        raise UnresolvableUrl
    if not path.startswith(collection):
        raise ImpossibleValue
    try:
        return UUID(path.removeprefix(collection).removesuffix("/"))
    except ValueError:
        raise ImpossibleValue from None


def _path(url: str) -> str:
    try:
        return urlparse(url).path
    except ValueError:  # such as `http://[::1/`, which Waldur answers with 500
        raise ImpossibleValue from None


# --------------------------------------------------------------------------------------- routes

PAGES: Final = frozenset({"/", "/api/", "/api/version/"})
"""Addresses that stand alone."""

COLLECTIONS: Final = frozenset(
    {
        "/api/customers/",
        "/api/openportal-accounting-summary/",
        "/api/openportal-allocation-user-usage/",
        "/api/openportal-allocations/",
        "/api/openportal-associations/",
        "/api/openportal-project-usage-reports/",
        "/api/projects/",
        "/api/users/",
    }
)
"""Addresses of lists; each has members one segment below: ``/api/users/me/``."""

_MEMBER = re.compile(r"(?P<collection>/api/[^/]+/)(?:[^/.]+/)?")


def is_route(path: str) -> bool:
    """Tell whether the API has something at *path*; without its last slash it has not.

    As with DRF's routers a member is any one segment without a dot, whether or not it exists.
    """
    match = _MEMBER.fullmatch(path)
    return path in PAGES or (match is not None and match["collection"] in COLLECTIONS)
