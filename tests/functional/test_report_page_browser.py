"""The page in a browser: no errors, no requests, right numbers, sorting, filtering, both themes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from etl.reports.catalogue import catalogue
from etl.reports.formats import to_json
from etl.reports.page import build
from tests.lib.browser import CHROMIUM, Browser, browser
from tests.lib.reports import COVERED, DAY, GAPPED, LISTS, hostile, lake, many, table

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no chromium on this machine")

BERLIN = "Europe/Berlin"
# What a table shows, record by record: its place in the head, and each cell's raw value or text.
READ = """
(() => {
  const table = document.querySelector('[data-table="%s"] table');
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.dataset.column);
  return JSON.stringify([...table.tBodies].map((body) => Object.fromEntries(
    [...body.rows[0].cells].map((cell, at) => [names[at], {
      raw: cell.dataset.v ?? null, text: cell.textContent, shown: cell.offsetParent !== null,
    }]))));
})()
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests of this module."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with rows in every report, two clusters and a gap."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(_page(), "utf-8")
    return path


def _page(events: Any = None, coverage: str = GAPPED) -> str:
    return build(
        lake(many() if events is None else events, coverage, LISTS),
        window=DAY,
        timezone=ZoneInfo(BERLIN),
        language="en",
        title="Events",
        generated_at=DAY.end,
    )


def _rows(opened: Browser, report: str) -> list[dict[str, dict[str, Any]]]:
    found: list[dict[str, dict[str, Any]]] = json.loads(opened.evaluate(READ % report))
    return found


def _column(opened: Browser, report: str, column: str) -> list[str]:
    return [row[column]["raw"] or row[column]["text"] for row in _rows(opened, report)]


def _click(opened: Browser, selector: str) -> None:
    opened.evaluate(f"document.querySelector({json.dumps(selector)}).click()")


def test_the_page_opens_without_errors_and_asks_nobody(chromium: Browser, page: Path) -> None:
    """No message on the console, and the file itself is the only thing that is loaded."""
    chromium.open(page)
    assert chromium.problems == []
    assert [url for url in chromium.requests if not url.startswith("data:")] == [page.as_uri()]


@pytest.mark.parametrize("name", catalogue())
def test_numbers_of_the_page_are_those_of_the_report(
    chromium: Browser, page: Path, name: str
) -> None:
    """Each cell holds what the report's JSON holds, in the order of the report."""
    chromium.open(page)
    expected = json.loads(to_json(table(name, lake(many(), GAPPED, LISTS), DAY, timezone=BERLIN)))
    found = _rows(chromium, name)
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        for column, cell in row.items():
            value = wanted[column]
            if value is None:
                assert (cell["raw"], cell["text"]) == ("", "–")
            elif isinstance(value, int | float):
                assert float(cell["raw"]) == value
            else:
                assert (cell["raw"] or cell["text"]) == value, column


def test_figures_are_the_sums_of_the_summary(chromium: Browser, page: Path) -> None:
    """The large numbers are the summary's, over all clusters."""
    chromium.open(page)
    summary = table("daily_summary", lake(many(), GAPPED, LISTS), DAY)
    for name in ("occurrences", "warnings", "objects", "namespaces", "nodes", "states"):
        shown = chromium.evaluate(f"document.querySelector('[data-figure={name}]').textContent")
        assert shown == f"{sum(summary[name].to_pylist()):,}"


def test_a_click_on_a_head_sorts_by_number(chromium: Browser, page: Path) -> None:
    """The greatest first, on the second click the least; the head says so to a screen reader."""
    chromium.open(page)
    head = '[data-table="top_reasons"] th[data-column="objects"]'
    for order in ("descending", "ascending"):
        _click(chromium, f"{head} button")
        numbers = [int(text) for text in _column(chromium, "top_reasons", "objects")]
        assert numbers == sorted(numbers, reverse=order == "descending")
        sorts = chromium.evaluate(
            "[...document.querySelectorAll('[data-table=\"top_reasons\"] th')]"
            ".map((head) => head.dataset.column + ' ' + head.getAttribute('aria-sort')).join()"
        )
        assert f"objects {order}" in sorts
        assert sorts.count("none") == sorts.count(",")


def test_numbers_are_not_sorted_as_text(chromium: Browser, tmp_path: Path) -> None:
    """1,000 comes after 90 and before 20,000, whatever the separators."""
    events = "last_seen | reason | type | occurrences\n" + "".join(
        f"2026-11-22 08:00 | r{count} | Normal | {count}\n" for count in (90, 1000, 20000, 7, 8, 9)
    )
    path = tmp_path / "report.html"
    path.write_text(_page(events), "utf-8")
    chromium.open(path)
    head = '[data-table="top_reasons"] th[data-column="occurrences"] button'
    _click(chromium, head)
    _click(chromium, head)
    found = _column(chromium, "top_reasons", "occurrences")
    assert found == ["7", "8", "9", "90", "1000", "20000"]


def test_text_is_sorted_with_what_is_missing_last(chromium: Browser, page: Path) -> None:
    """Both ways, a cell without a value comes last."""
    chromium.open(page)
    for direction in (False, True):
        _click(chromium, '[data-table="top_reasons"] th[data-column="component"] button')
        found = _column(chromium, "top_reasons", "component")
        named = [text for text in found if text != "–"]
        assert named == sorted(named, reverse=direction)
        assert found == named + ["–"] * (len(found) - len(named))
        assert 0 < len(named) < len(found)


def test_a_table_is_sorted_by_keyboard(chromium: Browser, page: Path) -> None:
    """A head can be reached and pressed without a mouse, and its focus is visible."""
    chromium.open(page)
    head = '[data-table="top_reasons"] th[data-column="reason"] button'
    chromium.evaluate(f"document.querySelector('{head}').focus()")
    chromium.press("Tab")
    chromium.press("Enter")
    assert (
        chromium.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')")
        == "ascending"
    )
    assert chromium.evaluate("document.activeElement.closest('th').dataset.column") == "type"
    assert chromium.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_record_keeps_its_message_when_it_moves(chromium: Browser, page: Path) -> None:
    """The second line of a record goes where its first line goes."""
    chromium.open(page)
    read = (
        "JSON.stringify([...document.querySelectorAll('[data-table=\"noisiest_objects\"] tbody')]"
        ".map((body) => [...body.rows].map((row) => row.textContent)))"
    )
    before = json.loads(chromium.evaluate(read))
    assert any(len(record) == 2 for record in before)
    _click(chromium, '[data-table="noisiest_objects"] th[data-column="object_name"] button')
    after = json.loads(chromium.evaluate(read))
    assert after != before
    assert sorted(after) == sorted(before)


def test_long_tables_open_on_demand(chromium: Browser, page: Path) -> None:
    """Ten rows are shown, all after a click, and ten again after another."""
    chromium.open(page)
    total = len(_rows(chromium, "noisiest_objects"))
    assert total > 12
    for visible in (10, total, 10):
        rows = _rows(chromium, "noisiest_objects")
        assert sum(row["occurrences"]["shown"] for row in rows) == visible
        _click(chromium, '[data-table="noisiest_objects"] .more')


def test_a_table_is_filtered_by_text(chromium: Browser, page: Path) -> None:
    """Rows without the text go, whatever its case, the count is said, and all come back."""
    chromium.open(page)
    table_ = "document.querySelector('[data-table=\"top_reasons\"]')"

    def search(text: str) -> list[str]:
        chromium.evaluate(
            f"(() => {{ const box = {table_}.querySelector('input'); box.value = '{text}';"
            " box.dispatchEvent(new Event('input')); })()"
        )
        rows = _rows(chromium, "top_reasons")
        return [row["reason"]["text"] for row in rows if row["reason"]["shown"]]

    everything = search("")
    word = next(reason for reason in everything if reason != "–")
    found = search(word.upper())
    assert found
    assert set(found) == {word}
    said = chromium.evaluate(f"{table_}.querySelector('output').textContent")
    total = len(_rows(chromium, "top_reasons"))
    assert said == f"{len(found)} of {total} rows match"
    assert search("no such text") == []
    assert search("") == everything


def test_a_mark_of_a_chart_tells_its_numbers(chromium: Browser, page: Path) -> None:
    """Under the mouse a column says its time, its series and its number."""
    chromium.open(page)
    place = json.loads(
        chromium.evaluate(
            "(() => { const mark = document.querySelector("
            "'#volume_by_type .wide path[aria-label*=\"Warning\"]');"
            " mark.scrollIntoView({block: 'center'}); const box = mark.getBoundingClientRect();"
            " return JSON.stringify([box.x + box.width / 2, box.y + box.height / 2,"
            " mark.getAttribute('aria-label')]); })()"
        )
    )
    chromium.move(place[0], place[1])
    assert chromium.evaluate("document.querySelector('#tip').hidden") is False
    assert chromium.evaluate("document.querySelector('#tip').textContent") == place[2]
    chromium.move(5, 5)
    assert chromium.evaluate("document.querySelector('#tip').hidden") is True


def test_hostile_text_creates_no_elements(chromium: Browser, tmp_path: Path) -> None:
    """Text of events is shown as text, also after sorting, filtering and pointing; nothing runs."""
    attack = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
    path = tmp_path / "report.html"
    path.write_text(_page(hostile(attack), COVERED), "utf-8")
    chromium.open(path)
    _click(chromium, '[data-table="top_reasons"] th[data-column="reason"] button')
    chromium.evaluate(
        "document.querySelector('figure path[aria-label*=\"img\"]')"
        ".dispatchEvent(new PointerEvent('pointermove', {bubbles: true}))"
    )
    assert "<img" in chromium.evaluate("document.querySelector('#tip').textContent")
    assert chromium.evaluate("document.querySelectorAll('img, script').length") == 1
    assert chromium.evaluate("typeof window.pwned") == "undefined"
    assert attack[:30] in chromium.evaluate("document.body.innerText")
    assert chromium.problems == []


def test_light_and_dark_follow_the_reader(chromium: Browser, page: Path) -> None:
    """Ground, text and the colours of the charts change with the reader's scheme; paper is light."""
    colours = (
        "JSON.stringify([getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.body).color,"
        " getComputedStyle(document.querySelector('path[fill=\"var(--warning)\"]')).fill])"
    )
    chromium.open(page)
    light = json.loads(chromium.evaluate(colours))
    chromium.open(page, dark=True)
    dark = json.loads(chromium.evaluate(colours))
    assert all(a != b for a, b in zip(light, dark, strict=True))
    chromium.open(page, dark=True, media="print")
    assert json.loads(chromium.evaluate(colours))[1:] == light[1:]


@pytest.mark.parametrize("width", [320, 420, 900, 1400])
def test_the_page_fits_its_window(chromium: Browser, page: Path, width: int) -> None:
    """Wide tables scroll inside their card, the page itself never sideways."""
    chromium.open(page, width=width)
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    narrow = chromium.evaluate("getComputedStyle(document.querySelector('.narrow')).display")
    assert narrow == ("block" if width < 760 else "none")


def test_paper_shows_all_rows_and_nothing_to_click(chromium: Browser, page: Path) -> None:
    """In print every row is there, and bars, boxes and buttons are not."""
    chromium.open(page, media="print")
    rows = _rows(chromium, "noisiest_objects")
    assert all(row["occurrences"]["shown"] for row in rows)
    for gone in (".bar", ".tools", ".more", "details"):
        assert chromium.evaluate(f"document.querySelector('{gone}').offsetParent === null")
    assert chromium.paper().startswith(b"%PDF")


def test_a_gap_is_seen_and_read(chromium: Browser, page: Path) -> None:
    """The gap is hatched on the strip and in the charts, and written in the status line."""
    chromium.open(page)
    assert "a gap of 1h" in chromium.evaluate("document.querySelector('.status').innerText")
    assert chromium.evaluate("document.querySelectorAll('.strip .gap').length") == 1
    assert "gap" in chromium.evaluate("document.querySelector('#volume_by_type .legend').innerText")
    mark = "document.querySelector('#volume_by_type .wide path[fill=\"url(#hatch-gap)\"]')"
    assert "no run" in chromium.evaluate(f"{mark}.getAttribute('aria-label')")
