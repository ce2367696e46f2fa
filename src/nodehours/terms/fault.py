"""A fault in data: a value that travels beside the good results, counted and shown, and stops nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: the document, in it the project (if known) and the place."""

    document: str
    sentence: str
    project: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        """Say it in one line: ``report.json: climate.brics: $.reports["2026-09-01"]: Expected …``."""
        named = (self.document, self.project, self.place, self.sentence)
        return ": ".join(part for part in named if part)
