"""Every parameter of Waldur's newest Python client: what it finds, or that it is said to be ignored; and chosen keys.

What a parameter must find is worked out from what staff are told without it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from waldur_api_client.api.openportal_allocations import openportal_allocations_list
from waldur_api_client.api.projects import projects_list
from waldur_api_client.api.users import users_me_retrieve
from waldur_api_client.client import AuthenticatedClient
from waldur_api_client.models.allocation_field_enum import AllocationFieldEnum
from waldur_api_client.models.core_states import CoreStates
from waldur_api_client.models.customer_field_enum import CustomerFieldEnum
from waldur_api_client.models.marketplace_provider_customer_project_o_enum import (
    MarketplaceProviderCustomerProjectOEnum as ProjectOrder,
)
from waldur_api_client.models.marketplace_service_provider_user_o_enum import (
    MarketplaceServiceProviderUserOEnum as UserOrder,
)
from waldur_api_client.models.project_field_enum import ProjectFieldEnum
from waldur_api_client.models.user_field_enum import UserFieldEnum
from waldur_api_client.models.user_me_field_enum import UserMeFieldEnum

from tests.faces.api.neighbours import (
    ACCOUNTS,
    ALLOCATIONS,
    ASSOCIATIONS,
    CUSTOMERS,
    NEIGHBOURS,
    NOBODYS,
    PROJECTS,
    REPORTS,
    USERS,
    Member,
    Neighbour,
    Place,
    by_key,
    operation,
    plain,
    same,
    served_world,
    whole,
)

FIELDS: dict[str, type[Enum]] = {
    ALLOCATIONS.name: AllocationFieldEnum,
    USERS.name: UserFieldEnum,
    CUSTOMERS.name: CustomerFieldEnum,
    PROJECTS.name: ProjectFieldEnum,
}
"""The keys that the client can choose from, where it can."""

each = pytest.mark.parametrize("of", NEIGHBOURS.values(), ids=NEIGHBOURS)


@pytest.fixture(scope="module")
def place(server_url: str, template: str) -> Iterator[Place]:
    with served_world(server_url, template) as found:
        yield found


@pytest.fixture(scope="module")
def staff(place: Place) -> Iterator[AuthenticatedClient]:
    with place.waldur_client("staff") as client:
        yield client


@pytest.fixture(scope="module")
def told(place: Place) -> dict[str, list[Member]]:
    """What staff are told: all there is."""
    with place.client("staff") as client:
        return {of.name: whole(client, of) for of in NEIGHBOURS.values()}


# ---------------------------------------------------------------------------------- parameters


class There(NamedTuple):
    """A ledger, and what staff are told of it."""

    place: Place
    told: Mapping[str, list[Member]]


class Given(NamedTuple):
    """The value of a parameter, and of which members it must hold; None: it is ignored, and named."""

    value: Any
    holds: Callable[[Member], bool] | None


def equal(key: str, value: Any) -> Given:
    sent = value.hex if isinstance(value, UUID) else value
    return Given(value, lambda member: member[key] == sent)


def part(*keys: str, value: str) -> Given:
    """Something that is in one of the keys, in upper case or lower."""
    return Given(
        value, lambda member: any(value.lower() in (member[key] or "").lower() for key in keys)
    )


def nothing(value: Any = "a") -> Given:
    return Given(value, lambda _: False)


def everything(value: Any) -> Given:
    return Given(value, lambda _: True)


def ignored(value: Any = "a") -> Given:
    return Given(value, None)


NOW = datetime.now(UTC)
ENDED = {"maths.gw4"}
"""The project whose only allocation ended long ago. A project without any has none that is active either."""


def of_allocations(there: There) -> dict[str, Given]:
    _, one, *_ = there.told[ALLOCATIONS.name]
    project, customer = UUID(one["project_uuid"]), UUID(one["customer_uuid"])
    return {
        "backend_id": equal("backend_id", "climate.brics"),
        "can_manage": nothing(True),
        "customer": equal("customer_uuid", customer),
        "customer_abbreviation": nothing(),
        "customer_name": part("customer_name", value="école"),
        "customer_native_name": nothing(),
        "customer_uuid": equal("customer_uuid", customer),
        "description": nothing(),
        "external_ip": nothing(),
        "is_active": Given(False, lambda member: member["backend_id"] in ENDED),
        "name": part("name", value="ICS ON T"),
        "name_exact": equal("name", "ocean.brics on isca"),
        "project": equal("project_uuid", project),
        "project_name": part("project_name", value="QU"),
        "project_uuid": equal("project_uuid", project),
        "service_settings_name": part("service_name", value="TIG"),
        "service_settings_uuid": equal("service_settings_uuid", UUID(one["service_settings_uuid"])),
        "state": everything([CoreStates.OK]),
    }


def of_associations(there: There) -> dict[str, Given]:
    address = there.told[ALLOCATIONS.name][0]["url"]
    return {
        "allocation": equal("allocation", address),
        "allocation_uuid": Given(
            UUID(there.told[ALLOCATIONS.name][0]["uuid"]),
            lambda member: member["allocation"] == address,
        ),
    }


def of_users(there: There) -> dict[str, Given]:
    project = next(
        key for key, one in there.place.tables.projects.items() if one.identifier == "maths.gw4"
    )
    organisation = there.place.tables.projects[project].organisation
    eyes, users = there.place.eyes("staff"), there.place.tables.users.items()
    of_project, of_organisation = (
        {uuid.hex for user, uuid in users if eyes.sees_tie(user, **of)}
        for of in ({"project": project}, {"organisation": organisation})
    )
    assert 0 < len(of_project) < len(of_organisation) < len(users)
    return {
        "agreement_date": ignored(NOW),
        "civil_number": nothing(),
        "customer_uuid": Given(
            there.place.tables.organisations[organisation],
            lambda member: member["uuid"] in of_organisation,
        ),
        "date_joined": ignored(NOW),
        "description": nothing(),
        "email": part("email", value="OB@"),
        "full_name": part("full_name", value="e ång"),
        "is_active": equal("is_active", False),
        "is_staff": equal("is_staff", True),
        "is_support": equal("is_support", True),
        "job_title": nothing(),
        "modified": ignored(NOW),
        "native_name": nothing(),
        "o": ignored([UserOrder.EMAIL]),
        "organization": nothing(),
        "organization_roles": ignored(),
        "phone_number": nothing(),
        "project_roles": ignored(),
        "project_uuid": Given(
            there.place.tables.projects[project].uuid, lambda member: member["uuid"] in of_project
        ),
        "query": part("username", "full_name", value="BO"),
        "registration_method": nothing(),
        "user_keyword": part("username", "full_name", value="heid"),
        "username": equal("username", "bob"),
        "username_list": Given(
            "bob, grace.gw4,", lambda member: member["username"] in {"bob", "grace.gw4"}
        ),
    }


def of_customers(_: There) -> dict[str, Given]:
    return {
        "abbreviation": nothing(),
        "accounting_is_running": ignored(True),
        "agreement_number": ignored(),
        "archived": ignored(True),
        "backend_id": ignored("brics"),
        "contact_details": ignored(),
        "current_user_has_project_create_permission": ignored(True),
        "current_user_has_role": ignored(["CUSTOMER.OWNER"]),
        "has_resources": ignored(),
        "is_call_managing_organization": ignored(True),
        "is_service_provider": ignored(True),
        "name": part("name", value="\\V"),
        "name_exact": equal("name", "Bristol Centre"),
        "native_name": nothing(),
        "o": ignored("name"),
        "organization_group_name": ignored(),
        "organization_group_uuid": ignored([NOBODYS]),
        "owned_by_current_user": ignored(True),
        "query": part("name", "slug", value="GW"),
        "registration_code": ignored(),
        "service_provider_uuid": ignored(NOBODYS),
        "slug": ignored("brics"),
        "user_uuid": ignored(NOBODYS),
    }


def of_projects(there: There) -> dict[str, Given]:
    customer = UUID(there.told[CUSTOMERS.name][1]["uuid"])
    return {
        "accounting_is_running": ignored(True),
        "affiliation_name": ignored(),
        "affiliation_uuid": ignored([NOBODYS]),
        "backend_id": ignored("climate.brics"),
        "can_admin": ignored(True),
        "can_manage": ignored(True),
        "conceal_finished_projects": ignored(True),
        "created": ignored(NOW),
        "created_before": ignored(NOW),
        "current_user_has_role": ignored(["PROJECT.MANAGER"]),
        "customer": Given([customer], lambda member: member["customer_uuid"] == customer.hex),
        "customer_abbreviation": nothing(),
        "customer_name": part("customer_name", value="l cen"),
        "customer_native_name": nothing(),
        "description": nothing(),
        "has_affiliation": ignored(True),
        "include_terminated": ignored(True),
        "is_removed": ignored(True),
        "modified": ignored(NOW),
        "modified_before": ignored(NOW),
        "name": part("name", value="ST"),
        "name_exact": equal("name", "maths.gw4"),
        "o": ignored([ProjectOrder.NAME]),
        "query": Given("ice", lambda member: member["name"] == "frost.brics"),
        "science_domain_uuid": ignored(NOBODYS),
        "science_sub_domain_uuid": ignored(NOBODYS),
        "slug": ignored("climate.brics"),
        "user_uuid": ignored(NOBODYS),
        "user_uuid_with_active_role": ignored(NOBODYS),
    }


def of_reports(there: There) -> dict[str, Given]:
    climate = next(one for one in there.told[PROJECTS.name] if one["name"] == "climate.brics")
    return {
        "is_complete": equal("is_complete", False),
        "month": equal("month", 2),
        "project_identifier": equal("project_identifier", "frost.brics"),
        "project_uuid": Given(
            UUID(climate["uuid"]), lambda member: member["project_identifier"] == "climate.brics"
        ),
        "resource": equal("resource", "tigris"),
        "year": equal("year", 2023),
    }


def of_accounts(there: There) -> dict[str, Given]:
    one = there.told[ACCOUNTS.name][0]
    return {
        "customer_uuid": equal("customer_uuid", UUID(one["customer_uuid"])),
        "is_active": Given(False, lambda member: member["project_name"] in {*ENDED, "empty.void"}),
        "project_uuid": equal("project_uuid", UUID(one["project_uuid"])),
    }


GIVEN = {
    ALLOCATIONS.name: of_allocations,
    ASSOCIATIONS.name: of_associations,
    USERS.name: of_users,
    CUSTOMERS.name: of_customers,
    PROJECTS.name: of_projects,
    REPORTS.name: of_reports,
    ACCOUNTS.name: of_accounts,
}


@each
def test_every_parameter_of_the_client_finds_what_it_says_or_is_named(
    place: Place, staff: AuthenticatedClient, told: dict[str, list[Member]], of: Neighbour
) -> None:
    """A filter on what the ledger does not know finds nothing."""
    every = told[of.name]
    table = GIVEN[of.name](There(place, told))
    offered = {*inspect.signature(operation(of, "list").sync).parameters}
    assert {*table} == offered - {"client", "field", "page", "page_size"}

    for name, (value, holds) in table.items():
        expected = every if holds is None else [one for one in every if holds(one)]
        reply = operation(of, "list").sync_detailed(client=staff, page_size=300, **{name: value})
        assert plain(reply.parsed) == same(expected), name
        assert plain(operation(of, "list").sync_all(client=staff, **{name: value})) == same(
            expected
        ), name
        assert operation(of, "count").sync(client=staff, **{name: value}) == len(expected), name
        assert reply.headers.get("X-Ignored-Parameters") == (name if holds is None else None), name


def test_the_other_truth_value_finds_the_others(
    staff: AuthenticatedClient, told: dict[str, list[Member]]
) -> None:
    for of in NEIGHBOURS.values():
        for name in of.truths:
            found = [
                plain(operation(of, "list").sync_all(client=staff, **{name: value}))
                for value in (True, False)
            ]
            every = same(told[of.name])
            assert sum(map(len, found)) == len(every), (of.name, name)
            assert all(one in every for one in found[0] + found[1])


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_states_any_is_found(
    staff: AuthenticatedClient, told: dict[str, list[Member]], order: int
) -> None:
    """The client takes a list and repeats the parameter; Waldur finds what is in any of them."""
    asked = [CoreStates.OK, CoreStates.ERRED][::order]

    found = openportal_allocations_list.sync_all(client=staff, state=asked)

    assert plain(found) == same(told[ALLOCATIONS.name])


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_customers_the_projects_of_any_are_found(
    staff: AuthenticatedClient, told: dict[str, list[Member]], order: int
) -> None:
    """The client takes a list and repeats the parameter."""
    asked = [one["uuid"] for one in told[CUSTOMERS.name][1:]][::order]
    expected = [one for one in told[PROJECTS.name] if one["customer_uuid"] in asked]

    found = projects_list.sync_all(client=staff, customer=[UUID(uuid) for uuid in asked])

    assert plain(found) == same(expected)


def test_customers_with_commas_between_them_are_several(
    place: Place, told: dict[str, list[Member]]
) -> None:
    """As Waldur reads them."""
    asked = [one["uuid"] for one in told[CUSTOMERS.name][1:]]
    expected = [one for one in told[PROJECTS.name] if one["customer_uuid"] in asked]

    with place.client("staff") as client:
        reply = client.get(PROJECTS.path, params={"customer": ",".join(asked), "page_size": 300})

    assert (reply.status_code, reply.json()) == (200, expected)


def test_a_state_that_nothing_is_in_finds_nothing(staff: AuthenticatedClient) -> None:
    for state in CoreStates:
        found = openportal_allocations_list.sync(client=staff, state=[state], page_size=300)
        assert bool(found) == (state is CoreStates.OK)


# --------------------------------------------------------------------------------- chosen keys


@pytest.mark.parametrize("name", FIELDS)
def test_each_key_can_be_chosen_alone(
    staff: AuthenticatedClient, told: dict[str, list[Member]], name: str
) -> None:
    """Of the list and of a member. What is no key of ours is named, and then all come."""
    of, first = NEIGHBOURS[name], told[name][0]
    whole_member = json.loads(
        operation(of, "retrieve").sync_detailed(client=staff, **by_key(of, first)).content
    )
    for field in FIELDS[name]:
        listed = operation(of, "list").sync_detailed(client=staff, field=[field], page_size=1)
        one = operation(of, "retrieve").sync_detailed(
            client=staff, field=[field], **by_key(of, first)
        )
        for reply, sent, item in (
            (listed, first, listed.parsed[0]),
            (one, whole_member, one.parsed),
        ):
            is_key = field.value in sent
            chosen = {field.value: sent[field.value]} if is_key else sent
            if is_key or field.value not in whole_member:
                assert same(item.to_dict()) == same(chosen), field
                ignored_one = reply.headers.get("X-Ignored-Parameters")
                assert ignored_one == (None if is_key else "field"), field


def test_a_key_that_only_a_member_has_is_named_when_the_list_has_nothing_of_it(
    place: Place,
) -> None:
    """Roles are told of one user at a time."""
    with place.client("staff") as client:
        reply = client.get(USERS.path, params={"field": "permissions"})

    is_told = all("permissions" in one for one in reply.json())
    assert is_told or reply.headers.get("X-Ignored-Parameters") == "field"


def test_each_key_of_oneself_can_be_chosen_alone(staff: AuthenticatedClient) -> None:
    sent = json.loads(users_me_retrieve.sync_detailed(client=staff).content)
    for field in UserMeFieldEnum:
        reply = users_me_retrieve.sync_detailed(client=staff, field=[field])
        chosen = {field.value: sent[field.value]} if field.value in sent else sent
        assert same(reply.parsed.to_dict()) == same(chosen)


def test_several_keys_come_in_their_own_order(staff: AuthenticatedClient) -> None:
    asked = [AllocationFieldEnum.UUID, AllocationFieldEnum.NODE_USAGE, AllocationFieldEnum.URL]
    reply = openportal_allocations_list.sync_detailed(client=staff, field=asked)

    assert {tuple(one) for one in json.loads(reply.content)} == {("url", "uuid", "node_usage")}
    assert len(openportal_allocations_list.sync_all(client=staff, field=asked)) == 10
