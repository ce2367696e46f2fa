"""The ledger beside what Slurm rolled up, each difference with its causes: ``reconcile --against sreport``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from nodehours.faces.cli.slurm_told import LIVE, Asking, Told, ask
from nodehours.faces.cli.store import asked, ledger
from nodehours.intake.slurm import DEFAULT_RULE, Wanted
from nodehours.ledger.errors import UnknownNameError
from nodehours.ledger.inventory import list_resources
from nodehours.ledger.post import current_revision
from nodehours.ledger.reckoning import ResourceRules, rules_of
from nodehours.queries.access import operator_scope
from nodehours.queries.figures import former_names
from nodehours.queries.pool import Connection
from nodehours.queries.reckoned import COMPONENTS, ReckonedFigures, reckoned_figures
from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.archive import opened_archive
from nodehours.sources.slurm.beside import Cell, Sides, compare, told_twice
from nodehours.sources.slurm.portions import Jobs
from nodehours.sources.slurm.rolled_up import HOUR, Period, RolledUp
from nodehours.terms.calendar import Calendar, read_zone
from nodehours.terms.fault import Fault
from nodehours.terms.month import Month
from nodehours.terms.rule import NODE, Kind, Rule


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: ``files`` of sreport's output, or ``live`` alone for Slurm itself, and how to read them.

    Empty ``months``, ``projects`` and ``tres`` ask for all; ``zone`` None is the resource's own.
    """

    files: Sequence[str]
    wanted: Wanted
    months: frozenset[Month] = frozenset()
    projects: frozenset[str] = frozenset()
    tres: str = ""
    clusters: Sequence[str] = ()
    zone: ZoneInfo | None = None
    reservations: Sequence[str] = ()
    patience: float = 600

    @property
    def is_live(self) -> bool:
        """Whether Slurm itself is asked."""
        return list(self.files) == [LIVE]


@dataclass(slots=True)
class Beside:
    """What came of it: cells, in the order of periods, and what a reader should know."""

    resource: str
    revision: int = 0
    cells: list[Cell] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        """Whether something was compared, all of it could be read, and nothing is left unexplained."""
        whole = all(cell.explained.is_whole for cell in self.cells)
        return bool(self.cells) and whole and not self.faults

    def note(self, sentence: str) -> None:
        """Note what a reader should know; once is enough."""
        self.notes[sentence] = None


@dataclass(frozen=True, slots=True)
class _Setting:
    """What holds for all periods."""

    question: Question
    rules: ResourceRules
    zone: ZoneInfo
    jobs: Jobs | None
    told: Told


def beside_slurm(question: Question) -> Beside:
    """Read what Slurm says, compare it with the ledger, and explain.

    Raises ``SacctError`` when Slurm does not answer, ``UnreadableError`` when the archive cannot be used.
    """
    found = Beside(question.wanted.resource)
    with ledger() as connection:
        if question.wanted.resource not in {one.name for one in list_resources(connection)}:
            raise UnknownNameError(
                f"there is no resource {question.wanted.resource}: see `nodehours resource list`"
            )
        rules = rules_of(connection, question.wanted.resource)
        found.revision = current_revision(connection)
    zone = question.zone or read_zone(rules.time_zone)
    with _jobs(question.wanted, found) as jobs:
        told = _told(question, rules, zone, jobs)
        setting = _Setting(question, rules, zone, jobs, told)
        found.faults += told.faults
        for period, outputs in sorted(_by_period(told.outputs, question.months).items()):
            try:
                _compare(setting, period, outputs, found)
            except UnreadableError as error:
                found.faults.append(Fault(outputs[0].name, str(error)))
    _note_reserved(found, told)
    return found


@contextmanager
def _jobs(wanted: Wanted, found: Beside) -> Iterator[Jobs | None]:
    """Open the archive, if there is one: to look for it must not make one."""
    if not (directory := Path(wanted.archive)).exists():
        found.note(f"there is no archive of jobs in {directory}, which would tell causes")
        yield None
        return
    with opened_archive(directory) as archive:
        yield Jobs(archive)


def _told(question: Question, rules: ResourceRules, zone: ZoneInfo, jobs: Jobs | None) -> Told:
    if question.is_live:
        clusters = question.clusters or (sorted(jobs.archive.clusters) if jobs else ())
        asking = Asking(clusters, _tres(question, rules), zone, question.patience)
        told = ask(asking, question.months)
    else:
        told = Told()
        for name in question.files:
            told.read(name)
    for name in question.reservations:
        told.read_reserved(name, zone)
    return told


def _tres(question: Question, rules: ResourceRules) -> list[str]:
    """Name the TRES that sreport is asked for."""
    if question.tres:
        return [question.tres]
    counted = (Rule.parse(one.rule) for one in rules.rules)
    named = [one.tres for one in counted if one.kind is Kind.TRES]
    return list(dict.fromkeys([NODE, *COMPONENTS.values(), *named]))


def _by_period(
    outputs: Sequence[RolledUp], months: frozenset[Month]
) -> Mapping[Period, list[RolledUp]]:
    found: dict[Period, list[RolledUp]] = defaultdict(list)
    for one in outputs:
        if not months or one.period.month in months:
            found[one.period].append(one)
    return found


def _compare(setting: _Setting, period: Period, outputs: Sequence[RolledUp], found: Beside) -> None:
    question = setting.question
    span = period.span(Calendar(setting.zone))
    ours, former = _ours(setting, period)
    found.revision = ours.revision
    # A table without lines does not say of which TRES it is.
    told = set().union(*(one.tres for one in outputs)) or {ours.main, *COMPONENTS.values()}
    _note(setting, period, ours, told, found)
    uses = [use for one in outputs for use in one.uses]
    for use in told_twice(uses):
        sentence = f"{use.account} {use.user} {period} {use.tres} is told twice"
        found.faults.append(Fault(outputs[0].name, sentence))

    def project_of(account: str, cluster: str) -> str:
        name = str(question.wanted.accounts.project_of(account, cluster))
        return former.get(name, name)

    calendar = Calendar(read_zone(setting.rules.time_zone))
    days = calendar.start_of(period.first), calendar.start_of(period.last + timedelta(1))
    sides = Sides(
        period, span, days, _compared(question, ours, told), uses, ours.figures, project_of,
        setting.jobs, setting.told.reserved, _is_certain(setting, period, span[1]),
        _changes(setting.rules, calendar),
    )  # fmt: skip
    cells = compare(sides)
    projects = {former.get(name, name) for name in question.projects}
    found.cells += [one for one in cells if not projects or one.project in projects]


def _changes(rules: ResourceRules, calendar: Calendar) -> Mapping[int, bool]:
    """Return from which second on only last attempts count, or all."""
    known = [Rule.parse(one.rule).only_last for one in rules.rules]
    starts = [0, *(calendar.start_of(one.since) for one in rules.rules[1:])]
    return dict(zip(starts, known, strict=False))


def _is_certain(setting: _Setting, period: Period, end: int) -> bool:
    """Whether it cannot be that the last hour of *period* was not rolled up."""
    asked_at = setting.told.asked_at
    return period.is_whole if asked_at is None else end + HOUR <= asked_at


def _ours(setting: _Setting, period: Period) -> tuple[ReckonedFigures, Mapping[str, str]]:
    since = [one.rule for one in setting.rules.rules if one.since <= period.last]
    rule = since[-1] if since else str(DEFAULT_RULE)

    async def work(connection: Connection) -> tuple[ReckonedFigures, Mapping[str, str]]:
        scope, resource = operator_scope(), setting.question.wanted.resource
        days = period.first, period.last
        found = await reckoned_figures(connection, scope, resource, *days, rule)
        return found, await former_names(connection, scope)

    return asked(work)


def _compared(question: Question, ours: ReckonedFigures, told: set[str]) -> list[str]:
    """Name the TRES that both sides tell: first the one that node-seconds are of."""
    known = [one for one in dict.fromkeys([ours.main, *COMPONENTS.values()]) if one in told]
    return [one for one in known if question.tres in {"", one}]


def _note(
    setting: _Setting, period: Period, ours: ReckonedFigures, told: set[str], found: Beside
) -> None:
    resource = found.resource
    if ours.held:
        found.note(
            f"{ours.held} records of {resource} wait in quarantine: what they used is not in the ledger"
            " (nodehours quarantine list)"
        )
    if "" in ours.rules:
        found.note(f"{period}: some days are as they were reported, not reckoned from jobs")
    if period.is_running:
        found.note(f"{period}: sreport counted until {period.last} {period.until:02}:00")
    compared = ", ".join(_compared(setting.question, ours, told)) or "nothing"
    if not ours.main:
        found.note(
            f"{period}: sreport has no figure of node-seconds by {_rules(ours)}: compared is {compared}"
        )
    elif ours.main not in told:
        found.note(
            f"{period}: sreport was not asked for {ours.main} (-T {ours.main}), which node-seconds are of:"
            f" compared is {compared}"
        )


def _rules(ours: ReckonedFigures) -> str:
    return " and ".join(sorted(one or "as reported" for one in ours.rules)) or "its rule"


def _note_reserved(found: Beside, told: Told) -> None:
    more = any(one.explained.unexplained < 0 and one.tres != NODE for one in found.cells)
    if more and not told.knows_reserved:
        found.note(
            "sreport also counts what was reserved and not used: --reservations FILE tells what was reserved"
        )
