"""The options that say what reckons with jobs: DuckDB on this machine, or Spark."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from nodehours.faces.cli.options import with_options
from nodehours.faces.cli.parsed import Parsed

if TYPE_CHECKING:
    from nodehours.sources.slurm.engines import Asked

Command = TypeVar("Command", bound=Callable[..., Any])

_SIZE = re.compile(r"[1-9][0-9]{0,8} ?([KMGT]i?B)", re.ASCII)
_SETTING = re.compile(r"spark\.[A-Za-z0-9_.-]+=.*", re.ASCII)


def _read_size(text: str) -> str:
    if not _SIZE.fullmatch(text):
        raise ValueError(f"{text!r} is no size (such as 4GB)")
    return text


def _read_setting(text: str) -> tuple[str, str]:
    if not _SETTING.fullmatch(text):
        raise ValueError(f"{text!r} is no setting of Spark (such as spark.executor.memory=8g)")
    name, _, value = text.partition("=")
    return name, value


_OPTIONS = (
    click.option(
        "--engine", "engine_name", type=click.Choice(["duckdb", "spark"]), default="duckdb", show_default=True,
        help="What reckons with jobs: DuckDB on this machine, or Apache Spark (needs nodehours[spark] and Java).",
    ),
    click.option(
        "--spark-master", metavar="URL",
        help="With --engine spark, where it is, such as spark://host:7077, yarn or local[4]; otherwise local[*].",
    ),
    click.option(
        "--spark-conf", multiple=True, metavar="KEY=VALUE", type=Parsed("setting", _read_setting),
        help="With --engine spark, a setting of its session. Repeatable.",
    ),
    click.option(
        "--memory", metavar="SIZE", default="1GB", show_default=True, type=Parsed("size", _read_size),
        help="How much memory DuckDB takes; beyond that it takes the disk.",
    ),
)  # fmt: skip


def engine_options(command: Command) -> Command:
    """Give *command* the options, and what they ask for as ``engine``."""

    @wraps(command)
    def asking(
        *args: Any,
        engine_name: str,
        spark_master: str | None,
        spark_conf: Sequence[tuple[str, str]],
        memory: str,
        **options: Any,
    ) -> Any:
        engine = _asked(engine_name, spark_master, spark_conf, memory)
        return command(*args, engine=engine, **options)

    return cast("Command", with_options(*_OPTIONS)(asking))


def _asked(name: str, master: str | None, conf: Sequence[tuple[str, str]], memory: str) -> Asked:
    from nodehours.sources.slurm.engines import LOCAL, Asked

    if name == "spark":
        return Asked(master or LOCAL, conf, memory)
    if master or conf:
        raise click.UsageError("--spark-master and --spark-conf go with --engine spark")
    return Asked(memory=memory)
