"""Slurm's lists of what was allocated: ``billing=16,cpu=8,gres/gpu=1,mem=800M,node=1``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from nodehours.terms.fault import shown
from nodehours.terms.rule import BILLING, CPU, GPU, MEMORY, NODE

_PART = re.compile(r"([a-z][a-z0-9_]*(?:/[^=,]+)?)=([0-9]+(?:\.[0-9]+)?)([KMGTP]?)", re.ASCII)
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}
_MB = 2**20
_MOST = {NODE: 10**7, CPU: 10**8, GPU: 10**8, MEMORY: 10**12}
_MOST_OF_ANOTHER = 10**13
UNTOLD = 2**64 - 16
"""From here on Slurm's numbers tell that there is none: its NO_VAL64 and INFINITE64."""


class Allocated(NamedTuple):
    """How much of each that rules know by name was allocated, memory in MB; ``tres`` is all of it, in plain numbers."""

    nodes: int
    cpus: int
    gpus: int
    memory: int
    billing: int
    tres: str


def read_tres(text: str) -> Allocated:
    """Read a list of TRES; those that are not named were not allocated. Raises ``ValueError`` with a sentence.

    Memory is written with a unit, and is in MB without one. A typed ``gres/gpu:a100`` is a part of ``gres/gpu``, and
    stands for it where that is not named.

    >>> read_tres("cpu=8,gres/gpu:a100=2,mem=1.50G,node=1")[:4]
    (1, 8, 2, 1536)
    """
    parts = [read_part(part) for part in text.split(",") if part and not _is_untold(part)]
    counts = dict(parts)
    if len(counts) < len(parts):
        raise ValueError(f"{shown(text)} counts a TRES twice")
    return allocated(counts)


def _is_untold(part: str) -> bool:
    number = part.rpartition("=")[2]
    return len(number) == len(str(UNTOLD)) and number.isdecimal() and int(number) >= UNTOLD


def allocated(counts: Mapping[str, int]) -> Allocated:
    """Return what *counts* by TRES come to."""
    typed = sum(count for name, count in counts.items() if name.startswith(f"{GPU}:"))
    gpus = counts.get(GPU, typed)
    told = ",".join(f"{name}={count}" for name, count in sorted(counts.items()))
    nodes, cpus, memory, billing = (counts.get(name, 0) for name in (NODE, CPU, MEMORY, BILLING))
    return Allocated(nodes, cpus, gpus, memory, billing, told)


def read_part(text: str) -> tuple[str, int]:
    """Read one count, such as ``cpu=8``: which TRES, and how much of it. Raises ``ValueError`` with a sentence."""
    found = _PART.fullmatch(text)
    if not found:
        raise ValueError(f"{shown(text)} is no count of a TRES (such as cpu=8 or mem=4G)")
    name, number, unit = found.groups()
    scale = _UNITS[unit] if unit or name != MEMORY else _MB
    count = int(Decimal(number) * scale / (_MB if name == MEMORY else 1))
    if count > _MOST.get(name, _MOST_OF_ANOTHER):
        raise ValueError(f"{shown(text)} is more than any machine has")
    return name, count
