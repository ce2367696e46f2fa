"""Arguments read once at the door: a value of terms, or click's error with the sentence that terms gave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


class Number(click.IntRange):
    """A whole number, as an id is."""

    name = "whole number"


class Parsed(click.ParamType[Any]):
    """An argument that *parse* reads; what raises ``ValueError`` is refused with its sentence."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read *value*, unless it is a default that is read already."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
