"""What comes of a run: what was posted, what went into quarantine, what was refused, and the verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from nodehours.ledger.post import MonthPosted
from nodehours.ledger.quarantine import Held
from nodehours.ledger.runs import Outcome, Verdict
from nodehours.terms.doubt import DoubtReason
from nodehours.terms.fault import Fault

_MAX_MESSAGES = 1000
_OF_MONTHS = ("posted", "unchanged", "kept", "waiting")


@dataclass(frozen=True, slots=True)
class ProjectPosted:
    """What a document did to one project's allocation; no months when it named no day."""

    document: str
    project: str
    months: list[MonthPosted]


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that was not taken in: what is wrong with it, why, and where in quarantine it is (None: nowhere).

    There is no ``reason`` for a document that cannot be read at all.
    """

    fault: Fault
    reason: DoubtReason | None = None
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run: the projects posted, and what was not taken in, in the order of the documents.

    ``id`` is the run's own in the ledger; 0 is that of several together.
    """

    id: int = 0
    is_dry: bool = False
    projects: list[ProjectPosted] = field(default_factory=list)
    left_out: list[Refused] = field(default_factory=list)

    def add(self, item: ProjectPosted | Refused) -> None:
        """Put what came of one project where it belongs."""
        if isinstance(item, ProjectPosted):
            self.projects.append(item)
        else:
            self.left_out.append(item)

    def add_all(self, other: Run) -> None:
        """Add all that came of another run."""
        self.projects.extend(other.projects)
        self.left_out.extend(other.left_out)

    @property
    def quarantined(self) -> list[Refused]:
        """What waits in quarantine for a decision, since this run or an earlier one."""
        return [one for one in self.left_out if one.held and not one.held.is_dropped]

    @property
    def dropped(self) -> list[Refused]:
        """What came again after staff had dropped it."""
        return [one for one in self.left_out if one.held and one.held.is_dropped]

    @property
    def refused(self) -> list[Refused]:
        """What could not even be kept."""
        return [one for one in self.left_out if one.held is None]

    @property
    def faults(self) -> list[Fault]:
        """Everything that was wrong, but for what staff dropped."""
        return [one.fault for one in self.left_out if not (one.held and one.held.is_dropped)]

    @property
    def months(self) -> list[MonthPosted]:
        """Every month of every project."""
        return [month for project in self.projects for month in project.months]

    @property
    def messages(self) -> list[str]:
        """What was wrong, a line for each."""
        return [
            self._line(one.fault, one.held)
            for one in self.left_out
            if not (one.held and one.held.is_dropped)
        ]

    def _line(self, fault: Fault, held: Held | None) -> str:
        if held is None:
            return f"refused: {fault}"
        if self.is_dry and held.is_new:
            return f"would be quarantined: {fault}"
        return f"quarantined {held.id}: {fault}"

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of what, by name."""
        months = self.months
        changed = sum(month.revision is not None for month in months)
        days = Counter({f"days_{name}": 0 for name in _OF_MONTHS})
        for month in months:
            for name in _OF_MONTHS:
                days[f"days_{name}"] += getattr(month, name)
        return {
            "projects": len({posted.project for posted in self.projects}),
            "months_posted": changed,
            "months_unchanged": len(months) - changed,
            **days,
            "quarantined": len(self.quarantined),
            "dropped": len(self.dropped),
            "refused": len(self.refused),
        }

    @property
    def outcome(self) -> Outcome:
        """The verdict, the counts and the messages to be written down."""
        verdict = Verdict.PARTIAL if self.faults else Verdict.COMPLETE
        return Outcome(verdict, self.counts, _limited(self.messages))

    def failed(self, sentence: str) -> Outcome:
        """Tell of a run that could not go on, and why."""
        return Outcome(Verdict.FAILED, self.counts, [*_limited(self.messages), sentence])


def _limited(messages: list[str]) -> list[str]:
    more = len(messages) - _MAX_MESSAGES
    return [*messages[:_MAX_MESSAGES], f"and {more} more"] if more > 0 else messages
