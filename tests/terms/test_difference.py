"""A difference reads as a sentence that names its place."""

from __future__ import annotations

from datetime import date

from nodehours.terms.difference import Difference, Place
from nodehours.terms.month import Month


def test_a_place_names_what_is_known_of_it_in_one_line() -> None:
    place = Place("climate.brics on isca", day=date(2026, 3, 5), local_user="al\n", component="cpu")

    assert str(place) == "climate.brics on isca, 2026-03-05, local user 'al\\n', component 'cpu'"


def test_a_difference_says_what_should_be_and_what_is() -> None:
    place = Place("climate.brics on isca", Month(2026, 3), row=12, revision=4)

    assert str(Difference(place, "the row's first revision", "3", "4")) == (
        "climate.brics on isca, 2026-03, row 12, revision 4: the row's first revision should be 3 and is 4"
    )
