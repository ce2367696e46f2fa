"""Content hashes, reckoned here from their lines as anybody could."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from uuid import UUID

from nodehours.terms.content import (
    RowContent,
    StatementContent,
    day_sha256,
    proposal_sha256,
    statement_sha256,
)
from nodehours.terms.month import Month
from nodehours.terms.usage import Component, DailyUsage, Day

FIRST = date(2026, 9, 1)
DAY = Day(
    True, 3, 40, {"bo": DailyUsage(60), "Al": DailyUsage(7200, 2, 30)}, {Component("Al", "cpu"): 9}
)  # fmt: skip
ALLOCATION = UUID("00000000-0000-0000-0000-00000000000a")
ALICE = UUID("00000000-0000-0000-0000-0000000000a1")


def of(*lines: str) -> bytes:
    """The hash of some lines, whose fields are parted by blanks here and by tabs there."""
    return hashlib.sha256(
        "".join(line.replace(" ", "\t") + "\n" for line in lines).encode()
    ).digest()


def test_a_days_hash_is_of_its_figures_by_local_user_in_code_point_order() -> None:
    assert day_sha256(FIRST, DAY) == of(
        "day 2026-09-01 complete 3 40",
        "usage Al 7200 2 30",
        "usage bo 60 0 0",
        "component Al cpu 9",
    )


def test_a_days_hash_is_of_the_rule_too_by_a_line_that_days_as_reported_do_not_have() -> None:
    assert day_sha256(FIRST, replace(DAY, rule="allocated-nodes")) == of(
        "day 2026-09-01 complete 3 40",
        "rule allocated-nodes",
        "usage Al 7200 2 30",
        "usage bo 60 0 0",
        "component Al cpu 9",
    )


def test_a_statements_hash_is_of_its_sums_its_rows_by_id_and_its_days_hashes() -> None:
    content = StatementContent(
        ALLOCATION,
        Month(2026, 9),
        7260,
        1,
        [RowContent(12, None, "unknown", 60), RowContent(7, ALICE, "alice.climate.brics", 7200)],
        {date(2026, 9, 2): bytes(32), FIRST: day_sha256(FIRST, DAY)},
    )

    assert statement_sha256(content) == of(
        f"statement {ALLOCATION} 2026-09 7260 1",
        f"row 7 {ALICE} alice.climate.brics 7200",
        "row 12  unknown 60",
        f"day 2026-09-01 {day_sha256(FIRST, DAY).hex()}",
        f"day 2026-09-02 {'00' * 32}",
    )


def test_a_proposals_hash_is_of_its_total_its_rows_and_its_days() -> None:
    figures = [("unknown", 60), ("alice.climate.brics", 7200)]

    assert proposal_sha256({FIRST: DAY}, figures, 7260) == of(
        "proposal 7260",
        "row alice.climate.brics 7200",
        "row unknown 60",
        f"day 2026-09-01 {day_sha256(FIRST, DAY).hex()}",
    )
