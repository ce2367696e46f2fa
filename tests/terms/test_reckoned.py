"""By which rules a statement's days were reckoned, in a line."""

from __future__ import annotations

from datetime import date

from nodehours.terms.reckoned import RuleSince, read_rules, told_rules

FIRST, NINTH = date(2026, 3, 1), date(2026, 3, 9)


def test_days_that_nobody_reckoned_are_as_reported() -> None:
    assert told_rules([RuleSince(FIRST, "")]) == "as reported"
    assert told_rules([]) == "as reported"


def test_one_rule_is_told_without_a_day_and_each_further_one_with_its_first() -> None:
    rules = read_rules([(NINTH, ""), (FIRST, "tres:cpu")])

    assert told_rules(rules[:1]) == "tres:cpu"
    assert told_rules(rules) == "tres:cpu, from 2026-03-09 as reported"
