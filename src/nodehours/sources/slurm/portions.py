"""What the attempts of an archive come to in a span of seconds, as Slurm reckons them and as the ledger does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import ibis

from nodehours.sources.slurm.archive import Archive
from nodehours.sources.slurm.joining import sure
from nodehours.sources.slurm.merging import engine
from nodehours.sources.slurm.usage import count_of, last_attempts, live_seconds
from nodehours.terms.cause import Span

if TYPE_CHECKING:
    from ibis.expr.types import IntegerValue, Table

_BY = ("cluster", "account", "user", "counts")


class Portion(NamedTuple):
    """What a user of an account had of a TRES: seconds in all, and those in which the jobs were not suspended.

    ``counts``: these are attempts that count for the ledger, not such as came before a job's last one.
    ``spread`` is by how much more or less of ``live`` there may have been, since no record says when it was suspended.
    """

    cluster: str
    account: str
    user: str
    counts: bool
    tres: str
    all: int
    live: int
    spread: Span


@dataclass(frozen=True, slots=True)
class Jobs:
    """The attempts of an archive."""

    archive: Archive

    def portions(
        self, span: tuple[int, int], tres: Sequence[str], *, only_last: bool = False
    ) -> Iterator[Portion]:
        """Give what attempts come to in *span*, by account, user and each of *tres*.

        With *only_last*, of a job that was put back into the queue the last one counts.
        """
        # What came after an attempt says whether it was the last one.
        files = self.archive.files(span[0], 2**62 if only_last else span[1])
        if span[0] >= span[1] or not files:
            return
        with engine(self.archive.memory) as database:
            connection = ibis.duckdb.from_connection(database)
            read = connection.read_parquet([str(path) for path in files])
            attempts = self._marked(read, only_last=only_last)
            for row in connection.to_pyarrow(_sums(attempts, span, tres)).to_pylist():
                for name in tres:
                    yield _portion(row, name)

    def _marked(self, attempts: Table, *, only_last: bool) -> Table:
        known = sure(attempts) if self.archive.has_unsure else attempts
        if not only_last:
            return known.mutate(counts=True)
        last = last_attempts(known).drop("next_start")
        return last.mutate(counts=True).union(known.difference(last).mutate(counts=False))


def _portion(row: dict[str, Any], tres: str) -> Portion:
    least, most = row[f"least {tres}"], row[f"most {tres}"]
    cluster, account, user, counts = (row[name] for name in _BY)
    figures = row[f"all {tres}"], row[f"live {tres}"]
    return Portion(cluster, account, user, counts, tres, *figures, Span(least, most))


def _sums(attempts: Table, span: tuple[int, int], tres: Sequence[str]) -> Table:
    within = attempts.filter(
        attempts.start < span[1], attempts.end > span[0], attempts.start < attempts.end
    )
    since, until = ibis.greatest(within.start, span[0]), ibis.least(within.end, span[1])
    cut = within.mutate(
        seconds=until - since, live=live_seconds(within, until) - live_seconds(within, since)
    )
    least, most = _bounds(cut)
    sums: dict[str, IntegerValue] = {}
    for name in tres:
        count = count_of(cut, name)
        sums |= {
            f"all {name}": (count * cut.seconds).sum(),
            f"live {name}": (count * cut.live).sum(),
            f"least {name}": (count * (least - cut.live)).sum(),
            f"most {name}": (count * (most - cut.live)).sum(),
        }
    return cut.group_by(*_BY).aggregate(
        **{name: found.cast("int64") for name, found in sums.items()}
    )


def _bounds(cut: Table) -> tuple[IntegerValue, IntegerValue]:
    """The least and the most seconds in which an attempt can have been live within the span."""
    length = cut.end - cut.start
    outside, suspended = length - cut.seconds, ibis.least(cut.suspended, length)
    return (
        cut.seconds - ibis.least(suspended, cut.seconds),
        cut.seconds - ibis.greatest(suspended - outside, 0),
    )
