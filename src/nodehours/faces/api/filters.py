"""The filters of the usage list and of a usage row; unknown parameters are no filters (see ``forms.py``).

``as_of`` and ``modified_after`` are ours. What they mean is known to the ledger's clock only, so they are read in
``as_of.py``; what is wrong with them is named here, after the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final
from uuid import UUID

from nodehours.faces.api.forms import Form, read_link, read_uuid
from nodehours.faces.api.wire import ALLOCATIONS_PATH, USERS_PATH, Parameters
from nodehours.terms.row import UsageFilter

MONTHS: Final = range(1, 13)
YEARS: Final = range(32_768)
"""What Django's ``PositiveSmallIntegerField`` holds."""


_NONE: Final[Mapping[str, str]] = {}


def read_filters(params: Parameters, faults: Mapping[str, str] = _NONE) -> UsageFilter | None:
    """Return the filters among *params*, None if no row can match, or raise.

    Raises ``BadFilters`` or ``UnresolvableUrl``. *faults* are sentences on parameters that were
    read before, and are bad values like those found here.
    """
    form = Form(params)
    allocation = form.read("allocation", partial(read_link, ALLOCATIONS_PATH))
    allocation_uuid = form.read("allocation_uuid", read_uuid)
    user = form.read("user", partial(read_link, USERS_PATH))
    user_uuid = form.read("user_uuid", read_uuid)
    month = form.read_number("month", MONTHS)
    year = form.read_number("year", YEARS)
    form.judge(faults)
    if form.is_impossible or _disagree(allocation, allocation_uuid) or _disagree(user, user_uuid):
        return None
    return UsageFilter(
        allocation=allocation or allocation_uuid, user=user or user_uuid, year=year, month=month
    )


def _disagree(one: UUID | None, other: UUID | None) -> bool:
    return one is not None and other is not None and one != other
