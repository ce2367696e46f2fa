"""Which allocations and users a reader may see. Made in ``queries/access.py`` and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """What one signed-in reader may see: everything, or some allocations whole and otherwise their own rows.

    ``allocations`` are the ledger's internal allocation ids; meaningless when ``everything`` is true.
    """

    reader: int
    everything: bool
    allocations: tuple[int, ...] = ()
