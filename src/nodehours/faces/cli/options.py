"""Options that several commands share, and such as do not go together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeVar

import click
from click.core import ParameterSource

Command = TypeVar("Command", bound=Callable[..., Any])


def with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Make one decorator of many, in the order in which help tells them."""

    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


def refuse_given(context: click.Context, names: Collection[str], goes: str) -> None:
    """Refuse the parameters *names* of the command, if one was given; *goes* says with what they go or do not."""
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if parameter.name in names and source is not ParameterSource.DEFAULT:
            raise click.UsageError(f"{parameter.opts[0]} {goes}")
