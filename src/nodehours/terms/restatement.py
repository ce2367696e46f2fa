"""Why a statement changed, when nobody said so: read off the days that changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from nodehours.terms.usage import Day

FIRST_REPORT = "first report"
ANOTHER_RULE = "another rule"
MORE_DAYS = "more days"
LATE_JOBS = "late jobs"
CORRECTION = "correction"
ASSOCIATIONS = "users known anew"


def reason_of(known: Mapping[date, Day], changed: Mapping[date, Day]) -> str:
    """Tell in a word or two why a statement of the *known* days is told anew with the *changed* ones.

    Days that were known by another rule are told anew by ``another rule``, whatever else changed. Days that were not
    known, or not completely, are ``more days``. When complete ones changed, it is ``late jobs`` if they rose, and a
    ``correction`` if they did not.
    """
    if not changed:
        return ASSOCIATIONS
    if not known:
        return FIRST_REPORT
    if any(day in known and whole.rule != known[day].rule for day, whole in changed.items()):
        return ANOTHER_RULE
    restated = [day for day in changed if day in known and known[day].is_complete]
    if not restated:
        return MORE_DAYS
    rise = sum(changed[day].node_seconds - known[day].node_seconds for day in restated)
    return LATE_JOBS if rise > 0 else CORRECTION
