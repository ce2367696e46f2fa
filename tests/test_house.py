"""What the decisions say of the code as a whole, checked."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from nodehours import queries

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "nodehours"

SIGNING_IN = {"sign_in": "token_sha256", "visit": "session_sha256"}


def calls_of(name: str) -> set[str]:
    """The files in which *name* is called."""
    return {
        str(file.relative_to(SOURCE))
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    }


def questions() -> Iterator[Callable[..., Any]]:
    """Every public function of the queries that asks the database something; the pool asks nothing."""
    for module in pkgutil.iter_modules(queries.__path__):
        for name, found in inspect.getmembers(import_module(f"{queries.__name__}.{module.name}")):
            is_ours = getattr(found, "__module__", "").startswith(queries.__name__)
            if (
                is_ours
                and module.name != "pool"
                and inspect.iscoroutinefunction(found)
                and not name.startswith("_")
            ):
                yield found


def test_a_scope_is_made_in_one_place_only() -> None:
    assert calls_of("Scope") == {"queries/access.py"}


@pytest.mark.parametrize("question", list(questions()), ids=lambda question: question.__name__)
def test_a_question_asks_first_for_a_scope_and_has_no_default(question: Callable[..., Any]) -> None:
    """Signing in is where the scope comes from; everything else needs one."""
    connection, second, *_ = inspect.signature(question).parameters.values()

    assert connection.name == "connection"
    assert second.default is inspect.Parameter.empty
    assert second.name == SIGNING_IN.get(question.__name__, "scope")


def test_no_float_is_written_where_usage_is_reckoned() -> None:
    """Terms, sources and postings divide only whole numbers by whole numbers."""
    reckoned = [
        *SOURCE.glob("terms/*.py"),
        *SOURCE.glob("sources/*.py"),
        *(SOURCE / "ledger" / name for name in ("post.py", "days.py", "rows.py")),
    ]
    floats = [
        f"{file.name}:{node.lineno}"
        for file in reckoned
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
    ]

    assert floats == []
