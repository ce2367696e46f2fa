"""What was asked for lately: as many answers as there is room for, and no older ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Asked = TypeVar("Asked", bound=Hashable)
Answer = TypeVar("Answer")


class Lately(Generic[Asked, Answer]):
    """Answers by what was asked, at most *most* of them; what was not asked for longest is forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: OrderedDict[Asked, Answer] = OrderedDict()

    def find(self, asked: Asked) -> Answer | None:
        """Return the answer, if it is remembered."""
        answer = self._answers.get(asked)
        if answer is not None:
            self._answers.move_to_end(asked)
        return answer

    def keep(self, asked: Asked, answer: Answer) -> None:
        """Remember it, and forget another one if there is too much."""
        self._answers[asked] = answer
        self._answers.move_to_end(asked)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
