"""What Slurm is told: this host plays a cluster of three nodes, and nothing listens but on 127.0.0.1.

Nodes say to have more CPUs and memory than the host, and GPUs that are none. Everything runs as root, so that all files
have one owner, and without cgroups, which containers seldom lend out.
"""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

from tests.slurm.programs import answer
from tests.slurm.site import LOCALHOST, NODES, Site

CLUSTER = "lab"
CPUS_OF_NODE = 8
DATABASE = "slurm_acct_db"
DATABASE_USER = "slurm"
DATABASE_PASSWORD = "lab"

# Slurm wants a device for each GPU of a node, and asks nothing of it.
GPUS_OF_NODE = ("/dev/null", "/dev/zero")
_BILLING = "CPU=1.0,Mem=0.25G,GRES/gpu=16.0"
_WITHOUT_CGROUPS = (23, 11)
_MONTHS_LATER = 62  # days

# A job that is requeued has to wait for as long as a credential is good: two minutes, if nothing is said.
_SLURM = """\
ClusterName={cluster}
SlurmctldHost={host}({localhost})
SlurmctldPort={control_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={munge_socket},cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny

StateSaveLocation={root}/state
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdSpoolDir={root}/spool.%n
SlurmdPidFile={root}/run/slurmd.%n.pid
SlurmdLogFile={root}/log/slurmd.%n.log

ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
MpiDefault=none
PropagateResourceLimits=NONE
ReturnToService=2
KillWait=2

SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
PriorityType=priority/basic

AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={localhost}
AccountingStoragePort={accounting_port}
AccountingStoragePass={munge_socket}
AccountingStorageEnforce=associations
AccountingStorageTRES=gres/gpu

GresTypes=gpu
SlurmdParameters=config_overrides
PartitionName=DEFAULT Nodes=ALL State=UP MaxTime=10 DefMemPerCPU=100 TRESBillingWeights="{billing}"
PartitionName=work Default=YES
PartitionName=whole OverSubscribe=EXCLUSIVE
PartitionName=closed State=DOWN
"""

_NODE = "NodeName={name} NodeHostname={host} NodeAddr={localhost} Port={port} {has}\n"
_HAS = f"CPUs={CPUS_OF_NODE} RealMemory=4000 Gres=gpu:{len(GPUS_OF_NODE)}"

_SLURMDBD = """\
AuthType=auth/munge
AuthInfo=socket={munge_socket}
CommunicationParameters=NoInAddrAny
DbdHost=localhost
DbdAddr={localhost}
DbdPort={accounting_port}
SlurmUser=root
PidFile={root}/run/slurmdbd.pid
LogFile={root}/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost={localhost}
StoragePort={database_port}
StorageUser={database_user}
StoragePass={database_password}
StorageLoc={database}
"""

# sreport tells nothing of hours that its clock has not seen the end of.
_SREPORT = """\
#!/bin/sh
exec faketime -f +{days}d {sreport} "$@"
"""


def configure(site: Site) -> None:
    """Write all that Slurm reads, and an ``sreport`` for which the month of the jobs is over."""
    etc = site.slurm_conf.parent
    site.slurm_conf.write_text(_slurm_conf(site))
    (etc / "gres.conf").write_text("".join(f"Name=gpu File={file}\n" for file in GPUS_OF_NODE))
    (etc / "cgroup.conf").write_text(_cgroup_conf(site))
    _write_slurmdbd_conf(site, etc / "slurmdbd.conf")
    _write_sreport(site, site.root / "bin" / "sreport")


def _slurm_conf(site: Site) -> str:
    host = socket.gethostname().partition(".")[0]
    nodes = [
        _NODE.format(name=name, host=host, localhost=LOCALHOST, port=port, has=_HAS)
        for name, port in zip(NODES, site.node_ports, strict=True)
    ]
    return "".join(nodes) + _SLURM.format(
        root=site.root,
        host=host,
        localhost=LOCALHOST,
        cluster=CLUSTER,
        control_port=site.control_port,
        accounting_port=site.accounting_port,
        munge_socket=site.munge_socket,
        billing=_BILLING,
    )


def _cgroup_conf(site: Site) -> str:
    """Older Slurm cannot be told to leave cgroups alone, but does while no plugin asks for them."""
    version = re.search(r"([0-9]+)\.([0-9]+)\.", answer(site, ["slurmctld", "-V"]))
    assert version
    is_new = (int(version[1]), int(version[2])) >= _WITHOUT_CGROUPS
    return "CgroupPlugin=disabled\n" if is_new else "CgroupPlugin=cgroup/v1\n"


def _write_slurmdbd_conf(site: Site, file: Path) -> None:
    # slurmdbd refuses a file that others can read: there is a password in it.
    file.touch(0o600)
    file.write_text(
        _SLURMDBD.format(
            root=site.root,
            localhost=LOCALHOST,
            accounting_port=site.accounting_port,
            munge_socket=site.munge_socket,
            database_port=site.database_port,
            database=DATABASE,
            database_user=DATABASE_USER,
            database_password=DATABASE_PASSWORD,
        )
    )


def _write_sreport(site: Site, file: Path) -> None:
    sreport = shutil.which("sreport", path=site.environment["PATH"])
    file.write_text(_SREPORT.format(days=_MONTHS_LATER, sreport=sreport))
    file.chmod(0o755)
