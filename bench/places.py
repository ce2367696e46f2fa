"""Places in the list: the pages that are asked for, by whom, and how they are asked for over HTTP.

Places are interleaved, in another random order each round, so that what else the machine does hits all alike.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from bench import http_client
from bench.heard import asked, listening
from bench.ledger import Reader
from nodehours.faces.api.wire import USAGE_PATH

SIZES = (10, 100, 300)
Key = TypeVar("Key", bound=Hashable)


class Place(NamedTuple):
    """One page to ask for: whose, how large, and where it stands (pages count from 1)."""

    reader: str
    size: int
    name: str
    page: int

    @property
    def offset(self) -> int:
        """How many rows come before the page."""
        return (self.page - 1) * self.size


async def count_rows(url: str, asking: Sequence[Reader]) -> dict[str, int]:
    """How many rows each reader sees."""
    async with await listening(url) as connection:
        return {one.name: (await asked(connection, one.token, 0, 1)).page.total for one in asking}


def places(totals: Mapping[str, int]) -> Iterator[Place]:
    """The last page is the last full one: a short page would be cheap for the wrong reason."""
    for reader, total in totals.items():
        for size in SIZES:
            if last := total // size:
                yield Place(reader, size, "first", 1)
                yield Place(reader, size, "middle", (last + 1) // 2)
                yield Place(reader, size, "last", last)


def request(place: Place, asking: Sequence[Reader], port: int, more: str = "") -> bytes:
    """The request for the page at *place*; *more* of a query, such as ``&as_of=12``."""
    token = next(one.token for one in asking if one.name == place.reader)
    target = f"{USAGE_PATH}?page={place.page}&page_size={place.size}{more}"
    return http_client.request(target, port, token)


def ask_all(
    port: int,
    rounds: Iterable[Mapping[Key, bytes]],
    seconds: dict[Key, list[float]],
    shuffle: random.Random,
) -> None:
    """Ask for everything in each of *rounds* and add to *seconds* how long each took."""
    # The server closes a connection that was left idle, so each block has its own.
    with http_client.client(port) as client:
        for requests in rounds:
            order = list(requests.items())
            shuffle.shuffle(order)
            for key, asking in order:
                seconds[key].append(client.ask(asking).seconds)
