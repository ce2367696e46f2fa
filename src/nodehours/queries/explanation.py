"""What a figure is made of, as it is read: values without a question of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from nodehours.queries.attribution import Attribution
from nodehours.queries.clock import Snapshot
from nodehours.queries.versions import Version
from nodehours.terms.month import Month
from nodehours.terms.reckoned import RuleSince
from nodehours.terms.statement import State, state_of


class StatementFigure(NamedTuple):
    """A statement's total, by the names of then; ``revision``: it has said so since then.

    The total is None for those who do not see the whole allocation.
    """

    project: str
    resource: str
    node_seconds: int | None
    complete_days: int
    is_closed: bool
    is_restated: bool
    revision: int


class RowFigure(NamedTuple):
    """A usage row's figure, by the names of then; ``user`` is an internal id, None being nobody."""

    id: int
    user: int | None
    username: str
    full_name: str
    node_seconds: int
    revision: int


class KnownDay(NamedTuple):
    """What is known of a day: its own totals as reported, and whether it is known completely."""

    day: date
    is_complete: bool
    jobs: int
    wait_seconds: int
    node_seconds: int
    revision: int


class Used(NamedTuple):
    """A local user's day; ``components`` are seconds of the component itself, by its name."""

    day: date
    local_user: str
    node_seconds: int
    jobs: int
    wait_seconds: int
    revision: int
    components: Mapping[str, int]


class Origin(NamedTuple):
    """What brought some of the days: a revision (``recorded`` UTC), and the document of a run if there was one."""

    revision: int
    recorded: datetime
    kind: str
    reason: str
    run: int | None
    source: str | None
    document: str | None
    sha256: bytes | None


class Pending(NamedTuple):
    """A restatement of the statement that waits for a decision: its total then, and the days it would post."""

    id: int
    made: datetime
    reason: str
    former: int | None
    node_seconds: int
    days: Sequence[str]


class Quarantined(NamedTuple):
    """A record about the allocation that was not believed, and is not decided on."""

    id: int
    place: str
    reason: str
    sentence: str


class LocalUser(NamedTuple):
    """Whose a local user's usage was, and how much of it there was in the month, whoever's."""

    attribution: Attribution
    node_seconds: int


class Explanation(NamedTuple):
    """What a figure is made of. ``row`` None: it is the statement's total.

    ``rows`` are those of the statement that are told of; ``days`` those known of the month, none for who does not
    see the whole allocation; ``used`` the local users' days whose sum the figure is. ``local_users`` are those with
    usage in the month, of a row only those that its user claims, or that are nobody's as it is. ``rules`` are those by
    which the days of the statement were reckoned.
    """

    month: Month
    snapshot: Snapshot
    statement: StatementFigure
    row: RowFigure | None
    rows: list[RowFigure]
    days: list[KnownDay]
    used: list[Used]
    local_users: list[LocalUser]
    origins: list[Origin]
    versions: list[Version]
    pending: list[Pending]
    quarantined: list[Quarantined]
    rules: tuple[RuleSince, ...]

    @property
    def node_seconds(self) -> int:
        """The figure that is explained."""
        if self.row is not None:
            return self.row.node_seconds
        return self.statement.node_seconds or 0

    @property
    def state(self) -> State:
        """The state of the statement."""
        told = self.statement
        return state_of(
            self.month, told.complete_days, self.snapshot.instant, is_restated=told.is_restated
        )

    @property
    def adds_up(self) -> bool:
        """Whether the days come to the figure, to the second."""
        return sum(used.node_seconds for used in self.used) == self.node_seconds
