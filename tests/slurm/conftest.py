"""One lab for all tests here, and one in which jobs have run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.slurm.jobs import run_all
from tests.slurm.lab import Lab, running


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A real Slurm. Tests share it: what they submit, others see."""
    with running() as lab:
        yield lab


@pytest.fixture(scope="session")
def ran(lab: Lab) -> Lab:
    """The lab after ``JOBS`` ran: sacct and sreport answer for them."""
    run_all(lab)
    return lab
