"""The model of Waldur answers as Waldur was recorded to: so it may judge what was not recorded.

The ledger played here is a handful of facts about the recorded one: the first ten rows are of 2023,
and there are a million of 2023 and 2024.
"""

from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import msgspec
import pytest
from msgspec import UNSET

from tests.faces.api.waldur_model import USAGE_PATH, Answer, Asked, ask
from tests.golden import Vector, vectors, words

ALLOCATIONS = [UUID("a181239cfd1d54fa95a7bb71e1e61a77"), *(UUID(int=n) for n in range(1, 6))]
USERS = {
    "plain": UUID("ce4415a62b0455708f49707d89e62937"),
    "owner": UUID(int=7),
    "inactive": UUID(int=8),
}
TOKENS = {name: f"{name}-token" for name in ("staff", "plain", "inactive")}
WORDS = words(ALLOCATIONS, USERS, TOKENS)


def count_of(asked: Asked) -> int:
    """How many rows there are: of one allocation those of the first ten, if an id is asked for."""
    has_id = "id" in asked
    allocations = ALLOCATIONS[:1] if has_id else ALLOCATIONS
    facts = {
        "id": range(1, 11),
        "allocation": allocations,
        "user": USERS.values(),
        "year": [2023] if has_id else [2023, 2024],
    }
    there_is = all(asked[column] in there for column, there in facts.items() if column in asked)
    return 1_000_000 if there_is else 0


def played(vector: Vector) -> Answer:
    target = urlsplit(vector.path)
    authorization = vector.headers.get("Authorization")
    return ask(
        target.query.encode(),
        segment=unquote(target.path.removeprefix(USAGE_PATH).removesuffix("/")),
        method=vector.method,
        authorization=None if authorization is None else authorization.encode(),
        accept=vector.headers.get("Accept"),
        count_of=count_of,
    )


def body(answer: Answer) -> Any:
    """What is sent: where the model says what was asked for, rows would be told."""
    if answer.status != 200:
        return msgspec.json.decode(answer.body)
    return answer.body.get("rows", answer.body)


NOT_OF_THE_WIRE = ("slash/", "retrieve/no-slash", "auth/bad-token", "auth/inactive-user")
"""Redirects and unknown paths are not the view's, and the model takes every token for somebody's."""
PLAYED = [
    vector.filled(WORDS) for vector in vectors() if not vector.name.startswith(NOT_OF_THE_WIRE)
]


@pytest.mark.parametrize("vector", PLAYED, ids=[vector.name for vector in PLAYED])
def test_the_model_answers_as_recorded(vector: Vector) -> None:
    answer = played(vector)

    assert answer.status == vector.expect.status
    assert dict(vector.expect.headers).items() <= answer.headers.items()
    assert set(vector.expect.headers_present) <= answer.headers.keys()
    if vector.expect.body is not UNSET:
        assert body(answer) == vector.expect.body


def test_nearly_all_vectors_are_played() -> None:
    assert len(PLAYED) == 170


def test_the_model_has_no_database() -> None:
    """A row that is fetched would be an error, not an answer."""
    from django.db import connection
    from django.db.utils import OperationalError

    with pytest.raises(OperationalError):
        connection.ensure_connection()
