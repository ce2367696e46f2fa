"""``python -m bench [pages|as_of|conditional|dashboard|ingest|export|jobs|all]``: measure, and print tables.

Beside what came out stands what is wanted.

The exit status is 0 when everything could be measured, whatever came out: 1 when it could not, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

from bench.as_of import measure_as_of
from bench.conditional import measure_conditional
from bench.dashboard import measure_dashboard
from bench.export import measure_export
from bench.ingest import measure_ingest
from bench.jobs import measure_jobs
from bench.pages import Effort, measure_pages
from bench.scratch import CouldNotMeasure, say
from bench.tables import Result, plain, shown
from nodehours.ledger.errors import LedgerError


class Size(NamedTuple):
    """How much is measured."""

    rows: int
    months: int
    effort: Effort
    projects: int
    ingests: int
    exports: int
    jobs: int


FULL = Size(
    1_000_000, 60, Effort(blocks=8, requests=50, statements=50, offsets=8), 1000, 3, 3, 10_000_000
)
QUICK = Size(12_000, 60, Effort(blocks=1, requests=3, statements=20, offsets=20), 10, 1, 1, 20_000)


def main() -> int:
    """Measure what the command line asks for."""
    _stop_at_once(signal.SIGINT, signal.SIGTERM)
    asked = _asked()
    results: dict[str, object] = {}
    try:
        for name, result in _results(asked):
            print(shown(result), end="\n\n", flush=True)
            results[name] = plain(result)
    except (CouldNotMeasure, LedgerError) as error:
        say(f"Could not measure: {error}")
        return 1
    except KeyboardInterrupt:
        say("Stopped; nothing is left behind.")
        return 130
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    return 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        default="all",
        choices=("pages", "as_of", "conditional", "dashboard", "ingest", "export", "jobs", "all"),
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to try it out")
    parser.add_argument("--rows", type=_positive, help=f"usage rows, about (default {FULL.rows:,})")
    parser.add_argument(
        "--months", type=_positive, help=f"over how many months (default {FULL.months})"
    )
    parser.add_argument(
        "--projects", type=_positive, help=f"in the report (default {FULL.projects:,})"
    )
    parser.add_argument("--jobs", type=_positive, help=f"in the job log (default {FULL.jobs:,})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    asked = parser.parse_args()
    if asked.json and not asked.json.parent.is_dir():
        parser.error(f"there is no directory {asked.json.parent}")
    return asked


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def _results(asked: argparse.Namespace) -> Iterator[tuple[str, Result]]:
    size = QUICK if asked.quick else FULL
    rows, months = asked.rows or size.rows, asked.months or size.months
    projects, effort = asked.projects or size.projects, size.effort
    measures: dict[str, Callable[[], Result]] = {
        "pages": lambda: measure_pages(rows, months, effort),
        "as_of": lambda: measure_as_of(rows, months, effort.blocks, effort.requests),
        "conditional": lambda: measure_conditional(rows, months, effort),
        "dashboard": lambda: measure_dashboard(rows, months, effort),
        "ingest": lambda: measure_ingest(projects, size.ingests),
        "export": lambda: measure_export(rows, months, size.exports),
        "jobs": lambda: measure_jobs(asked.jobs or size.jobs, size.exports),
    }
    for name, measure in measures.items():
        if asked.what in {name, "all"}:
            yield name, _with_load(measure)


def _with_load(measure: Callable[[], Result]) -> Result:
    """Measure, and say how busy the machine was: times on a busy one are too long, ratios hold."""
    before, _, _ = os.getloadavg()
    result = measure()
    after, _, _ = os.getloadavg()
    load = f"{os.cpu_count()} cores; load average {before:.1f} before and {after:.1f} at the end"
    return result._replace(notes=[*result.notes, load])


def _stop_at_once(*signals: signal.Signals) -> None:
    """Have the first signal unwind everything, and none after it disturb that."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        for one in signals:
            signal.signal(one, signal.SIG_IGN)
        # What psycopg has to say of a command cut off halfway is of no use to who cut it off.
        logging.getLogger("psycopg").setLevel(logging.ERROR)
        raise KeyboardInterrupt

    for one in signals:
        signal.signal(one, stop)


if __name__ == "__main__":
    sys.exit(main())
