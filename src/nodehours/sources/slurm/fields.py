"""The fields of sacct that are read, and what they are called by its versions.

Names are told without regard to case, as sacct takes them. Of several names of one thing the first that is there
counts. All other fields are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from nodehours.sources.document import UnreadableError
from nodehours.terms.fault import shown
from nodehours.terms.rule import CPU, NODE

FIELDS: Final = {
    "job": ("jobid", "jobidraw"),
    "cluster": ("cluster",),
    "account": ("account",),
    "user": ("user",),
    "state": ("state",),
    "submitted": ("submit",),
    "eligible": ("eligible",),
    "start": ("start",),
    "end": ("end",),
    "elapsed": ("elapsedraw", "elapsed"),
    "suspended": ("suspended",),
    "nodes": ("allocnodes", "nnodes"),
    "cpus": ("alloccpus", "ncpus"),
    "tres": ("alloctres",),
}
"""What is read of a record, and the names of sacct's fields of which one tells it, in lower case."""

NEEDED: Final = ("job", "account", "user", "start", "end", "elapsed")
"""What nothing can be done without; besides, what was allocated: ``tres``, or ``nodes``."""

FREE_TEXTS: Final = frozenset(
    (
        "jobname",
        "comment",
        "admincomment",
        "systemcomment",
        "submitline",
        "workdir",
        "container",
        "extra",
        "constraints",
        "wckey",
        "stdin",
        "stdout",
        "stderr",
    )
)
"""The fields that may hold anything, the mark between fields and ends of lines too."""

STATES: Final = frozenset(
    (
        "PENDING", "RUNNING", "SUSPENDED", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED",
        "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY", "REQUEUED", "RESIZING", "REVOKED", "COMPLETING", "CONFIGURING",
        "LAUNCH_FAILED", "POWER_UP_NODE", "RECONFIG_FAIL", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD",
        "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED", "UPDATE_DB", "EXPEDITING",
    )
)  # fmt: skip
"""Every state that Slurm tells, without what comes after it (``CANCELLED by 1002``)."""

_TOLD_BESIDE: Final = frozenset(("account", "user", "state", "start", "alloctres"))

RECOMMENDED: Final = (
    "JobID,Cluster,Account,User,State,Submit,Eligible,Start,End,ElapsedRaw,Suspended,"
    "AllocNodes,AllocCPUS,AllocTRES"
)
"""What to ask sacct for."""


def columns_of(names: Sequence[str], counts: Iterable[str] = ()) -> dict[str, int]:
    """Return at which place each of ``FIELDS`` is told, by its own name.

    Raises ``UnreadableError`` when one that is needed is not there, or none tells a TRES of *counts*.
    """
    places = {name: at for at, name in reversed(list(enumerate(plain_names(names))))}
    found = {
        field: next(places[name] for name in called if name in places)
        for field, called in FIELDS.items()
        if any(name in places for name in called)
    }
    missing = [FIELDS[field][0] for field in NEEDED if field not in found]
    if not {"tres", "nodes"} & found.keys():
        missing.append("alloctres")
    if missing:
        raise UnreadableError(
            f"it does not tell {', '.join(missing)}: ask sacct for at least {RECOMMENDED}"
        )
    told = {NODE: "nodes", CPU: "cpus"}
    untold = [tres for tres in counts if "tres" not in found and told.get(tres) not in found]
    if untold:
        raise UnreadableError(
            f"it does not tell alloctres, and so not {', '.join(sorted(untold))}, which the rule counts:"
            f" ask sacct for {RECOMMENDED}"
        )
    return found


def plain_names(names: Iterable[str]) -> list[str]:
    """Return names of fields as they are compared: in lower case, without blanks or the mark that begins a file."""
    return [name.removeprefix("\ufeff").strip().lower() for name in names]


def is_header(fields: Sequence[str]) -> bool:
    """Tell whether these are names of fields, as the first line of sacct's output has them."""
    names = set(plain_names(fields))
    return bool(names & set(FIELDS["job"])) and bool(names & _TOLD_BESIDE)


def read_names(text: str) -> tuple[str, ...]:
    """Read what was given to sacct's ``--format``. Raises ``ValueError`` with a sentence."""
    names = tuple(name.partition("%")[0].strip() for name in text.split(","))
    if not all(names):
        raise ValueError(f"{shown(text)} is no list of fields (such as {RECOMMENDED})")
    return names
