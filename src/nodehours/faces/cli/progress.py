"""Progress bars for what takes long: on a terminal, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nodehours.ledger.moment import Watch, unwatched

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def bars() -> Iterator[Progress | None]:
    """Yield what bars are added to, None where there is no terminal; they are gone when all is done."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        yield shown


@contextmanager
def progress() -> Iterator[Watch]:
    """Yield what is to be told of the work: what is done, how much of it, and how much there is if that is known."""
    with bars() as shown:
        if shown is None:
            yield unwatched
            return
        task = shown.add_task("")

        def watch(what: str, done: int, count: int | None) -> None:
            shown.update(task, description=what, completed=done, total=count)

        yield watch
