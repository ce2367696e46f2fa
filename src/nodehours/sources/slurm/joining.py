"""Records of one attempt made one, as ``merging`` does it, but as an expression: for files that nobody merged.

Attempts of unknown submission are named by their start, which is another one where records were cut off. Since a job
runs once at a time, ``sure`` makes one of those that overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import ibis
from ibis import _

from nodehours.sources.slurm.attempt import UNKNOWN_USER
from nodehours.sources.slurm.batches import SCHEMA

if TYPE_CHECKING:
    from ibis.expr.types import Table

_FIRST: Final = ("is_ended", "end")
_REST: Final = [name for name in SCHEMA.names if name not in {*_FIRST, "start", "waited"}]
_JOB: Final = ("cluster", "job")


def joined(records: Table) -> Table:
    """Return each attempt once: what was looked at last holds, the earliest start, and the wait until then."""
    keyed = records.mutate(begun=(records.submitted == 0).ifelse(records.start, 0))
    return _best(keyed, (*_JOB, "submitted", "begun"))


def sure(attempts: Table) -> Table:
    """Return each attempt once, also where some are of unknown submission: those that overlap another one of their job.

    They are joined as ``joined`` does it. What is known to be several attempts stays so, and one that overlaps several
    tells nothing more.
    """
    # Windows are dear, and nearly every job has one attempt.
    by_job = attempts.group_by(*_JOB)
    odd = by_job.having((_.count() > 1) & (_.submitted.min() == 0)).aggregate().select(*_JOB)
    return attempts.anti_join(odd, _JOB).union(_joined_spans(attempts.semi_join(odd, _JOB)))


def _joined_spans(attempts: Table) -> Table:
    spans = _spans(attempts)
    is_told = spans.submitted != 0
    told = is_told.cast("int64").sum().over(ibis.window(group_by=(*_JOB, "span")))
    known = spans.mutate(is_told=is_told, is_one=told <= 1)
    several = known.filter(~known.is_one, known.is_told).select(*SCHEMA.names)
    return several.union(_best(known.filter(known.is_one), (*_JOB, "span")))


def _spans(attempts: Table) -> Table:
    """Number the spans of time in which a job ran: attempts of one ``span`` overlap, or others in between do."""
    by_start = ["start", ibis.desc("end")]
    earlier = ibis.window(group_by=_JOB, order_by=by_start, rows=(None, -1))
    marked = attempts.mutate(ran_until=attempts.end.max().over(earlier))
    begins = (marked.ran_until.isnull() | (marked.ran_until <= marked.start)).cast("int64")
    marked = marked.mutate(begins=begins)
    # Of attempts that start together, the one comes first with which the span begins.
    so_far = ibis.window(group_by=_JOB, order_by=["start", ibis.desc("begins")], rows=(None, 0))
    return marked.mutate(span=marked.begins.sum().over(so_far))


def _best(records: Table, key: Sequence[str]) -> Table:
    told = [records.user != UNKNOWN_USER, records.account != "", records.tres != ""]
    weighed = [*_FIRST, *told, *_REST]
    latest = ibis.window(group_by=key, order_by=[ibis.desc(one) for one in weighed])
    earliest = ibis.window(group_by=key, order_by=[records.start, ibis.desc("waited")])
    ranked = records.mutate(
        place=ibis.row_number().over(latest),
        first=records.start.first().over(earliest),
        wait=records.waited.first().over(earliest),
    )
    best = ranked.filter(ranked.place == 0)
    return best.mutate(start=best.first, waited=best.wait).select(*SCHEMA.names)
