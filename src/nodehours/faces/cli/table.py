"""Tables of plain text: aligned, never cut, the same on a terminal and in a cron mail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> str:
    """Lay out *rows* under *head*; the columns named in *right* are aligned to the right.

    Characters of double width, as of East Asian names, take two columns.
    """
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            _padded(cell, width, to_the_right=name in right)
            for name, cell, width in zip(head, line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def _padded(cell: str, width: int, *, to_the_right: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if to_the_right else cell + blanks
