"""Colours: each stands out from its page, and any two of a theme tell apart, with any kind of colour vision."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from nodehours.faces.charts.theme import DARK, LIGHT, Theme, legend_columns

every_theme = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)

Colour = tuple[float, float, float]

# What is left of linear red, green and blue without one kind of cones, by Machado, Oliveira and Fernandes: a model of
# 2009 that is based on physiology.
SIGHTS: dict[str, tuple[Colour, Colour, Colour]] = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}  # fmt: skip


def linear(colour: str) -> Colour:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return _linear(red), _linear(green), _linear(blue)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 reckons it: from 1 to 21."""
    dark, light = sorted(
        sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))
        for colour in (one, other)
    )  # fmt: skip
    return (light + 0.05) / (dark + 0.05)


def seen(colour: str, sight: str) -> Colour:
    """As somebody sees it, in Oklab, where the distance of two colours is how much they differ."""
    rgb = [
        min(1, max(0, sum(a * b for a, b in zip(row, linear(colour), strict=True))))
        for row in SIGHTS[sight]
    ]
    red, green, blue = rgb
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


@every_theme
def test_every_colour_of_a_series_stands_out_from_the_page(theme: Theme) -> None:
    for colour in (*theme.series, theme.others, theme.unattributed):
        assert contrast(colour, theme.page) >= 3


@every_theme
def test_every_text_can_be_read_on_the_page(theme: Theme) -> None:
    for colour in (theme.ink, theme.soft):
        assert contrast(colour, theme.page) >= 4.5


@every_theme
@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_series_tell_apart(theme: Theme, sight: str) -> None:
    apart = 0.12 if sight == "usual" else 0.065
    for one, other in combinations((*theme.series, theme.others), 2):
        assert math.dist(seen(one, sight), seen(other, sight)) >= apart, (one, other)


@every_theme
@pytest.mark.parametrize("sight", SIGHTS)
def test_more_heat_is_ever_further_from_the_page(theme: Theme, sight: str) -> None:
    far = [abs(seen(colour, sight)[0] - seen(theme.page, sight)[0]) for colour in theme.heat]

    assert far == sorted(far)


@every_theme
def test_a_mark_can_be_read_on_any_heat(theme: Theme) -> None:
    for place, colour in enumerate(theme.heat):
        assert contrast(colour, theme.page if place >= theme.heat_turn else theme.ink) >= 4.5


@pytest.mark.parametrize(("width", "columns"), [(100, 1), (390, 2), (760, 4), ("container", 4)])
def test_a_legend_has_as_many_columns_as_there_is_room_for(width: int | str, columns: int) -> None:
    assert legend_columns(width) == columns
