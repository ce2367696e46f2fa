"""What a command printed, with what differs from run to run put into a word."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHORT = {
    r"\b20\d\d-\d\d-\d\d \d\d:\d\d(:\d\d)?": "WHEN",
    r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z": "INSTANT",
    r"\b[0-9a-f]{64}\b": "SHA256",
    r"sha256 [0-9a-f]{12}\b": "sha256 SHORT",
}


def told(text: str) -> list[str]:
    """The lines of *text*; times and hashes are words, and blanks between columns are two."""
    for pattern, word in _SHORT.items():
        text = re.sub(pattern, word, text)
    return [re.sub(r"(?<=\S) {2,}", "  ", line.rstrip()) for line in text.splitlines()]


def widest(lines: Iterable[str]) -> int:
    """How wide the widest line is."""
    return max(map(len, lines))
