"""What is on the wire, as JSON Schema (OpenAPI 3.1): one schema for each kind of thing, one word for each type.

A word that ends in ``?`` may be null. UUIDs are told as 32 hexadecimal digits, as Waldur tells them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]

_WORDS: Final[Mapping[str, Schema]] = {
    "text": {"type": "string"},
    "address": {"type": "string", "format": "uri"},
    "uuid": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "instant": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "node-hours": {"type": "string", "format": "decimal", "pattern": r"^\d{1,18}\.\d{2}$"},
    "number": {"type": "integer"},
    "count": {"type": "integer", "minimum": 0},
    "truth": {"type": "boolean"},
    "texts": {"type": "array", "items": {"type": "string"}},
    "anything": {},
}


def said(word: str) -> Schema:
    """Return the schema of a *word*: ``said("date?")``."""
    schema = dict(_WORDS[word.removesuffix("?")])
    if word.endswith("?") and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    return schema


def reference(name: str) -> Schema:
    """Refer to the schema *name*."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(name: str) -> Schema:
    """Return the schema of a list of what *name* is."""
    return {"type": "array", "items": reference(name)}


def _thing(words: Mapping[str, str], **more: Schema) -> Schema:
    properties = {**{name: said(word) for name, word in words.items()}, **more}
    return {"type": "object", "properties": properties}


def _each(word: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), word)


def _by(key: str, value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": value, "description": f"By {key}."}


USAGE: Final[Schema] = {
    "type": "object",
    "properties": {
        "node_usage": {
            "type": "string",
            "format": "decimal",
            "pattern": r"^-?\d{0,18}(?:\.\d{0,2})?$",
        },
        "month": {"type": "integer", "maximum": 12, "minimum": 1},
        "year": {"type": "integer", "maximum": 32767, "minimum": 0},
        "allocation": {"type": "string", "format": "uri"},
        "user": {"type": ["string", "null"], "format": "uri"},
        "username": {"type": "string", "maxLength": 64},
        "full_name": {"type": "string", "readOnly": True},
    },
    "required": ["allocation", "full_name", "month", "username", "year"],
    "description": "",
}
"""The usage row as Waldur's document has it."""

# A username is `user.project.portal`, of three parts of 64 characters at most; Waldur's column is shorter.
_FULL_USAGE: Final[Schema] = {
    **USAGE,
    "properties": {
        **USAGE["properties"],
        "username": {"type": "string", "maxLength": 255},
        "full_name": {"type": "string"},
        **_thing(
            {
                **_each("number", "id node_seconds revision"),
                **_each("address", "url"),
                **_each("uuid", "allocation_uuid project_uuid customer_uuid resource_uuid"),
                **_each("uuid?", "user_uuid"),
                **_each("text", "project_identifier resource_name"),
                **_each("truth", "is_complete is_closed"),
                **_each("instant", "modified"),
            },
            state={"type": "string", "enum": ["open", "provisional", "complete", "restated"]},
            history={
                "type": "array",
                "items": _thing(
                    {
                        **_each("number", "revision node_seconds"),
                        **_each("instant", "recorded"),
                        **_each("node-hours", "node_usage"),
                        **_each("text", "username kind reason"),
                        **_each("text?", "source"),
                        **_each("number?", "run"),
                    }
                ),
            },
        )["properties"],
    },
    "description": "The first seven keys are sent unless field= chooses others.",
}
_FULL_USAGE.pop("required")

_SECONDS = {"type": "object", "properties": {"seconds": said("count")}, "required": ["seconds"]}
_ROLE: Final = _thing(
    {
        **_each("uuid", "user_uuid scope_uuid customer_uuid"),
        **_each("text", "user_name user_username role_name scope_type scope_name customer_name"),
        **_each("instant", "created"),
        **_each("instant?", "expiration_time"),
        **_each("uuid?", "project_uuid resource_uuid"),
    }
)
_USER: Final = _thing(
    {
        **_each("address", "url"),
        **_each("uuid", "uuid"),
        **_each("text", "username slug full_name"),
        **_each("text?", "email"),
        **_each("truth", "is_staff is_active is_support"),
        **_each("instant", "date_joined"),
        **_each(
            "text?",
            "native_name job_title phone_number organization civil_number description token"
            " registration_method preferred_language requested_email first_name last_name"
            " identity_provider_name identity_provider_label identity_provider_management_url image"
            " identity_source ip_address gender personal_title place_of_birth address"
            " country_of_residence nationality organization_country organization_type"
            " organization_registry_code organization_vat_code organization_address"
            " deactivation_reason",
        ),
        **_each("number?", "token_lifetime passkey_count uid_number primary_gid"),
        **_each("instant?", "token_expires_at agreement_date"),
        **_each("date?", "birth_date"),
        **_each(
            "truth?",
            "notifications_enabled should_protect_user_details has_active_session has_passkey"
            " is_identity_manager can_use_personal_access_tokens is_admin_deactivated"
            " has_usable_password",
        ),
        **_each(
            "texts?",
            "affiliations identity_provider_fields nationalities eduperson_assurance managed_isds"
            " active_isds",
        ),
    },
    permissions={"type": "array", "items": reference("Permission")},
)

SCHEMAS: Final[Mapping[str, Schema]] = {
    "Allocation": _thing(
        {
            **_each("address", "url project customer"),
            **_each("uuid", "uuid service_settings_uuid project_uuid customer_uuid"),
            **_each(
                "text",
                "name description service_name service_settings_state project_name customer_name"
                " resource_type state backend_id",
            ),
            **_each("instant", "created modified"),
            **_each("number?", "node_limit"),
            **_each("node-hours?", "node_usage"),
            **_each("truth", "is_active"),
            **_each("truth?", "is_usage_based is_limit_based"),
            **_each("anything", "marketplace_offering_plugin_options"),
            **_each(
                "text?",
                "groupname service_settings service_settings_error_message customer_native_name"
                " customer_abbreviation error_message error_traceback access_url"
                " marketplace_offering_uuid marketplace_offering_name marketplace_offering_type"
                " marketplace_category_uuid marketplace_category_name marketplace_resource_uuid"
                " marketplace_plan_uuid marketplace_resource_state",
            ),
        }
    ),
    "Association": _thing(
        {
            **_each("uuid", "uuid"),
            **_each("text", "username useridentifier"),
            **_each("text?", "groupname"),
            **_each("address", "allocation"),
        }
    ),
    "User": _USER,
    "Permission": _ROLE,
    "Customer": _thing(
        {
            **_each("address", "url"),
            **_each("uuid", "uuid"),
            **_each("instant", "created"),
            **_each("text", "display_name name slug backend_id"),
            **_each("text?", "native_name abbreviation description"),
            **_each("count", "projects_count"),
            "users_count": "number?",
        }
    ),
    "Project": _thing(
        {
            **_each("address", "url customer"),
            **_each("uuid", "uuid customer_uuid"),
            **_each("text", "name slug customer_name customer_slug backend_id"),
            **_each("text?", "customer_native_name customer_abbreviation description"),
            **_each("instant", "created"),
            **_each("date?", "start_date end_date"),
            **_each("count", "resources_count"),
            **_each("truth", "is_removed"),
        }
    ),
    "CachedProjectUsageReport": _thing(
        {
            **_each("number", "id year month"),
            **_each("text", "project_identifier resource"),
            **_each("truth", "is_complete"),
        },
        report=reference("ProjectUsageReport"),
    ),
    "ProjectUsageReport": {
        **_thing(
            _each("text", "project"),
            reports=_by("day, as in 2026-03-31", reference("DailyProjectUsageReport")),
            users=_by("user identifier", {"type": "string", "description": "The local user."}),
        ),
        "required": ["project", "reports", "users"],
    },
    "DailyProjectUsageReport": {
        **_thing(
            {**_each("count", "num_jobs total_wait_seconds"), **_each("truth", "is_complete")},
            reports=_by("local user", reference("Usage")),
            components=_by("component", _by("local user", reference("Usage"))),
            user_job_counts=_by("local user", said("count")),
            user_wait_seconds=_by("local user", said("count")),
        ),
        "required": ["reports", "is_complete"],
    },
    "Usage": _SECONDS,
    "ProjectAccountingSummary": _thing(
        {
            **_each("uuid", "project_uuid customer_uuid"),
            **_each("text", "project_name customer_name"),
            **_each("date?", "start_date end_date"),
            **_each("node-hours?", "total_credits"),
            **_each("node-hours", "total_spend current_month_spend"),
        }
    ),
    "Version": {**_thing(_each("text", "version")), "required": ["version"]},
    "Refusal": {
        "type": "object",
        "description": "Why a request was refused: a sentence in detail, or sentences by parameter.",
        "additionalProperties": {
            "anyOf": [said("text"), said("texts")],
        },
    },
}
"""Every schema but that of the usage row, by Waldur's names."""

FULL_USAGE: Final = _FULL_USAGE
"""The usage row with every key that ``field`` can choose."""
