"""A runaway job: slurmdbd never learned that it ended, until somebody mends it. What it did not use is given back."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.slurm.config import CLUSTER, DATABASE
from tests.slurm.daemons import sql
from tests.slurm.lab import Lab
from tests.slurm.people import PHYSICS
from tests.slurm.test_live import LIVE, told, used_by_ledger, used_by_sacct

_RUNS_AWAY = "update {}.{}_job_table set time_end = 0, state = 1 where id_job = {}"


def test_what_a_runaway_job_did_not_use_is_given_back_when_it_is_mended(ran: Lab) -> None:
    job = ran.submit("dora", PHYSICS, "sleep 2", "--job-name=runaway")
    ran.wait_idle()
    sql(ran.site, _RUNS_AWAY.format(DATABASE, CLUSTER, job))
    with TemporaryDirectory(prefix="nodehours-runaway-") as directory:
        home = Path(directory)
        told(ran, home, *LIVE)
        before = used_by_ledger(ran, home)
        assert before[PHYSICS, "dora"] > 0

        ran.run(["sacctmgr", "-i", "show", "runawayjobs"])
        told(ran, home, *LIVE)

        assert used_by_ledger(ran, home) == used_by_sacct(ran) != before
