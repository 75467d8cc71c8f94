"""docs/python.md: what it shows is what the API answers, and what the API has is on the page."""

from __future__ import annotations

import doctest
import inspect
import re
from pathlib import Path

import pytest

import etl
from etl.api import Lake
from etl.api.rule import RuleHistory
from tests.lib.commandline import NOW, eventlake

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_every_example_answers_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the first to the last, on the sample as it stands at one moment."""
    monkeypatch.chdir(tmp_path)
    assert eventlake("--lake", "out/lake", "sample").code == 0
    told = PAGE.read_text("utf-8").replace('open("out/lake"', 'open("out/lake", now=NOW')
    names = {"NOW": NOW}
    parsed = doctest.DocTestParser().get_doctest(told, names, PAGE.name, str(PAGE), 0)
    assert len(parsed.examples) > 20
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False
    )
    failed = runner.run(parsed, clear_globs=False).failed
    assert failed == 0, capsys.readouterr().out


def public(of: type) -> list[str]:
    """Return the names that a class shows to people."""
    return sorted(name for name in dir(of) if not name.startswith("_"))


@pytest.mark.parametrize(
    ("of", "written"), [(Lake, "lake"), (RuleHistory, "rule")], ids=["Lake", "RuleHistory"]
)
def test_everything_that_the_api_has_is_on_the_page(of: type, written: str) -> None:
    """Each method and property is named as one writes it."""
    page = PAGE.read_text("utf-8")
    assert [name for name in public(of) if not re.search(rf"\b{written}\.{name}\b", page)] == []


def test_every_keyword_of_open_is_on_the_page() -> None:
    """The table has all of them, in their order."""
    keywords = [
        name
        for name, one in inspect.signature(etl.open).parameters.items()
        if one.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    rows = re.findall(r"^\| `(\w+)` \| ", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows[: len(keywords)] == keywords
