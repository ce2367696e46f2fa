"""The law of job logs: in whatever files, order and runs records come, and however often, the ledger is the same."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodehours.ledger.store import Connection
from tests.intake.job_logs import DAY, SEPTEMBER, line, log, take_in, used
from tests.ledger.written import assert_holds, empty

LENGTHS = (0, 60, 3_600, 3 * DAY, 40 * DAY)
_COMPLETE = """
select projects.identifier, usage_days.day from usage_days
join allocations on allocations.id = allocation_id
join projects on projects.id = project_id
where is_complete and usage_days.node_seconds > 0
"""


@st.composite
def records(draw: st.DrawFn) -> list[str]:
    """What was told of some jobs over the time: how far they had come, also after they were over, and how they ended.

    Whether it is told when a job was submitted depends on who asked.
    """
    found = []
    for job in range(draw(st.integers(1, 3))):
        start = SEPTEMBER + draw(st.integers(0, 50)) * DAY + draw(st.integers(0, DAY))
        account = draw(st.sampled_from(["brics.climate", "brics.ocean"]))
        seen = draw(st.lists(st.sampled_from([1, DAY, 20 * DAY, 35 * DAY]), max_size=3))
        ended = draw(st.lists(st.sampled_from(LENGTHS), max_size=1))
        for ran, state in [
            *((ran, "RUNNING") for ran in seen),
            *((ran, "COMPLETED") for ran in ended),
        ]:
            end = start + ran
            found.append(
                line(
                    job, start, end if state == "COMPLETED" else None, account=account, state=state, seen=end,
                    is_told=draw(st.booleans()),
                )
            )  # fmt: skip
    return found


def ledger_after(connection: Connection, files: Sequence[Sequence[str]]) -> tuple[object, object]:
    empty(connection)
    with tempfile.TemporaryDirectory() as directory:
        for lines in files:
            take_in(connection, Path(directory) / "archive", log(Path(directory), *lines))
    assert_holds(connection)
    return used(connection), set(connection.execute(_COMPLETE).fetchall())


@pytest.mark.slow
@given(records(), st.data())
@settings(max_examples=15)
def test_in_whatever_parts_and_order_records_come_the_ledger_is_the_same(
    scratch: Connection, told: list[str], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(told), max_size=2)) if told else []
    shuffled = data.draw(st.permutations(told + again))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=2)))
    bounds = [0, *cuts, len(shuffled)]

    parts = [shuffled[first:last] for first, last in pairwise(bounds)]
    assert ledger_after(scratch, parts) == ledger_after(scratch, [told])
