"""Each chart in each form and on each page; and what draws them, which may fail without taking anything along."""

from __future__ import annotations

import struct
import subprocess
import sys
import threading

import pytest

from nodehours.faces.charts import drawing, forms
from nodehours.faces.charts.theme import DARK, LIGHT, WIDTH, Theme
from tests.faces.charts.examples import CHARTS, EMPTY, SVG, drawn, labels, spec, texts

PNG = b"\x89PNG\r\n\x1a\n"
SNIPPET = "window.vega = vega;"
DOT = {"mark": "point", "data": {"values": [{}]}}

every_chart = pytest.mark.parametrize("name", CHARTS)
every_theme = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@every_chart
@every_theme
def test_a_chart_is_json_svg_and_png_of_the_theme(name: str, theme: Theme) -> None:
    chart = CHARTS[name](theme=theme)

    told, picture, png = spec(chart), drawn(chart), forms.png(chart, scale=1)

    assert told["config"]["axis"]["labelColor"] == theme.soft
    assert theme.soft in {text.get("fill") for text in picture.iter(f"{SVG}text")}
    assert size(png)[0] == pytest.approx(WIDTH, abs=30)


@every_chart
def test_a_drawing_is_as_large_as_it_is_asked_for(name: str) -> None:
    chart = CHARTS[name](theme=LIGHT, width=500)

    small, large = size(forms.png(chart, scale=1)), size(forms.png(chart))

    assert float(drawn(chart).attrib["width"]) == pytest.approx(500, abs=30)
    assert small[0] == pytest.approx(500, abs=30)
    assert large == pytest.approx((2 * small[0], 2 * small[1]), abs=2)


@every_chart
def test_a_drawing_says_what_it_shows(name: str) -> None:
    chart = CHARTS[name](theme=LIGHT)
    picture = drawn(chart)

    assert picture.get("aria-label") == spec(chart)["description"]
    assert picture.get("role") == "graphics-document"


@pytest.mark.parametrize("name", EMPTY)
@every_theme
def test_of_nothing_is_said_that_it_is_nothing(name: str, theme: Theme) -> None:
    picture = drawn(EMPTY[name](theme))

    assert [*texts(picture)] == ["Nothing was used."]
    assert picture.get("aria-label") == "Nothing was used."


def test_an_upright_axis_has_its_unit_and_begins_with_nought() -> None:
    for name in ("monthly", "capacity", "daily", "burn"):
        said = " ".join(labels(drawn(CHARTS[name](theme=LIGHT))))

        assert "Y-axis titled 'node-hours' for a linear scale with values from 0 to" in said


def test_the_json_may_stand_in_a_script_element() -> None:
    assert b"<" not in forms.vega_lite(CHARTS["monthly"](theme=LIGHT))


def test_the_chart_says_for_which_vega_lite_it_is() -> None:
    assert f"/v{drawing.VEGA_LITE}." in spec(CHARTS["monthly"](theme=LIGHT))["$schema"]


def test_what_cannot_be_drawn_is_an_error_and_the_next_chart_is_drawn() -> None:
    with pytest.raises(drawing.NotDrawn, match="conversion failed"):
        drawing.drawn("svg", spec={"mark": "nonsense"})

    assert drawn(CHARTS["monthly"](theme=LIGHT)).tag == f"{SVG}svg"


def test_nothing_is_fetched_for_a_drawing() -> None:
    spec = {"mark": "bar", "data": {"url": "http://127.0.0.1:1/data.json"}}

    with pytest.raises(drawing.NotDrawn):
        drawing.drawn("svg", spec=spec)


def test_a_drawing_process_that_was_killed_is_an_error_once() -> None:
    easel = drawing.Easel()
    try:
        assert easel.drawn("svg", spec=DOT)
        process = easel._process
        assert process
        threading.Timer(0.2, process.kill).start()

        with pytest.raises(drawing.NotDrawn, match="has ended"):
            easel.drawn("bundle", snippet=SNIPPET)
        assert easel.drawn("svg", spec=DOT)
    finally:
        easel.close()


def test_a_drawing_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "PATIENCE_SECONDS", 0.1)
    easel = drawing.Easel()
    try:
        with pytest.raises(drawing.NotDrawn, match="has ended"):
            easel.drawn("bundle", snippet=SNIPPET)
    finally:
        easel.close()


def test_other_threads_go_on_while_something_is_drawn() -> None:
    """The engine itself would stop them all for as long as it works."""
    passed = threading.Event()
    bundling = threading.Thread(target=forms.browser_bundle.__wrapped__)
    bundling.start()
    threading.Timer(0.05, passed.set).start()

    assert passed.wait(30)
    assert bundling.is_alive()
    bundling.join()


def test_the_drawing_process_ends_with_who_started_it() -> None:
    program = (
        "from nodehours.faces.charts import drawing\n"
        "try: drawing.drawn('svg', spec=1)\n"
        "except drawing.NotDrawn: print(drawing._EASEL._process.pid, flush=True)\n"
        "import os; os._exit(0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    alive = subprocess.run(
        ["ps", "-o", "stat=", "-p", run.stdout.strip()], capture_output=True, text=True, check=False
    )
    assert alive.stdout.strip()[:1] in {"", "Z"}


def test_without_a_chart_neither_altair_nor_the_engine_is_imported() -> None:
    program = (
        "import sys\n"
        "from nodehours.faces.charts import burn, components, daily, forms, heat, monthly, sparkline, users\n"
        "print(sorted({'altair', 'vl_convert'} & {*sys.modules}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert run.stdout == "[]\n"
