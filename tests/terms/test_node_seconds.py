"""Node-hours against the decimal module: two places, half to even, to the largest figure there is."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodehours.terms.node_seconds import MAX_NODE_SECONDS, node_hours

# Precise enough: a half, 18 seconds, is 0.005 node-hours exactly.
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
HUNDREDTH = Decimal("0.01")

figures = st.integers(0, MAX_NODE_SECONDS)


def by_decimal(node_seconds: int) -> str:
    hours = EXACT.divide(Decimal(node_seconds), Decimal(3600))
    return str(hours.quantize(HUNDREDTH, context=EXACT))


@pytest.mark.parametrize(
    ("node_seconds", "shown"),
    [
        (0, "0.00"),
        (17, "0.00"),
        (18, "0.00"),  # half of 0.01: to the even neighbour, 0.00
        (19, "0.01"),
        (36, "0.01"),
        (54, "0.02"),  # half way from 0.01 to 0.02: to the even one
        (90, "0.02"),  # half way from 0.02 to 0.03: to the even one
        (3_600, "1.00"),
        (2_808_288, "780.08"),
        (MAX_NODE_SECONDS, "2562047788015215.50"),
    ],
)
def test_node_seconds_are_shown_as_node_hours(node_seconds: int, shown: str) -> None:
    assert node_hours(node_seconds) == shown


@given(figures)
@example(MAX_NODE_SECONDS)
def test_every_figure_is_rounded_as_the_decimal_module_rounds_it(node_seconds: int) -> None:
    assert node_hours(node_seconds) == by_decimal(node_seconds)


@given(st.integers(0, MAX_NODE_SECONDS // 18 - 1).map(lambda halves: halves * 18))
def test_a_half_goes_to_the_even_hundredth(node_seconds: int) -> None:
    shown = node_hours(node_seconds)

    assert node_seconds % 36 == 0 or int(shown[-1]) % 2 == 0


@given(figures, figures)
def test_more_node_seconds_are_never_shown_as_fewer_node_hours(one: int, other: int) -> None:
    less, more = sorted((one, other))

    assert Decimal(node_hours(less)) <= Decimal(node_hours(more))


@given(figures)
def test_what_is_shown_is_at_most_half_a_hundredth_off(node_seconds: int) -> None:
    error = Decimal(node_hours(node_seconds)) * 3600 - node_seconds

    assert abs(error) <= 18
