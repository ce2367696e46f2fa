"""Working ahead: what comes next is made by another thread while what came is used.

It gains where both spend their time in code that lets other threads run, as what works on columns does.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
Told = TypeVar("Told")
_WAIT_SECONDS = 0.1


def ahead(items: Iterable[Item], depth: int = 2) -> Generator[Item]:
    """Give *items*, up to *depth* of which are made before they are asked for; what making them raises is raised here.

    Whoever does not ask for all of them closes the generator.
    """
    made: Queue[tuple[Item | None, BaseException | None]] = Queue(depth)
    is_over = Event()
    maker = Thread(target=_make, args=(items, made, is_over), daemon=True)
    maker.start()
    try:
        while True:
            item, error = made.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc] # without an error there is one
    finally:
        is_over.set()
        maker.join()


def _make(
    items: Iterable[Item],
    made: Queue[tuple[Item | None, BaseException | None]],
    is_over: Event,
) -> None:
    try:
        for item in items:
            if not _put((item, None), made, is_over):
                break
        else:
            _put((None, StopIteration()), made, is_over)
    except BaseException as error:  # noqa: BLE001 - raised where the items are used
        _put((None, error), made, is_over)
    finally:
        if isinstance(items, Generator):
            items.close()


def _put(told: Told, made: Queue[Told], is_over: Event) -> bool:
    """Hand *told* over as soon as there is room; tell whether anybody still wants it."""
    while not is_over.is_set():
        try:
            made.put(told, timeout=_WAIT_SECONDS)
        except Full:
            continue
        return True
    return False
