"""Words and means that several pages tell."""

from __future__ import annotations

from typing import Final

NOTHING_USED: Final = "Nothing was used in these months, as far as you may see."


def waits(count: int) -> str:
    """Say how many restatements wait; nothing where none does."""
    return f"{count} pending" if count else ""


def known(*, is_complete: bool) -> str:
    """Say how far a day is known."""
    return "completely" if is_complete else "in part"


def mean_wait(wait_seconds: int | None, jobs: int | None) -> int | None:
    """Return how long a job waited on average, in whole seconds; None without any."""
    return wait_seconds // jobs if jobs and wait_seconds is not None else None
