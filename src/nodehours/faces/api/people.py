"""Users on the wire, their roles, and who is asking: ``/api/users/`` and ``/api/users/me/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from litestar.response.base import ASGIResponse

from nodehours.faces.api.conditional import CACHING
from nodehours.faces.api.exchange import Exchange
from nodehours.faces.api.fields import read_fields
from nodehours.faces.api.forms import Form, read_boolean, read_nothing, read_text, read_uuid
from nodehours.faces.api.listing import (
    MEMBER_PARAMETERS,
    Filter,
    Listing,
    chosen,
    found,
    listed,
)
from nodehours.faces.api.wire import USERS_PATH, Missing, user_url
from nodehours.queries.people import RoleRow, UserFilter, UserRow, find_reader, list_users, roles_of

Told = Mapping[str, object]

_ME: Final = "me"
_PERMISSIONS: Final = "permissions"
_ROLE_NAMES: Final = {
    "owner": "CUSTOMER.OWNER",
    "reader": "CUSTOMER.READER",
    "manager": "PROJECT.MANAGER",
    "member": "PROJECT.MEMBER",
}
_NULLS: Final = (
    *("native_name", "job_title", "phone_number", "organization", "civil_number", "description"),
    *("token", "token_lifetime", "token_expires_at", "registration_method", "agreement_date"),
    *("notifications_enabled", "preferred_language", "requested_email", "affiliations"),
    *("first_name", "last_name", "birth_date", "identity_provider_name"),
    *("identity_provider_label", "identity_provider_management_url", "identity_provider_fields"),
    *("image", "identity_source", "should_protect_user_details", "has_active_session"),
    *("has_passkey", "passkey_count", "ip_address", "gender", "personal_title", "place_of_birth"),
    *("address", "country_of_residence", "nationality", "nationalities", "organization_country"),
    *("organization_type", "organization_registry_code", "organization_vat_code"),
    *("organization_address", "eduperson_assurance", "uid_number", "primary_gid"),
    *("is_identity_manager", "can_use_personal_access_tokens", "managed_isds", "active_isds"),
    *("deactivation_reason", "is_admin_deactivated", "has_usable_password"),
)
_KEYS: Final = (
    *("url", "uuid", "username", "slug", "full_name", "email", "is_staff", "is_active"),
    *("is_support", "date_joined", *_NULLS),
)
_OF_ONE: Final = (*_KEYS, _PERMISSIONS)


def wire_user(row: UserRow, base: str) -> Told:
    """Say a user; ``email`` is null for who may not read it."""
    return {
        "url": user_url(base, row.uuid),
        "uuid": row.uuid.hex,
        "username": row.username,
        "slug": row.username,
        "full_name": row.full_name,
        "email": row.email,
        "is_staff": row.is_staff,
        "is_active": row.is_active,
        "is_support": row.is_support,
        "date_joined": row.created,
        **dict.fromkeys(_NULLS),
    }


def wire_role(role: RoleRow, user: UserRow) -> Told:
    """Say a role of *user*: Waldur's name of it, and the organisation or project that it is of."""
    is_project = role.kind == _PROJECT
    return {
        "user_uuid": user.uuid.hex,
        "user_name": user.full_name,
        "user_username": user.username,
        "created": role.granted,
        "expiration_time": None,
        "role_name": _ROLE_NAMES[role.role],
        "scope_type": _PROJECT if is_project else "customer",
        "scope_uuid": role.uuid.hex,
        "scope_name": role.name,
        "customer_uuid": role.organisation.hex,
        "customer_name": role.organisation_name,
        "project_uuid": role.uuid.hex if is_project else None,
        "resource_uuid": None,
    }


_PROJECT: Final = "project"


def _read_names(text: str) -> list[str]:
    """Read usernames that are parted by commas."""
    return [name.strip() for name in read_text(text).split(",") if name.strip()]


def _of(read: Callable[[str], object], *names: str) -> dict[str, Filter]:
    return {name: Filter(read, name) for name in names}


USERS: Final = Listing(
    path=USERS_PATH,
    kind="User",
    filters={
        "civil_number": Filter(read_nothing),
        "customer_uuid": Filter(read_uuid, "organisation"),
        "description": Filter(read_nothing),
        **_of(read_text, "email", "full_name"),
        **_of(read_boolean, "is_active", "is_staff", "is_support"),
        **dict.fromkeys(
            ("job_title", "native_name", "organization", "phone_number", "registration_method"),
            Filter(read_nothing),
        ),
        "project_uuid": Filter(read_uuid, "project"),
        **_of(read_text, "query", "user_keyword", "username"),
        "username_list": Filter(_read_names, "usernames"),
    },
    nothing=UserFilter(),
    ask=list_users,
    keys=_KEYS,
    wire=wire_user,
    more=(_PERMISSIONS,),
)


async def list_people(exchange: Exchange) -> ASGIResponse:
    """Answer a page of the users that the reader may see; roles are told of one user at a time."""
    return await listed(exchange, USERS)


async def retrieve_person(exchange: Exchange) -> ASGIResponse:
    """Answer one user, or the reader as ``me``, with the roles that the reader may know of."""
    is_me = exchange.segment == _ME
    user = await (_reader(exchange) if is_me else found(exchange, USERS))
    told = {**wire_user(user, exchange.base), _PERMISSIONS: await _roles(exchange, user)}
    # Waldur's client counts the reader as well.
    counted = {"X-Result-Count": "1"} if is_me else {}
    return exchange.reply(chosen(exchange, _OF_ONE, told), {**counted, **CACHING})


async def _reader(exchange: Exchange) -> UserRow:
    """Find who is asking; filters do not apply to oneself."""
    faults = read_fields(exchange.params, _OF_ONE).faults
    Form(exchange.params).judge(exchange.heed(MEMBER_PARAMETERS, faults))
    user = await find_reader(exchange.connection, exchange.reader.scope)
    if user is None:
        raise Missing(USERS.kind)
    return user


async def _roles(exchange: Exchange, user: UserRow) -> list[Told]:
    roles = await roles_of(exchange.connection, exchange.reader.scope, user.uuid)
    return [wire_role(role, user) for role in roles]
