"""Node-seconds, the canonical unit, and node-hours, how a face shows them.

Everything inside the ledger is a whole number of node-seconds in ``0 ≤ n < 2**63``; the only division is
here, in integers, so no float ever touches usage.
"""

from __future__ import annotations

MAX_NODE_SECONDS = 2**63 - 1
"""The largest figure the ledger can keep: PostgreSQL's ``bigint``."""

_SECONDS_PER_CENTIHOUR = 36


def node_hours(node_seconds: int) -> str:
    """Show *node_seconds* as node-hours: a decimal with two places, rounded half to even.

    >>> node_hours(2808288)
    '780.08'
    >>> node_hours(18), node_hours(54)
    ('0.00', '0.02')
    """
    centihours = _rounded(node_seconds, _SECONDS_PER_CENTIHOUR)
    return f"{centihours // 100}.{centihours % 100:02d}"


def whole_node_hours(node_seconds: int) -> int:
    """Tell *node_seconds* in whole node-hours, rounded half to even.

    >>> whole_node_hours(3600), whole_node_hours(1800), whole_node_hours(5400)
    (1, 0, 2)
    """
    return _rounded(node_seconds, 3600)


def _rounded(number: int, unit: int) -> int:
    """Divide an even *unit* into *number*, and round half to even."""
    whole, rest = divmod(number, unit)
    half = unit // 2
    return whole + (rest > half or (rest == half and whole % 2 == 1))
