"""pgbench as the peer: SQL run by a client in C, over the same socket, prepared, one client, no think time."""

from __future__ import annotations

import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer

from bench.heard import Statement
from bench.scratch import CouldNotMeasure
from nodehours.ledger.store import Connection

Latencies = Mapping[str, Sequence[float]]
"""Seconds of each run, by the script's name."""

_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?s|%%")
# As the server's own sessions are.
_SESSION = "-c default_transaction_read_only=on -c jit=off -c plan_cache_mode=force_generic_plan"


class Scripts:
    """Named scripts, each of some statements; values become variables with psycopg's types, the text stays."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self._names: list[str] = []
        self._variables: dict[str, str] = {}

    def add(self, name: str, statements: Sequence[Statement]) -> None:
        """Add a script; a run of it is all its statements, one after the other."""
        text = "\n".join(self._rendered(one) + ";\n" for one in statements)
        self._path(len(self._names)).write_text(text)
        self._names.append(name)

    def run(self, url: str, bin_path: Path, times: int, seed: int) -> Latencies:
        """Run the scripts in random order, each about *times* times, and tell how long each run took."""
        command = [
            str(bin_path / "pgbench"), "--no-vacuum", "--protocol=prepared", "--log",
            "--log-prefix=latency", f"--transactions={times * len(self._names)}",
            f"--random-seed={seed}",
        ]  # fmt: skip
        command += [f"--define={name}={value}" for name, value in self._variables.items()]
        command += [f"--file={self._path(at)}" for at in range(len(self._names))]
        done = subprocess.run(
            [*command, url],
            cwd=self._directory,
            env={**os.environ, "PGOPTIONS": _SESSION},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise CouldNotMeasure(f"pgbench failed: {done.stderr}")
        return self._logged()

    def _path(self, at: int) -> Path:
        return self._directory / f"{at}.sql"

    def _rendered(self, statement: Statement) -> str:
        values = statement.values
        given = iter(values if isinstance(values, list) else [])

        def variable(found: re.Match[str]) -> str:
            if found[0] == "%%":
                return "%"
            value = next(given) if isinstance(values, list) else values[found[1]]
            name = f"v{len(self._variables)}"
            self._variables[name] = _literal(value)
            return f":{name}{_cast(value)}"

        return _PLACEHOLDER.sub(variable, statement.text)

    def _logged(self) -> Latencies:
        """Read the log: client, transaction, microseconds, script, …"""
        latencies = defaultdict(list)
        for log in self._directory.glob("latency.*"):
            for line in log.read_text().splitlines():
                _, _, microseconds, script, *_ = line.split()
                latencies[self._names[int(script)]].append(int(microseconds) / 1e6)
            log.unlink()
        if missing := set(self._names) - set(latencies):
            raise CouldNotMeasure(f"pgbench never ran {', '.join(sorted(missing))}")
        return latencies


def programs(connection: Connection) -> Path:
    """Where the running server's programs are, pgbench among them."""
    ((path,),) = connection.execute("select setting from pg_config() where name = 'BINDIR'")
    return Path(path)


def medians(runs: Sequence[Latencies]) -> dict[str, float]:
    """The median seconds of each script over several runs."""
    return {name: median(s for run in runs for s in run[name]) for name in runs[0]}


def _cast(value: Any) -> str:
    """The type that psycopg declares for *value*, written as a cast, which costs nothing when it runs."""
    oid = Transformer().get_dumper(value, PyFormat.AUTO).oid
    found = psycopg.adapters.types.get(oid)
    if found is None:
        return ""
    return f"::{found.name}[]" if oid == found.array_oid else f"::{found.name}"


def _literal(value: Any) -> str:
    """Write *value* as PostgreSQL reads it from text."""
    match value:
        case bytes():
            return f"\\x{value.hex()}"
        case list() | tuple():
            return "{" + ",".join(map(str, value)) + "}"
        case _:
            return str(value)
