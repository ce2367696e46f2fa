"""Slurm's lists of TRES, as sacct and sreport write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.sources.slurm.tres import Allocated, read_tres

names = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True).filter(
    lambda name: name not in {"node", "cpu", "mem", "billing"}
)
others = st.dictionaries(names, st.integers(0, 10**12), max_size=4)


@pytest.mark.parametrize(
    ("text", "allocated"),
    [
        ("billing=16,cpu=8,gres/gpu=1,mem=800M,node=1", (1, 8, 1, 800, 16)),
        ("", (0, 0, 0, 0, 0)),
        ("cpu=2,mem=1G,node=1", (1, 2, 0, 1024, 0)),
        ("cpu=2,mem=3.42G,node=1", (1, 2, 0, 3502, 0)),
        ("cpu=2,mem=1024M,node=1,energy=72000", (1, 2, 0, 1024, 0)),
        ("cpu=2,mem=1500,node=1", (1, 2, 0, 1500, 0)),
        ("cpu=2,mem=2T", (0, 2, 0, 2 * 2**20, 0)),
        ("cpu=2,mem=512K", (0, 2, 0, 0, 0)),
        ("gres/gpu:a100=2,gres/gpu=3,gres/gpu:h100=1", (0, 0, 3, 0, 0)),
        ("gres/gpu:a100=2,gres/gpu:h100=1", (0, 0, 3, 0, 0)),
        ("cpu=2K", (0, 2048, 0, 0, 0)),
    ],
)
def test_what_was_allocated(text: str, allocated: tuple[int, ...]) -> None:
    """Memory is in MB, whole ones: the rest of one is no usage that Slurm itself would tell."""
    assert read_tres(text)[:5] == allocated


@pytest.mark.parametrize(
    "text",
    [
        "8",
        "cpu",
        "cpu=",
        "cpu=x",
        "cpu=-1",
        "CPU=8",
        "cpu=8 ",
        "cpu=8;mem=1G",
        "cpu=1e3",
        "=1",
        "cpu=٨",
    ],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no count of a TRES"):
        read_tres(text)


def test_which_of_two_counts_it_would_be_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="counts a TRES twice"):
        read_tres("cpu=2,node=1,cpu=2")


@pytest.mark.parametrize(
    "text", ["node=99999999", "cpu=1P", "mem=999999999999G", "other=99999999999999"]
)
def test_more_than_any_machine_has_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than any machine has"):
        read_tres(text)


@given(st.integers(0, 10**7), st.integers(0, 10**8), st.integers(0, 10**9), others)
def test_what_is_told_is_read_again_as_the_same(
    nodes: int, cpus: int, memory: int, more: dict[str, int]
) -> None:
    counts = {"node": nodes, "cpu": cpus, "mem": memory, **more}
    found = read_tres(",".join(f"{name}={count}" for name, count in counts.items()))

    assert found[:5] == (nodes, cpus, 0, memory, 0)
    assert read_tres(found.tres) == found
    assert isinstance(found, Allocated)
