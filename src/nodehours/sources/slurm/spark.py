"""Spark as an engine: on this machine, or on a cluster, with files on any file system that Hadoop reads."""

from __future__ import annotations

import os
import shutil
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from nodehours.sources.document import UnreadableError
from nodehours.sources.slurm.engines import sql_of, typed
from nodehours.sources.slurm.usage import ATTEMPTS

if TYPE_CHECKING:
    from ibis.expr.types import Table

_PATIENCE_SECONDS: Final = 10
_QUIET: Final = """
rootLogger.level = error
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %p %c{1}: %m%n
# Workers that are ended with the session are no error.
logger.scheduler.name = org.apache.spark.scheduler
logger.scheduler.level = off
# Spark takes the level of this one for all, and says so if it is another.
logger.gateway.name = org.apache.spark.api.python.PythonGatewayServer
logger.gateway.level = error
"""
_SETTINGS: Final = {
    "spark.app.name": "nodehours",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_ALWAYS: Final = {
    "spark.sql.session.timeZone": "UTC",
    # What overflows or cannot be cast is an error, not null.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "true",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
}


@dataclass(frozen=True, slots=True)
class Spark:
    """Reckons with the workers of a session."""

    session: Any

    def answer(self, asked: Table, files: Sequence[str]) -> pa.Table:
        """Return what *asked* comes to."""
        sql = sql_of(asked, "pyspark")
        with _told("jobs cannot be reckoned"):
            read = self.session.read.parquet(*map(_url, files))
            read.createOrReplaceTempView(ATTEMPTS.get_name())
            found = self.session.sql(sql).toArrow()
        return typed(found, asked)

    def content(self, url: str) -> bytes | None:
        """Return what the file at *url* holds; None if there is none."""
        from pyspark.errors import AnalysisException

        with _told(f"{url} cannot be read"):
            try:
                found = self.session.read.text(_url(url), wholetext=True).collect()
            except AnalysisException as error:
                if error.getCondition() == "PATH_NOT_FOUND":
                    return None
                raise
        return "".join(row.value for row in found).encode()


@contextmanager
def opened_spark(master: str, conf: Sequence[tuple[str, str]] = ()) -> Iterator[Spark]:
    """Start a session, and end it; one that this process already has is taken, and left as it is.

    Raises ``UnreadableError`` when pyspark or Java is not there, or *master* cannot be reached.
    """
    _check_java()
    _check_master(master)
    with TemporaryDirectory(prefix="nodehours-") as directory, _quietly():
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise UnreadableError(
                "Spark is asked for, and pyspark is not there: pip install 'nodehours[spark]'"
            ) from error
        is_here = SparkSession.getActiveSession() is not None
        with _told(f"Spark cannot be had at {master}"):
            session = _session(master, conf, Path(directory))
        try:
            yield Spark(session)
        finally:
            if not is_here:
                session.stop()


def _session(master: str, conf: Sequence[tuple[str, str]], directory: Path) -> Any:
    from pyspark.sql import SparkSession

    settings = dict([*_SETTINGS.items(), *conf, *_ALWAYS.items()])
    # Those who have settings of their own for Spark have their own logs.
    if "SPARK_CONF_DIR" not in os.environ:
        logs = directory / "log4j2.properties"
        logs.write_text(_QUIET)
        options = settings.get("spark.driver.extraJavaOptions", "")
        settings["spark.driver.extraJavaOptions"] = (
            f"-Dlog4j2.configurationFile={logs} {options}".strip()
        )
    builder = SparkSession.builder.master(master)
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _url(file: str) -> str:
    """Say of a path that it is one: otherwise it would be on the file system that is set as Hadoop's own."""
    return file if "://" in file else f"file://{Path(file).absolute()}"


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if not (Path(home) / "bin" / "java").is_file() if home else not shutil.which("java"):
        raise UnreadableError(
            "Spark needs Java, 17 or newer: install it, or say in JAVA_HOME where it is"
        )


def _check_master(master: str) -> None:
    """Refuse a cluster that nobody answers for: Spark itself would try for a minute, and tell little."""
    scheme, _, rest = master.partition("://")
    if scheme != "spark":
        return
    failures = []
    for address in rest.split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _PATIENCE_SECONDS).close()
        except (OSError, ValueError) as error:
            failures.append(f"{address}: {error}")
        else:
            return
    raise UnreadableError(f"Spark cannot be had at {master}: {'; '.join(failures)}")


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what Spark raises into a sentence."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, OSError) as error:
        text = str(getattr(error, "java_exception", error))
        lines = [line for line in text.splitlines() if line.strip()]
        raise UnreadableError(f"{what}: {' '.join(lines[:2])}") from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep Spark's own warnings of what is deprecated, which are nothing to an operator."""
    with warnings.catch_warnings():
        for kind in (DeprecationWarning, FutureWarning, UserWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        yield
