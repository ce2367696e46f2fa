"""Where the links of a usage row lead, and the lists beside them: what each is called on the wire, and who answers.

The keys are Waldur's. What a usage ledger cannot know is null where Waldur's clients read null, and else not there.
A resource is Waldur's service, an organisation its customer.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from nodehours.faces.api.filters import MONTHS, YEARS
from nodehours.faces.api.forms import (
    read_boolean,
    read_choice,
    read_link,
    read_never,
    read_nothing,
    read_text,
    read_uuid,
)
from nodehours.faces.api.listing import Filter, Listing
from nodehours.faces.api.wire import (
    ACCOUNTING_PATH,
    ALLOCATIONS_PATH,
    ASSOCIATIONS_PATH,
    CUSTOMERS_PATH,
    PROJECTS_PATH,
    REPORTS_PATH,
    allocation_url,
    customer_url,
    project_url,
    read_row_id,
)
from nodehours.queries.accounting import AccountingFilter, AccountingRow, list_accounting
from nodehours.queries.allocations import AllocationFilter, AllocationRow, list_allocations
from nodehours.queries.associations import AssociationFilter, AssociationRow, list_associations
from nodehours.queries.organisations import OrganisationFilter, OrganisationRow, list_organisations
from nodehours.queries.project_reports import ReportFilter, ReportRow, list_reports
from nodehours.queries.projects import ProjectFilter, ProjectRow, list_projects
from nodehours.terms.node_seconds import node_hours, whole_node_hours

Told = Mapping[str, object]

_STATES: Final = (
    *("CREATING", "CREATION_SCHEDULED", "DELETING", "DELETION_SCHEDULED"),
    *("ERRED", "OK", "UPDATE_SCHEDULED", "UPDATING"),
)
_UNKNOWN: Final = Filter(read_nothing)
"""A filter on what the ledger does not know."""


def _of(read: Any, of: str, *names: str) -> dict[str, Filter]:
    return dict.fromkeys(names, Filter(read, of))


# ---------------------------------------------------------------------------------- allocations

_ALLOCATION_NULLS: Final = (
    *("service_settings", "service_settings_error_message", "customer_native_name"),
    *("customer_abbreviation", "error_message", "error_traceback", "access_url"),
    *("marketplace_offering_uuid", "marketplace_offering_name", "marketplace_offering_type"),
    *("marketplace_offering_plugin_options", "marketplace_category_uuid"),
    *("marketplace_category_name", "marketplace_resource_uuid", "marketplace_plan_uuid"),
    *("marketplace_resource_state", "is_usage_based", "is_limit_based"),
)


def wire_allocation(row: AllocationRow, base: str) -> Told:
    """Say an allocation; ``node_limit`` is in whole node-hours, ``node_usage`` that of the month that runs."""
    return {
        "url": allocation_url(base, row.uuid),
        "uuid": row.uuid.hex,
        "name": row.name,
        "description": "",
        "service_name": row.resource_name,
        "service_settings_uuid": row.resource.hex,
        "service_settings_state": "OK",
        "project": project_url(base, row.project),
        "project_name": row.project_identifier,
        "project_uuid": row.project.hex,
        "customer": customer_url(base, row.organisation),
        "customer_uuid": row.organisation.hex,
        "customer_name": row.organisation_name,
        "resource_type": "OPENPORTAL.Allocation",
        "state": "OK",
        "created": row.created,
        "modified": row.modified,
        "backend_id": row.project_identifier,
        "node_limit": None if row.node_limit is None else whole_node_hours(row.node_limit),
        "groupname": row.local_group,
        "node_usage": None if row.node_usage is None else node_hours(row.node_usage),
        "is_active": row.is_active,
        **dict.fromkeys(_ALLOCATION_NULLS),
    }


ALLOCATIONS: Final = Listing(
    path=ALLOCATIONS_PATH,
    kind="Allocation",
    filters={
        **_of(read_text, "project_identifier", "backend_id"),
        "can_manage": Filter(read_never),
        **_of(read_uuid, "organisation", "customer", "customer_uuid"),
        **dict.fromkeys(("customer_abbreviation", "customer_native_name"), _UNKNOWN),
        **_of(read_text, "organisation_name", "customer_name"),
        **dict.fromkeys(("description", "external_ip"), _UNKNOWN),
        **_of(read_boolean, "is_active", "is_active"),
        **_of(read_text, "name", "name"),
        **_of(read_text, "name_exact", "name_exact"),
        **_of(read_uuid, "project", "project", "project_uuid"),
        **_of(read_text, "project_name", "project_name"),
        **_of(read_text, "resource_name", "service_settings_name"),
        **_of(read_uuid, "resource", "service_settings_uuid"),
        "state": Filter(partial(read_choice, _STATES, "OK"), is_several=True),
    },
    nothing=AllocationFilter(),
    ask=list_allocations,
    keys=(
        *("url", "uuid", "name", "description", "service_name", "service_settings_uuid"),
        *("service_settings_state", "project", "project_name", "project_uuid", "customer"),
        *("customer_uuid", "customer_name", "resource_type", "state", "created", "modified"),
        *("backend_id", "node_limit", "groupname", "node_usage", "is_active", *_ALLOCATION_NULLS),
    ),
    wire=wire_allocation,
)

# --------------------------------------------------------------------------------- associations


def wire_association(row: AssociationRow, base: str) -> Told:
    """Say an association; ``username`` is the local user."""
    return {
        "uuid": row.uuid.hex,
        "username": row.local_user,
        "groupname": row.local_group,
        "useridentifier": row.user_identifier,
        "allocation": allocation_url(base, row.allocation),
    }


ASSOCIATIONS: Final = Listing(
    path=ASSOCIATIONS_PATH,
    kind="Association",
    filters={
        **_of(partial(read_link, ALLOCATIONS_PATH), "allocation", "allocation"),
        **_of(read_uuid, "allocation", "allocation_uuid"),
    },
    nothing=AssociationFilter(),
    ask=list_associations,
    keys=("uuid", "username", "groupname", "useridentifier", "allocation"),
    wire=wire_association,
)

# ------------------------------------------------------------------------------------ customers


def wire_customer(row: OrganisationRow, base: str) -> Told:
    """Say an organisation."""
    return {
        "url": customer_url(base, row.uuid),
        "uuid": row.uuid.hex,
        "created": row.created,
        "display_name": row.name,
        "name": row.name,
        "slug": row.identifier,
        "native_name": None,
        "abbreviation": None,
        "description": None,
        "backend_id": row.identifier,
        "projects_count": row.projects,
        "users_count": row.users,
    }


CUSTOMERS: Final = Listing(
    path=CUSTOMERS_PATH,
    kind="Customer",
    filters={
        **dict.fromkeys(("abbreviation", "native_name", "description"), _UNKNOWN),
        **_of(read_text, "name", "name"),
        **_of(read_text, "name_exact", "name_exact"),
        **_of(read_text, "query", "query"),
    },
    nothing=OrganisationFilter(),
    ask=list_organisations,
    keys=(
        *("url", "uuid", "created", "display_name", "name", "slug", "native_name"),
        *("abbreviation", "description", "backend_id", "projects_count", "users_count"),
    ),
    wire=wire_customer,
)

# ------------------------------------------------------------------------------------- projects


def wire_project(row: ProjectRow, base: str) -> Told:
    """Say a project; ``start_date`` and ``end_date`` are those of its allocations."""
    return {
        "url": project_url(base, row.uuid),
        "uuid": row.uuid.hex,
        "name": row.identifier,
        "slug": row.identifier,
        "customer": customer_url(base, row.organisation),
        "customer_uuid": row.organisation.hex,
        "customer_name": row.organisation_name,
        "customer_slug": row.organisation_identifier,
        "customer_native_name": None,
        "customer_abbreviation": None,
        "description": None,
        "created": row.created,
        "backend_id": row.identifier,
        "start_date": row.starts,
        "end_date": row.ends,
        "resources_count": row.allocations,
        "is_removed": False,
    }


PROJECTS: Final = Listing(
    path=PROJECTS_PATH,
    kind="Project",
    filters={
        "customer": Filter(read_uuid, "organisations", is_several=True),
        **_of(read_uuid, "organisation", "customer_uuid"),
        **dict.fromkeys(("customer_abbreviation", "customer_native_name"), _UNKNOWN),
        **_of(read_text, "organisation_name", "customer_name"),
        "description": _UNKNOWN,
        **_of(read_text, "name", "name"),
        **_of(read_text, "name_exact", "name_exact"),
        **_of(read_text, "query", "query"),
    },
    nothing=ProjectFilter(),
    ask=list_projects,
    keys=(
        *("url", "uuid", "name", "slug", "customer", "customer_uuid", "customer_name"),
        *("customer_slug", "customer_native_name", "customer_abbreviation", "description"),
        *("created", "backend_id", "start_date", "end_date", "resources_count", "is_removed"),
    ),
    wire=wire_project,
)

# -------------------------------------------------------------------------------------- reports


def wire_report(row: ReportRow, _base: str) -> Told:
    """Say the OpenPortal report of a project on one resource in one month; seconds are node-seconds."""
    return {
        "id": row.id,
        "year": row.year,
        "month": row.month,
        "project_identifier": row.project_identifier,
        "resource": row.resource,
        "report": row.report,
        "is_complete": row.is_complete,
    }


REPORTS: Final = Listing(
    path=REPORTS_PATH,
    kind="CachedProjectUsageReport",
    filters={
        **_of(read_boolean, "is_complete", "is_complete"),
        **_of(MONTHS, "month", "month"),
        **_of(read_text, "project_identifier", "project_identifier"),
        **_of(read_uuid, "project", "project_uuid"),
        **_of(read_text, "resource", "resource"),
        **_of(YEARS, "year", "year"),
    },
    nothing=ReportFilter(),
    ask=list_reports,
    keys=("id", "year", "month", "project_identifier", "resource", "report", "is_complete"),
    wire=wire_report,
    key="id",
    read_key=read_row_id,
)

# ----------------------------------------------------------------------------------- accounting


def wire_account(row: AccountingRow, _base: str) -> Told:
    """Say what a project was granted and what it used; the amounts are node-hours, as the ledger knows no money."""
    return {
        "project_uuid": row.project.hex,
        "project_name": row.project_identifier,
        "customer_uuid": row.organisation.hex,
        "customer_name": row.organisation_name,
        "start_date": row.starts,
        "end_date": row.ends,
        "total_credits": None if row.limit is None else node_hours(row.limit),
        "total_spend": node_hours(row.total),
        "current_month_spend": node_hours(row.current_month),
    }


ACCOUNTING: Final = Listing(
    path=ACCOUNTING_PATH,
    kind="Project",
    filters={
        **_of(read_uuid, "organisation", "customer_uuid"),
        **_of(read_boolean, "is_active", "is_active"),
        **_of(read_uuid, "project", "project_uuid"),
    },
    nothing=AccountingFilter(),
    ask=list_accounting,
    keys=(
        *("project_uuid", "project_name", "customer_uuid", "customer_name", "start_date"),
        *("end_date", "total_credits", "total_spend", "current_month_spend"),
    ),
    wire=wire_account,
    key="project",
)
