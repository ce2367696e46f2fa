"""What a reconciliation looks like where the ledger once agreed, and where figures are beyond all measure."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from nodehours.faces.cli.reconciled import Reconciled, as_csv, as_json, as_table
from nodehours.terms.figure import Figure, Naming, StatedUsage
from nodehours.terms.month import Month
from nodehours.terms.reconciliation import Agreement, Side, Tolerance, reconcile

CLIMATE, MARCH = "climate.brics", Month(2026, 3)
LARGEST = 2**63 - 1


def reconciled(ours: list[Figure], theirs: list[Figure], **agreements: Agreement) -> Reconciled:
    told = StatedUsage(
        "their.csv", theirs, Naming.NONE, names_days=False, months=frozenset({MARCH})
    )
    result = reconcile(Side(ours), Side(theirs), Tolerance())
    known = {(project, MARCH): one for project, one in agreements.items()}
    return Reconciled(told, 7, None, Tolerance(), result, known)


def test_when_the_ledger_last_agreed_stands_below_what_differs() -> None:
    agreement = Agreement(
        4, datetime(2026, 4, 2, 9, 30, tzinfo=UTC), (date(2026, 3, 5), date(2026, 3, 31))
    )
    found = reconciled(
        [Figure("a", MARCH, 10), Figure("b", MARCH, 1)],
        [Figure("a", MARCH, 5), Figure("b", MARCH, 2)],
        a=agreement,
    )

    lines = as_table(found, details=True).splitlines()

    below = lines.index("a 2026-03: ledger high by 5 node-seconds, 0 allowed") + 1
    assert lines[below] == (
        "  the ledger agreed as of revision 4 (2026-04-02 09:30 UTC);"
        " days changed since: 2026-03-05, 2026-03-31"
    )
    assert "agreed" not in lines[below + 2]


def test_figures_of_any_size_are_written_whole() -> None:
    ours = [Figure(CLIMATE, MARCH, LARGEST, f"u{n}.climate.brics") for n in range(5)]
    found = reconciled(ours, [Figure(CLIMATE, MARCH, 1)])

    (one,) = json.loads(as_json(found, details=True))["projects"]

    assert one["ledger_node_seconds"] == 5 * LARGEST
    assert f",{5 * LARGEST},1,{5 * LARGEST - 1},0,ledger high" in as_csv(found, details=True)
    assert "+12810238940076077.51" in as_table(found, details=True)


def test_a_name_with_a_comma_or_a_quote_stays_one_field_of_csv() -> None:
    found = reconciled([], [Figure('Größe, "x"', MARCH, 1)])

    assert as_csv(found, details=True).splitlines()[1] == (
        'project,"Größe, ""x""",2026-03,,,,1,-1,0,missing here'
    )
