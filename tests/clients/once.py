"""Work that one of the run's processes does for all of them."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import STORE


def once(name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What *work* comes to, which must be JSON: done by whoever asks first, while the others wait."""
    done = Path(os.environ[STORE]) / f"{name}.json"
    with done.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            text = json.dumps(work())
            done.write_text(text)
    found: dict[str, Any] = json.loads(done.read_text())
    return found
