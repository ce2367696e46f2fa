"""``o=``: the order of a list, as Waldur's other lists take it: ``o=-year,username``, or repeated.

A key with ``-`` before it goes downwards. What is no key is ignored, and so is a key that was named before.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from nodehours.faces.api.leniency import no_choice
from nodehours.faces.api.wire import Parameters
from nodehours.terms.row import OrderBy

_NAME = "o"


class Order(NamedTuple):
    """The keys asked for, foremost first, and what is wrong with the parameter, by its name."""

    by: tuple[OrderBy, ...]
    faults: dict[str, str]


def read_order(params: Parameters, keys: Collection[str]) -> Order:
    """Read ``o``, whose keys may be any of *keys*."""
    found: dict[str, OrderBy] = {}
    faults: dict[str, str] = {}
    for name in _names(params):
        key = name.removeprefix("-")
        if key in keys:
            found.setdefault(key, OrderBy(key, name.startswith("-")))
        else:
            faults.setdefault(_NAME, no_choice(name))
    return Order(tuple(found.values()), faults)


def _names(params: Parameters) -> list[str]:
    listed = ",".join(params.get(_NAME, [])).split(",")
    return [name.strip() for name in listed if name.strip()]
