"""Records of one attempt made one, as ``merging`` does it, but as an expression: for files that nobody merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import ibis

from nodehours.sources.slurm.batches import SCHEMA

if TYPE_CHECKING:
    from ibis.expr.types import Table

_FIRST: Final = ("is_ended", "end")
_WEIGHED: Final = (
    *_FIRST, *(name for name in SCHEMA.names if name not in {*_FIRST, "start", "waited"})
)  # fmt: skip
_KEY: Final = ("cluster", "job", "submitted", "begun")


def joined(records: Table) -> Table:
    """Return each attempt once: what was looked at last holds, the earliest start, and the wait until then."""
    keyed = records.mutate(begun=(records.submitted == 0).ifelse(records.start, 0))
    latest = ibis.window(group_by=_KEY, order_by=[ibis.desc(name) for name in _WEIGHED])
    earliest = ibis.window(group_by=_KEY, order_by=[keyed.start, ibis.desc("waited")])
    ranked = keyed.mutate(
        place=ibis.row_number().over(latest),
        first=keyed.start.first().over(earliest),
        wait=keyed.waited.first().over(earliest),
    )
    best = ranked.filter(ranked.place == 0)
    return best.mutate(start=best.first, waited=best.wait).select(*SCHEMA.names)
