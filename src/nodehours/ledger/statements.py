"""Telling a statement: from its days and who had which local user to its rows, under a new revision.

Everything that changes a statement goes through here: postings, accepted restatements, and changes in who is
who. Into a closed month nothing is written unless it was accepted: it waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from nodehours.ledger.clock import Change
from nodehours.ledger.days import known_days, known_digests, write_days
from nodehours.ledger.directory import Allocation, Associations
from nodehours.ledger.errors import UnpostableError
from nodehours.ledger.pending import (
    NOTHING,
    Proposal,
    Waiting,
    find_waiting,
    propose,
    withdraw,
)
from nodehours.ledger.rows import StatementRows, known_rows, write_rows
from nodehours.ledger.store import Connection
from nodehours.terms.content import digest
from nodehours.terms.days import DayDigest, Settled, settle
from nodehours.terms.doubt import Doubt, Limits
from nodehours.terms.month import Month
from nodehours.terms.node_seconds import MAX_NODE_SECONDS
from nodehours.terms.restatement import reason_of
from nodehours.terms.statement import State, Statement, state_of, summed
from nodehours.terms.usage import Day

_FIND_STATEMENT = """
select statements.node_seconds, complete_days, is_closed, is_restated, usage_rows.node_seconds
from statements join usage_rows using (allocation_id, year, month)
where allocation_id = %s and year = %s and month = %s and user_id is null
"""
_IS_CLOSED = """
select exists (
    select from closings
    join allocations on allocations.id = %s
    join projects on projects.id = allocations.project_id
    where (closings.project_id = projects.id or closings.organisation_id = projects.organisation_id)
    and closings.year = %s and closings.month = %s and reopened_revision is null
)
"""
_ADD_POSTING = """
insert into postings (revision, allocation_id, year, month, former_node_seconds, node_seconds)
values (%s, %s, %s, %s, %s, %s)
"""
_WRITE_STATEMENT = """
insert into statements (allocation_id, year, month, node_seconds, complete_days, is_closed, is_restated,
                        count_revision, revision)
values (%(allocation)s, %(year)s, %(month)s, %(total)s, %(complete_days)s, %(is_closed)s, %(is_restated)s,
        %(revision)s, %(revision)s)
on conflict (allocation_id, year, month) do update
set node_seconds = excluded.node_seconds, complete_days = excluded.complete_days,
    is_restated = excluded.is_restated, revision = excluded.revision
"""
_SEAL = """
update statements set sha256 = statement_sha256(allocation_id, year, month, revision)
where allocation_id = %s and year = %s and month = %s
"""


@dataclass(frozen=True, slots=True)
class MonthPosted:
    """What a report did to one month; figures in node-seconds.

    ``posted``, ``unchanged`` and ``kept`` count days; days that staff declined are kept. ``waiting`` counts the days
    that newly wait because the month is closed, and ``pending`` is the id under which they do (None: nothing new
    waits); ``still_waiting`` is that of what waited before and waits on. ``doubts`` are about days that were not
    believed. ``revision`` is None when nothing changed; ``former`` is None for a month not seen before.
    """

    month: Month
    posted: int
    unchanged: int
    kept: int
    unattributed: int
    former: int | None
    total: int
    complete_days: int
    revision: int | None
    is_closed: bool = False
    is_restated: bool = False
    waiting: int = 0
    pending: int | None = None
    still_waiting: int | None = None
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """A statement as it stands; one that is not there yet has nothing in it."""

    node_seconds: int | None
    complete_days: int
    is_closed: bool
    is_restated: bool
    unattributed: int


@dataclass(frozen=True, slots=True)
class Telling:
    """From what, and for which change, the statements of one allocation are told.

    With ``limits``, days that cannot be true are set aside. ``accepted``: a closed month is written to.
    ``last_word``: what is told of a day replaces whatever is known of it.
    """

    change: Change
    allocation: Allocation
    associations: Associations
    limits: Limits | None = None
    accepted: bool = False
    last_word: bool = False

    @property
    def connection(self) -> Connection:
        """The connection whose transaction it is."""
        return self.change.connection


@dataclass(frozen=True, slots=True)
class _Told:
    """A statement told anew: the days that change, those that were known, its sums and its rows."""

    changed: Mapping[date, Day]
    known: Mapping[date, Day]
    statement: Statement
    rows: StatementRows

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.changed) or self.rows.has_changes

    @property
    def has_new_figures(self) -> bool:
        """Whether a figure changes, and not only a name."""
        return bool(self.changed) or self.rows.has_new_figures


def post_month(
    telling: Telling, month: Month, reported: Mapping[date, Day], *, retold: bool = False
) -> MonthPosted:
    """Post the *reported* days of *month*; *retold*: even without any, since who has a local user has changed."""
    page = _Page.opened(telling, month)
    waiting = page.waiting()
    settled = page.settled(reported, waiting)
    changed = {day: reported[day] for day in reported if settled[day] is Settled.POSTED}
    doubts = page.doubts(changed, waiting)
    changed = _without(changed, doubts)
    told = page.told(changed, waiting) if changed or retold else None
    counts = Counter(settled.values())
    written = sum(day in told.changed for day in changed) if told else 0
    return replace(
        page.written(told, waiting),
        posted=0 if page.is_frozen else written,
        waiting=written if page.is_frozen else 0,
        # What goes back from what waited to what the ledger says leaves the ledger as it is.
        unchanged=counts[Settled.UNCHANGED] + len(changed) - written,
        kept=counts[Settled.KEPT],
        doubts=tuple(doubts),
    )


def accept_month(telling: Telling, month: Month, days: Mapping[date, Day]) -> MonthPosted:
    """Write the *days* that staff accepted, as far as they differ from what is known."""
    page = _Page.opened(telling, month)
    changed = {
        day: whole for day, whole in days.items() if page.digests.get(day) != digest(day, whole)
    }
    done = page.written(page.told(changed, NOTHING), NOTHING)
    return replace(done, posted=len(changed), unchanged=len(days) - len(changed))


def _without(changed: dict[date, Day], doubts: list[Doubt]) -> dict[date, Day]:
    doubted = frozenset[date]().union(*(doubt.days for doubt in doubts))
    return {day: whole for day, whole in changed.items() if day not in doubted}


@dataclass(frozen=True, slots=True)
class _Page:
    """One month of an allocation, open before whoever tells it."""

    telling: Telling
    month: Month
    known: _Known
    digests: dict[date, DayDigest]

    @classmethod
    def opened(cls, telling: Telling, month: Month) -> _Page:
        """Read what is known of *month*."""
        key = (telling.allocation.id, month.year, month.month)
        found = telling.connection.execute(_FIND_STATEMENT, key).fetchone()
        if found:
            known = _Known(*found)
        else:
            ((is_closed,),) = telling.connection.execute(_IS_CLOSED, key)
            known = _Known(None, 0, is_closed, is_restated=False, unattributed=0)
        digests = known_digests(telling.connection, telling.allocation.id, month)
        return cls(telling, month, known, digests)

    @property
    def key(self) -> tuple[int, int, int]:
        """What the statement is of: allocation, year, month."""
        return self.telling.allocation.id, self.month.year, self.month.month

    @property
    def is_frozen(self) -> bool:
        """Whether what is posted has to wait."""
        return self.known.is_closed and not self.telling.accepted

    def waiting(self) -> Waiting:
        """Return what waits for a decision already."""
        if not self.is_frozen:
            return NOTHING
        return find_waiting(self.telling.connection, self.telling.allocation.id, self.month)

    def settled(self, reported: Mapping[date, Day], waiting: Waiting) -> dict[date, Settled]:
        """Decide what becomes of each of the *reported* days, beside what waits and what was declined."""
        expected = self._expected(waiting)
        settled: dict[date, Settled] = {}
        for day, whole in reported.items():
            told = digest(day, whole)
            is_declined = waiting.is_declined(day, told) and day not in waiting.days
            settled[day] = (
                Settled.KEPT
                if is_declined
                else settle(expected.get(day), told, last_word=self.telling.last_word)
            )
        return settled

    def told(self, changed: Mapping[date, Day], waiting: Waiting) -> _Told:
        """Tell the statement anew with the *changed* days and those that wait, but nothing that was declined.

        Raises ``UnpostableError`` when the ledger cannot keep the total.
        """
        telling = self.telling
        whole_days = {**waiting.days, **changed}
        known = known_days(telling.connection, telling.allocation.id, self.month, whole_days.keys())
        changed = {
            day: whole
            for day, whole in whole_days.items()
            if known.get(day) != whole and not waiting.is_declined(day, digest(day, whole))
        }
        statement = summed({**known, **changed}.values(), telling.associations.by_person())
        if statement.total > MAX_NODE_SECONDS:
            raise UnpostableError(
                f"the total of {self.month} is {statement.total} node-seconds, more than the ledger can keep"
            )
        former = known_rows(telling.connection, telling.allocation.id, self.month)
        rows = StatementRows.of(
            statement, telling.associations.user_ids, former, telling.allocation.project
        )
        return _Told(changed, known, statement, rows)

    def doubts(self, changed: Mapping[date, Day], waiting: Waiting) -> list[Doubt]:
        """Return why some of the *changed* days cannot be believed beside what is known and what waits."""
        if (limits := self.telling.limits) is None:
            return []
        return limits.doubts(self.month, changed, self.digests, self._expected(waiting))

    def _expected(self, waiting: Waiting) -> dict[date, DayDigest]:
        return self.digests | {day: digest(day, waiting.days[day]) for day in waiting.days}

    def written(self, told: _Told | None, waiting: Waiting) -> MonthPosted:
        """Write what was *told*, or have it wait when the month is closed."""
        if self.is_frozen:
            return self._waiting(told, waiting)
        if told is None or not told.has_changes:
            return self._unchanged()
        return self._write(told)

    def _unchanged(self) -> MonthPosted:
        known = self.known
        return MonthPosted(
            self.month, 0, 0, 0, known.unattributed, known.node_seconds, known.node_seconds or 0,
            known.complete_days, None, known.is_closed, known.is_restated,
        )  # fmt: skip

    def _waiting(self, told: _Told | None, waiting: Waiting) -> MonthPosted:
        unchanged, origin = self._unchanged(), self.telling.change.origin
        if told is None:
            return replace(unchanged, still_waiting=waiting.id)
        if not told.has_changes:
            withdraw(self.telling.connection, waiting, origin)
            return unchanged
        proposal = Proposal(
            told.changed,
            told.rows.figures,
            self.known.node_seconds,
            told.statement.total,
            reason_of(told.known, told.changed),
        )
        if proposal.sha256 == waiting.sha256:
            return replace(unchanged, still_waiting=waiting.id)
        made = propose(self.telling.connection, self.key, proposal, waiting, origin)
        return replace(unchanged, pending=made)

    def _write(self, told: _Told) -> MonthPosted:
        revision = self.telling.change.next_revision(reason_of(told.known, told.changed))
        execute, statement = self.telling.connection.execute, told.statement
        is_restated = self._is_restated(told)
        execute(_ADD_POSTING, [revision, *self.key, self.known.node_seconds, statement.total])
        execute(
            _WRITE_STATEMENT,
            {
                "allocation": self.telling.allocation.id,
                "year": self.month.year,
                "month": self.month.month,
                "total": statement.total,
                "complete_days": statement.complete_days,
                "is_closed": self.known.is_closed,
                "is_restated": is_restated,
                "revision": revision,
            },
        )
        allocation = self.telling.allocation.id
        write_days(self.telling.connection, allocation, told.changed, told.known, revision)
        write_rows(self.telling.connection, self.key, told.rows, revision)
        execute(_SEAL, self.key)
        return MonthPosted(
            self.month, 0, 0, 0, statement.unattributed, self.known.node_seconds, statement.total,
            statement.complete_days, revision, self.known.is_closed, is_restated,
        )  # fmt: skip

    def _is_restated(self, told: _Told) -> bool:
        """A month that was complete is restated from its first changed figure on."""
        if self.known.is_restated or self.known.node_seconds is None:
            return self.known.is_restated
        state = state_of(self.month, self.known.complete_days, datetime.now(UTC))
        return state is State.COMPLETE and told.has_new_figures
