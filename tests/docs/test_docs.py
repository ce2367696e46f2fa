from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from nodehours.settings import SETTINGS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page for page in ROOT.rglob("*.md") if not any(part.startswith(".") for part in page.parts)
)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["settings.md", "command-line.md"])
def test_a_generated_page_is_what_the_program_says(name: str) -> None:
    page = ROOT / "docs" / "reference" / name

    assert page.read_text() == generator().PAGES[name](), "run: make docs"


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text()

    assert all(f"`{setting.variable}`" in readme for setting in SETTINGS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_decision_is_in_the_index() -> None:
    decisions = ROOT / "docs" / "decisions"
    index = (decisions / "README.md").read_text()

    assert [page.name for page in decisions.glob("0*.md") if page.name not in index] == []
