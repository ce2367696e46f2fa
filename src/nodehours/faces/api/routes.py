"""The addresses that the API has: those that stand alone, and lists with their members."""

from __future__ import annotations

import re
from typing import Final

from nodehours.faces.api import wire

PAGES: Final = frozenset(
    {
        *("/", wire.ROOT_PATH, wire.VERSION_PATH),
        *(wire.SCHEMA_PATH, wire.FULL_SCHEMA_PATH, wire.DOCS_PATH),
    }
)
"""Addresses that stand alone."""

COLLECTIONS: Final = (
    wire.USAGE_PATH,
    wire.ALLOCATIONS_PATH,
    wire.ASSOCIATIONS_PATH,
    wire.USERS_PATH,
    wire.CUSTOMERS_PATH,
    wire.PROJECTS_PATH,
    wire.REPORTS_PATH,
    wire.ACCOUNTING_PATH,
)
"""Addresses of lists; each has members one segment below: ``/api/users/me/``."""

_MEMBER = re.compile(r"(?P<collection>/api/[^/]+/)(?:[^/.]+/)?")


def is_route(path: str) -> bool:
    """Tell whether the API has something at *path*; without its last slash it has not.

    As with DRF's routers a member is any one segment without a dot, whether or not it exists.
    """
    match = _MEMBER.fullmatch(path)
    return path in PAGES or (match is not None and match["collection"] in COLLECTIONS)


def is_api(path: str) -> bool:
    """Tell whether *path* is the API's, be there something or not; the others are the dashboard's."""
    return path == wire.ROOT_PATH.rstrip("/") or path.startswith(wire.ROOT_PATH)
