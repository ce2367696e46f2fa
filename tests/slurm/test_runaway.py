"""A runaway job: slurmdbd never learned that it ended, until somebody mends it. What it did not use is given back."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.slurm.config import CLUSTER, DATABASE
from tests.slurm.daemons import sql
from tests.slurm.lab import Lab
from tests.slurm.live import LIVE, told, used_by_ledger, used_by_sacct
from tests.slurm.people import PHYSICS

RUNAWAY = 900_000

# One that ran, once more: the controller knows nothing of it, and the accounting no end.
_RUNS_AWAY = """
use {database};
create temporary table runaway as select * from {cluster}_job_table where job_name = 'whole-node' limit 1;
update runaway set id_job = {job}, time_end = 0, state = 1,
    time_submit = time_submit - 3600, time_eligible = time_eligible - 3600, time_start = time_start - 3600,
    job_db_inx = (select max(job_db_inx) + 1 from {cluster}_job_table);
insert into {cluster}_job_table select * from runaway;
"""


def test_what_a_runaway_job_did_not_use_is_given_back_when_it_is_mended(ran: Lab) -> None:
    used = used_by_sacct(ran)
    sql(ran.site, _RUNS_AWAY.format(database=DATABASE, cluster=CLUSTER, job=RUNAWAY))
    with TemporaryDirectory(prefix="nodehours-runaway-") as directory:
        home = Path(directory)
        told(ran, home, *LIVE)
        assert used_by_ledger(ran, home)[PHYSICS, "dora"] >= used[PHYSICS, "dora"] + 3600

        ran.run(["sacctmgr", "-i", "show", "runawayjobs"])
        told(ran, home, *LIVE)

        assert used_by_sacct(ran) == used
        assert used_by_ledger(ran, home) == used
