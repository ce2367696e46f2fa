"""Days that are set aside: which days of a project are in quarantine, told by what they say.

The same day comes again every night, with others beside it, and in another order of its members; it is then the
record that is there already. What halved a total is doubted for as long as staff have not released it: days that
came meanwhile may have raised the total, and make it no more likely.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from nodehours.ledger.post import MonthPosted
from nodehours.ledger.quarantine import KeptRecord, kept_records
from nodehours.ledger.store import Connection
from nodehours.sources.document import Document
from nodehours.sources.openportal import Report
from nodehours.terms.content import day_sha256
from nodehours.terms.doubt import OF_DAYS, DoubtReason
from nodehours.terms.fault import Fault
from nodehours.terms.usage import Day, ProjectUsage


class _Aside(NamedTuple):
    """A record and the content hashes of its days."""

    record: KeptRecord
    days: frozenset[bytes]


class SetAside(NamedTuple):
    """Records of days that were not released: all of them, and the newest by each day's content hash."""

    by_day: dict[bytes, KeptRecord]
    records: list[_Aside]

    @property
    def halving(self) -> frozenset[bytes]:
        """The days that halved a total."""
        return frozenset(
            day for day, one in self.by_day.items() if one.reason == DoubtReason.HALVED.value
        )

    def find(self, day: date, whole: Day) -> KeptRecord | None:
        """Return the record that says this of *day*, if there is one."""
        return self.by_day.get(day_sha256(day, whole)) if self.by_day else None

    def believed(self, usage: ProjectUsage, months: Iterable[MonthPosted]) -> Iterator[int]:
        """Give the ids of those held records of which every day came again in *usage* and is doubted no more."""
        if not self.records:
            return
        doubted = {day for month in months for doubt in month.doubts for day in doubt.days}
        believed = {
            day_sha256(day, whole) for day, whole in usage.days.items() if day not in doubted
        }
        for record, days in self.records:
            if record.status == "held" and days <= believed:
                yield record.id


def held_days(connection: Connection, source: str, resource: str, project: str) -> SetAside:
    """Return the days of *project* that are in quarantine: held, or dropped."""
    reasons = [reason.value for reason in OF_DAYS]
    found = [
        _Aside(record, frozenset(_day_hashes(record)))
        for record in kept_records(connection, source, resource, project, reasons)
    ]
    return SetAside({day: record for record, days in found for day in days}, found)


def _day_hashes(record: KeptRecord) -> Iterator[bytes]:
    for item in Report(Document(f"record {record.id}", bytes(record.record), b"")):
        if not isinstance(item, Fault):
            yield from (day_sha256(day, whole) for day, whole in item.days.items())
