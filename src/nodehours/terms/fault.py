"""A fault in data: a value that travels beside the good results, counted and shown, and stops nothing else."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_SHOWN = 64


def shown(text: str) -> str:
    """Quote *text* for a sentence: on one line, cut when it is long, nothing in it that could steer a terminal."""
    return repr(text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: the document, in it the project if that is known, and in that the place."""

    document: str
    sentence: str
    project: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        """Say it in one line: ``report.json: climate.brics: $.reports["2026-09-01"]: Expected …``."""
        named = (self.document, self.project, self.place, self.sentence)
        return ": ".join(part for part in named if part)
