"""Lists: a table for people, a JSON array for machines, and when there is nothing yet, what to do next."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import click

from nodehours.faces.cli.table import table

Item = TypeVar("Item")

JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """How a list is shown: the columns and an item's cells, its JSON, and the sentence in place of no item."""

    head: Sequence[str]
    cells: Callable[[Item], Sequence[str]]
    fields: Callable[[Item], dict[str, Any]]
    nothing: str
    right: Sequence[str] = ()

    def show(self, found: Sequence[Item], *, as_json: bool) -> None:
        """Print the items *found*."""
        if as_json:
            click.echo(json.dumps([self.fields(one) for one in found], indent=2))
        elif found:
            click.echo(table(self.head, map(self.cells, found), right=self.right))
        else:
            click.echo(self.nothing, err=True)
