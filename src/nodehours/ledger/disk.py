"""What has to be on the disk before it counts as written."""

from __future__ import annotations

import os
from pathlib import Path


def written_out(directory: Path) -> None:
    """Have the names in *directory* written to the disk, so that a power cut takes none away."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
