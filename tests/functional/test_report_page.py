"""The page as a text: complete in itself, in both languages, escaped, bounded."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from etl.errors import UsageError
from etl.lean import without_numpy
from etl.reports.catalogue import Language, catalogue
from etl.reports.page import build
from etl.timespan import Window
from tests.lib.reports import COVERED, DAY, GAPPED, hostile, lake, many
from tests.lib.tables import EVENTS_SCHEMA

UTC = ZoneInfo("UTC")


class _Reader(HTMLParser):
    """Collects the elements of a page and its visible text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(
    events: str | pa.Table = "cluster | last_seen",
    coverage: str = COVERED,
    *,
    window: Window = DAY,
    language: Language = "en",
    title: str = "Events",
    **options: object,
) -> str:
    return build(
        lake(events, coverage),
        window=window,
        timezone=UTC,
        language=language,
        title=title,
        generated_at=window.end,
        **options,  # type: ignore[arg-type] # passed on as the test gives them
    )


@pytest.fixture(scope="module")
def page() -> str:
    """A page with rows in every report and a gap, made once for all who only read it."""
    return _page(many(), GAPPED)


def test_the_page_needs_nothing_but_itself(page: str) -> None:
    """No element refers to anything outside, and the policy would forbid it."""
    for tag, attributes in _Reader(page).elements:
        assert tag not in {"iframe", "object", "embed", "img", "base", "form"}
        for name in {"src", "href", "action", "srcset", "xlink:href"} & set(attributes):
            assert (attributes[name] or "").startswith(("#", "data:,")), (tag, attributes)
    assert "@import" not in page
    assert re.findall(r"url\((?!#|&#34;#|\"#)", page) == []
    # Names of XML namespaces are the only addresses.
    assert set(re.findall(r"https?://[^\s\"<]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_only_the_script_of_the_page_may_run(page: str) -> None:
    """The policy names the hash of the one script and allows no other source."""
    found = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert found
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert found[1].split("; ") == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert page.count("<script") == 1
    assert not re.search(r"<[^>]+\son\w+=", page)


def test_every_report_is_on_the_page_with_its_question(page: str) -> None:
    """All reports of the catalogue are there, in an order that puts the summary first."""
    read = _Reader(page)
    sections = [a["id"] for tag, a in read.elements if tag == "section" and "id" in a]
    assert sections[:3] == ["daily_summary", "volume_by_type", "top_reasons"]
    assert set(sections) == set(catalogue())
    for report in catalogue().values():
        assert report.questions["en"] in read.text


def test_at_least_three_charts_are_drawn_for_desks_and_telephones(page: str) -> None:
    """Each chart is drawn twice, marks what is not proven, and has a legend in words."""
    assert page.count('<div class="wide"><svg') == page.count('<div class="narrow"><svg') >= 3
    assert page.count('fill="url(#hatch-gap)"') >= 4
    assert "var(--warning)" in page
    assert "#0101" not in page


def test_the_page_speaks_chinese() -> None:
    """Heads, questions and sentences are Chinese; the words of Kubernetes stay."""
    page = _page(many(), GAPPED, language="zh")
    text = _Reader(page).text
    assert '<html lang="zh-CN">' in page
    for words in ("可能有遗漏", "发生次数", "哪些命名空间有问题", "Unhealthy", "没有运行"):
        assert words in text
    for words in ("Something may", "Occurrences", "by snapshots"):
        assert words not in text


@pytest.mark.parametrize(
    ("coverage", "level", "words"),
    [
        (COVERED, "complete", "Everything was seen"),
        (GAPPED, "gap", "a gap of 1h: 2026-11-22 12:00 – 2026-11-22 13:00 (no run)"),
        (
            (
                "cluster | started_at | ended_at | covered\n"
                "eu | 2026-11-01 00:00 | 2026-11-22 18:00 | T"
            ),
            "partial",
            "nothing is known yet after 2026-11-22 18:00, 6h",
        ),
        ("cluster | started_at | ended_at | covered", "unknown", "Nothing is proven"),
    ],
)
def test_coverage_is_said_in_words_and_colour(coverage: str, level: str, words: str) -> None:
    """The status line has a level for its colour, and the same in words."""
    page = _page(coverage=coverage)
    assert f'data-level="{level}"' in page
    assert words in _Reader(page).text


def test_a_silent_window_is_only_quiet_if_it_was_seen() -> None:
    """Where not all was seen, an empty answer is no proof, and says so."""
    assert "None in this window." in _page()
    gapped = _page(coverage=GAPPED)
    assert "None in this window." not in gapped
    assert "None are known from this window, but not all of it was seen." in gapped


def test_figures_are_compared_only_with_what_was_seen() -> None:
    """More or fewer is said where both windows were covered, else why it is not."""
    events = """
        last_seen        | occurrences
        2026-11-21 08:00 | 4
        2026-11-22 08:00 | 5
        """
    seen = "cluster | started_at | ended_at | covered\nprod | {} | 2026-11-23 00:00 | T"
    assert "25.0% more than in the window before" in _page(events, seen.format("2026-11-01 00:00"))
    assert "not compared: not all was seen" in _page(events, seen.format("2026-11-21 12:00"))
    alone = events.replace("2026-11-21 08:00 | 4\n", "")
    assert "none in the window before" in _page(alone, seen.format("2026-11-01 00:00"))
    assert "nothing is known of the window before" in _page(alone, seen.format("2026-11-22 00:00"))


def test_hostile_text_stays_text() -> None:
    """Whatever events, clusters and titles say, the page has the elements it has without them."""
    # The same first letters, so that every row has the same place.
    tame = _Reader(_page(hostile("zz harmless"), title="harmless", lake="harmless"))
    for attack in (
        "</script><script>alert(1)</script><!-- \u2028\u2029 \x00 \x1b[31m ]]>",
        '"><img src=x onerror=alert(1)>{{ 7 * 7 }}{% raw %}',
        "</style></svg><svg onload=alert(1)> javascript:alert(1)",
    ):
        page = _page(hostile(f"zz {attack}"), title=attack, lake=attack)
        found = _Reader(page)
        assert [tag for tag, _ in found.elements] == [tag for tag, _ in tame.elements], attack
        assert sorted(a for _, x in found.elements for a in x if a.startswith("on")) == []
        assert "\x00" not in page
        assert "\x1b" not in page


def test_the_page_stays_below_two_megabytes() -> None:
    """A year of failed runs, a thousand types and messages of a megabyte are shortened."""
    start = DAY.start - timedelta(days=365)
    rows = [
        {
            "cluster": "eu",
            "date": (start + timedelta(hours=n)).date(),
            "uid": f"u{n}",
            "n": 1,
            "last_seen": start + timedelta(hours=n),
            "observed_at": start,
            "snapshot_id": "s",
            "type": f"Type{n}",
            "reason": "Unhealthy",
            "namespace": f"namespace-{n}" * 4,
            "object_kind": "Pod",
            "object_name": f"pod-{n}" * 20,
            "message": "<&>" * 300_000 if n < 3 else "<&>" * 500,
            "occurrences": 1_000_000,
        }
        for n in range(1000)
    ]
    coverage = "cluster | started_at | ended_at | covered | cause\n" + "".join(
        f"eu | {start + timedelta(hours=n):%Y-%m-%d %H:%M} | "
        f"{start + timedelta(hours=n, minutes=30):%Y-%m-%d %H:%M} | T | -\n"
        f"eu | {start + timedelta(hours=n, minutes=30):%Y-%m-%d %H:%M} | "
        f"{start + timedelta(hours=n + 1):%Y-%m-%d %H:%M} | F | failed run\n"
        for n in range(2000)
    )
    page = _page(
        pa.Table.from_pylist(rows, schema=EVENTS_SCHEMA), coverage, window=Window(start, DAY.end)
    )
    assert len(page.encode()) < 2_000_000
    assert "the machine formats hold all" in page


def test_the_page_tells_how_to_make_it_again() -> None:
    """The foot holds lake, version and a command that a shell reads back as it was meant."""
    page = _page(many(), lake="/var/my lake", extra={"reason": "Back Off"})
    code = re.search(r"<code>(.*?)</code>", page)
    assert code
    assert _Reader(code[1]).text == (
        "eventlake --lake '/var/my lake' report --start 2026-11-22T00:00:00Z"
        " --end 2026-11-23T00:00:00Z --set 'reason=Back Off' --format html --output report.html"
    )
    assert "Back Off" in page


def test_an_extra_that_no_report_takes_is_refused() -> None:
    """A parameter that would change nothing is a mistake, and the message lists the others."""
    with pytest.raises(UsageError, match="no report takes 'raeson'; they take bucket, days"):
        _page(extra={"raeson": "BackOff"})


def test_a_report_that_fails_does_not_take_the_others_along(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure stands in its place and in the log; a chart that fails leaves its rows."""
    (tmp_path / "broken.sql").write_text(
        "-- title: Broken\n-- question: What?\nselect nothing from nowhere order by 1", "utf-8"
    )
    (tmp_path / "undrawn.sql").write_text(
        "-- title: Undrawn\n-- question: What?\n-- chart: bar x=missing y=reason\nselect 7 as seven order by 1",
        "utf-8",
    )
    page = _Reader(_page(many(), reports=catalogue([tmp_path])))
    assert "This report could not be made: Catalog Error" in page.text
    assert "the chart draws missing, but the rows have seven" in page.text
    assert ("td", {"class": "number", "data-v": "7", "data-n": "1"}) in page.elements
    assert "What happened most" in page.text
    assert "the report broken could not be made" in caplog.text


def test_damaged_files_are_named() -> None:
    """What the session had to leave out is said on the page, escaped."""
    session = lake("cluster | last_seen", COVERED)
    session.warnings.append("parts/<b>.parquet cannot be read and is left out")
    page = build(
        session,
        window=DAY,
        timezone=UTC,
        language="en",
        title="Events",
        generated_at=DAY.end,
    )
    assert "Left out: parts/&lt;b&gt;.parquet cannot be read" in page


def test_the_page_is_made_without_pandas_and_numpy() -> None:
    """The job that writes the page keeps pandas out of its process."""
    with without_numpy():
        assert "<svg" in _page(many())


def test_the_same_lake_makes_the_same_page() -> None:
    """Nothing depends on the moment or the process: the page is a function of its arguments."""
    assert _page(many(1), GAPPED) == _page(many(2), GAPPED)


def test_the_rows_of_one_cluster_need_no_column_for_it() -> None:
    """The column of the cluster is shown where there are several."""
    one = _page(
        "last_seen\n2026-11-22 08:00", COVERED.replace("us ", "prod ").replace("eu ", "prod ")
    )
    two = _page("cluster | last_seen\neu | 2026-11-22 08:00")
    assert 'data-column="cluster"' not in one
    assert 'data-column="cluster"' in two


def test_a_cell_shows_a_message_shortened_and_its_title_more() -> None:
    """A long message is cut in its cell; the title holds up to a thousand characters."""
    message = "word " * 400
    page = _Reader(
        _page(
            f"last_seen | reason | object_kind | object_name | message\n2026-11-22 08:00 | a | Pod | b | {message}"
        )
    )
    titles = [a["title"] or "" for tag, a in page.elements if tag == "td" and "title" in a]
    longest = max(titles, key=len)
    assert longest.startswith("word word")
    assert len(longest) <= 1000
    assert json.dumps(message.strip()) not in page.text
