"""The oldest Python client that the API is promised to, unmodified, in a process of its own.

It asks for everything in one run; the tests compare what it got with what had to come.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.centre import Centre
from tests.clients import asked
from tests.clients.installed import HERE, python_client
from tests.clients.once import once


@pytest.fixture(scope="module")
def outcome(request: pytest.FixtureRequest) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        centre: Centre = request.getfixturevalue("crowded_centre")
        return {"answers": answers(centre), "expected": asked.expected(centre)}

    return once("python-7.9.0", work)


def answers(centre: Centre) -> Any:
    run = subprocess.run(
        [sys.executable, HERE / "old_python_client.py"],
        input=json.dumps(asked.task(centre)),
        env={"PYTHONPATH": str(python_client())},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return json.loads(run.stdout)


def test_it_is_the_client_of_that_version(outcome: dict[str, Any]) -> None:
    assert outcome["answers"]["version"] == "7.9.0"


def test_a_page_of_what_is_asked_for(outcome: dict[str, Any]) -> None:
    """With every parameter alone and in pairs, as in all these tests."""
    assert outcome["answers"]["pages"] == outcome["expected"]["pages"]


def test_the_count_of_what_is_asked_for(outcome: dict[str, Any]) -> None:
    assert outcome["answers"]["counts"] == outcome["expected"]["counts"]


def test_all_pages_and_the_count_agree(outcome: dict[str, Any]) -> None:
    """By the numbers in ``next`` and by numbers from 1, for every filter and for every reader."""
    assert outcome["answers"]["walks"] == outcome["expected"]["walks"]


def test_a_row_can_be_retrieved_if_it_may_be_seen(outcome: dict[str, Any]) -> None:
    assert outcome["answers"]["retrieved"] == outcome["expected"]["retrieved"]


def test_the_async_client_gets_the_same(outcome: dict[str, Any]) -> None:
    expected = outcome["expected"]

    assert outcome["answers"]["asynchronous"] == {
        name: [page, expected["counts"][name]] for name, page in expected["pages"].items()
    }


def test_a_token_that_is_none_is_refused(outcome: dict[str, Any]) -> None:
    assert outcome["answers"]["refused"] == outcome["expected"]["refused"]
