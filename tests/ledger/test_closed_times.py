"""When a statement was closed: project 1 was in organisation 7 until revision 50, and is in 8 since."""

from __future__ import annotations

from nodehours.ledger.closed_times import Closing, History, Membership, Step, steps

PROJECT = History(1, [Membership(7, 50), Membership(8, None)])


def of_project(closed: int, reopened: int | None = None, *, is_kept: bool = False) -> Closing:
    return Closing(closed, None, 1, 2026, 3, closed, reopened, is_kept)


def of_organisation(organisation: int, closed: int, reopened: int | None = None) -> Closing:
    return Closing(closed, organisation, None, 2026, 3, closed, reopened, is_kept=False)


def test_without_closings_it_is_open() -> None:
    assert steps([], PROJECT, 1) == [Step(1, False)]


def test_it_is_closed_with_its_project_until_that_is_opened_again() -> None:
    assert steps([of_project(5, 9)], PROJECT, 1) == [Step(1, False), Step(5, True), Step(9, False)]


def test_a_statement_that_comes_later_is_closed_from_its_first_revision_on() -> None:
    assert steps([of_organisation(7, 5)], PROJECT, 6) == [Step(6, True)]


def test_it_is_open_again_when_no_closing_holds_any_more() -> None:
    closings = [of_project(5, 20), of_organisation(7, 10, 30)]

    assert steps(closings, PROJECT, 1) == [
        Step(1, False), Step(5, True), Step(10, True), Step(20, True), Step(30, False),
    ]  # fmt: skip


def test_another_organisations_closing_is_not_its_own() -> None:
    assert steps([of_organisation(8, 5, 60)], PROJECT, 1) == [Step(1, False), Step(60, False)]


def test_a_project_that_moves_takes_its_closing_along() -> None:
    """Opened again where it was, it stays closed; opened again itself, it is open."""
    closings = [of_organisation(7, 5, 60), of_project(50, 70, is_kept=True)]

    assert steps(closings, PROJECT, 1) == [Step(1, False), Step(5, True), Step(70, False)]


def test_moving_closes_nothing_that_was_open() -> None:
    closings = [of_organisation(8, 5), of_project(50, is_kept=True)]

    assert steps(closings, PROJECT, 1) == [Step(1, False)]
