"""A copy of an archive that lies elsewhere, on a file system that Hadoop knows: only read, and not locked.

Where somebody put files together and there is no ``archive.json``, it is reckoned what they hold, and the records of
each attempt are joined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.engines import Engine
from nodehours.sources.slurm.joining import joined
from nodehours.sources.slurm.kept import MANIFEST, Cluster, Kept, Manifest, Part, read_manifest
from nodehours.sources.slurm.usage import ATTEMPTS

if TYPE_CHECKING:
    from ibis.expr.types import Table

_ALL: Final = "*/*/*.parquet"


@dataclass(slots=True)
class Loose(Kept):
    """Files of attempts that nobody merged: of each cluster, all of them are one part."""

    @property
    def holds_once(self) -> bool:
        """Whether the files were merged when they were written."""
        return False

    def place_of(self, cluster: str, month: str, number: int) -> str:  # noqa: ARG002 - they are all it
        """Return the pattern of all files."""
        return f"{self.address}/{_ALL}"


def far_archive(address: str, engine: Engine) -> Kept:
    """Read what there is at *address*. Raises ``UnreadableError`` if that is nothing."""
    address = address.rstrip("/")
    name = f"{address}/{MANIFEST}"
    content = engine.content(name)
    if content is not None:
        return Kept(address, read_manifest(content, name))
    try:
        found = engine.answer(_spans(), [f"{address}/{_ALL}"]).to_pylist()
    except UnreadableError as error:
        raise UnreadableError(f"there is no archive at {address}: {error}") from error
    return Loose(address, Manifest(clusters={one["cluster"]: _cluster(one) for one in found}))


def _spans() -> Table:
    attempts = joined(ATTEMPTS)
    return attempts.group_by("cluster").aggregate(
        attempts=attempts.count(),
        start=attempts.start.min(),
        end=attempts.end.max(),
        seen_until=attempts.end.min(where=~attempts.is_ended),
        has_unsure=attempts.submitted.min() == 0,
    )


def _cluster(told: Mapping[str, Any]) -> Cluster:
    names = ("attempts", "start", "end", "seen_until", "has_unsure")
    return Cluster({"": [Part(0, *(told[name] for name in names))]})
