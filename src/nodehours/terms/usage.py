"""Usage as a source reports it: days of one project, and who claims which local user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from nodehours.terms.identifiers import ProjectIdentifier, UserIdentifier


class DailyUsage(NamedTuple):
    """What one local user used in one day: node-seconds, jobs started, and the seconds those jobs waited."""

    node_seconds: int
    jobs: int = 0
    wait_seconds: int = 0


class Component(NamedTuple):
    """Which component of a day's usage: ``cpu``, ``gpu``, ``memory``, ``billing`` …, and whose."""

    local_user: str
    component: str


@dataclass(frozen=True, slots=True)
class Day:
    """One allocation's day (UTC), by local user.

    ``components`` are seconds of the component itself (cpu-seconds, MB-seconds …), never to be added to
    node-seconds. ``jobs`` and ``wait_seconds`` are the day's own totals as reported, which need not be the
    sums over local users. ``rule`` is the one by which its jobs became node-seconds, as it is written; '': the day is
    as it was reported.
    """

    is_complete: bool = False
    jobs: int = 0
    wait_seconds: int = 0
    usage: Mapping[str, DailyUsage] = field(default_factory=dict)
    components: Mapping[Component, int] = field(default_factory=dict)
    rule: str = ""

    @property
    def node_seconds(self) -> int:
        """The day's usage of everybody, the unattributed included."""
        return sum(used.node_seconds for used in self.usage.values())


class Claim(NamedTuple):
    """A report's word that *local_user* on the machine is *user_identifier*."""

    local_user: str
    user_identifier: UserIdentifier


@dataclass(frozen=True, slots=True)
class ProjectUsage:
    """All that one report says of one project on one resource."""

    project: ProjectIdentifier
    days: Mapping[date, Day]
    claims: frozenset[Claim] = frozenset()
