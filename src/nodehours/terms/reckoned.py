"""By which rule the days of a statement became node-seconds, and from which day on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

AS_REPORTED = "as reported"
"""How days without a rule are told: whoever reported them had one of their own."""


class RuleSince(NamedTuple):
    """From the day ``since`` on it is this ``rule``, written as it is read; '': days are as they were reported."""

    since: date
    rule: str

    @property
    def told(self) -> str:
        """The rule, as people read it."""
        return self.rule or AS_REPORTED


def read_rules(pairs: Iterable[Iterable[Any]]) -> tuple[RuleSince, ...]:
    """Read *pairs* of a day and a rule, in the order of the days."""
    return tuple(sorted(RuleSince(*pair) for pair in pairs))


def told_rules(rules: Iterable[RuleSince]) -> str:
    """Tell *rules*, in the order of their days, in a line: from the second one on, with the day since which it is.

    >>> told_rules(
    ...     [RuleSince(date(2026, 3, 1), ""), RuleSince(date(2026, 3, 9), "allocated-nodes")]
    ... )
    'as reported, from 2026-03-09 allocated-nodes'
    """
    first, *later = list(rules) or [RuleSince(date.min, "")]
    return ", ".join([first.told, *(f"from {one.since} {one.told}" for one in later)])
