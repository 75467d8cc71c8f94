"""The digest as people read it: what it says on bad, quiet and blind mornings, in both languages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from etl.alerts import render
from etl.alerts.columns import width
from etl.alerts.compose import Plan
from etl.alerts.dialects import Dialect, Markdown, Plain, WecomV1, WecomV2
from etl.alerts.model import Digest, Finding, Gap, Language
from etl.alerts.words import CHINESE, ENGLISH
from tests.lib.digests import (
    GAP,
    HOSTILE,
    MORNING,
    NO_DATA,
    QUIET,
    crowded,
    moment,
    strange,
)

DIALECTS: list[Dialect] = [Plain(100), Plain(), Markdown(), WecomV2(), WecomV1()]


def in_chinese(digest: Digest) -> Digest:
    """Return the digest with Chinese words."""
    return replace(digest, language="zh")


def _fitted(digest: Digest, dialect: Dialect, limit: int) -> str:
    """Return the one message of ``digest`` that fits into ``limit`` bytes."""

    def fits(blocks: list[str]) -> bool:
        return len(dialect.paragraph.join(blocks).encode()) <= limit

    (blocks,) = render.parts(digest, dialect, fits=fits)
    return dialect.paragraph.join(blocks)


def test_a_morning_in_plain_text() -> None:
    """The whole message on a terminal, line by line."""
    assert render.text(MORNING, Plain(100)) == (
        """\
prod · 1 critical, 2 warning · 22 Nov 09:00 – 23 Nov 09:00 Asia/Shanghai

18,432 occurrences (+41% against the usual 13,100) · 1,204 warnings (3.1× the usual 388) · coverage
99.3% (143 snapshots, 1 failed) · gap of 10m, 03:10–03:20 failed run

CRITICAL
NodeOOM: The kernel killed processes because the node ran out of memory. · runbook
https://runbooks.example/oom
  - 12 OOM kills on node-a · 12× the usual 1 · last 08:12

WARNING
ProbeFailures · runbook https://runbooks.example/probes
  - 812 failed probes in shop · 12× the usual 66 · last 08:59
CrashLooping
  - payments restarts in a loop · value 93 · namespace=shop workload=Deployment/payments · last
    08:57

Not listed, beyond the limits of their rules: ProbeFailures 7

SEEN FOR THE FIRST TIME
  - FailedMount on Pod · 3× since 14:02 · The kubelet could not mount a volume of the pod. · e.g.
    “configmap "cart-config" not found”

MOVERS
  reason   namespace  now  usually  change
  BackOff  shop       812       66     12×
  Done     batch        0    1,200    gone

NOISIEST
    now  object                              reason
  4,120  Pod shop/payments-7d9f8b6c5d-x2vq8  BackOff

HELD BACK
  - PodsEvicted · until 1 Dec 08:00 · capacity work

HEALTH OF EVENTLAKE
  - a file of the lake is damaged

full report https://reports.example/k8s"""
    )


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("digest", "verdict"),
    [(QUIET, ENGLISH.all_quiet), (in_chinese(QUIET), CHINESE.all_quiet)],
)
def test_a_quiet_and_covered_day_is_one_line(
    dialect: Dialect, digest: Digest, verdict: str
) -> None:
    """It says so, with what was counted, how much was seen, and what is switched off."""
    digest = replace(digest, held=MORNING.held, noisiest=MORNING.noisiest, link=MORNING.link)
    made = render.text(digest, dialect)
    assert len(made.splitlines()) == 1
    for part in (verdict, "12,900", "100%", "144", "https://reports.example/k8s"):
        assert part in made
    assert "1 rule switched off" in made or "1 条规则已关闭" in made


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("digest", "said"),
    [
        (GAP, "no findings in what was seen; 3h20m of 24h not covered: 02:10–05:30 no run"),
        (in_chinese(GAP), "已采集的部分无告警；24h 中有 3h20m 未覆盖：02:10–05:30 未运行"),
    ],
)
def test_a_quiet_day_with_a_gap_is_never_all_quiet(
    dialect: Dialect, digest: Digest, said: str
) -> None:
    """It says what was not seen, when and why."""
    made = " ".join(render.text(digest, dialect).split())
    assert said.replace(" ", "") in made.replace(" ", "")
    assert "86.1%" in made
    assert ENGLISH.all_quiet not in made
    assert CHINESE.all_quiet not in made


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("digest", [NO_DATA, in_chinese(NO_DATA)])
def test_a_window_without_a_snapshot_is_no_data(dialect: Dialect, digest: Digest) -> None:
    """Nothing known is said in capitals, with when something was known last."""
    made = render.text(digest, dialect)
    assert "NO DATA" in made
    assert "18:00" in made
    assert "quiet" not in made
    assert "正常" not in made


def test_findings_without_any_snapshot_are_shown_and_doubted() -> None:
    """Imported events can fire rules; the digest lists them below NO DATA."""
    made = render.text(replace(MORNING, coverage=NO_DATA.coverage), Markdown())
    assert made.startswith("**prod** · **NO DATA")
    assert "12 OOM kills on node-a" in made


def test_no_snapshot_ever_is_said() -> None:
    """Before the first run the advice is what to check."""
    digest = replace(NO_DATA, coverage=replace(NO_DATA.coverage, last_snapshot_at=None))
    assert "there is no snapshot at all · check that the job runs" in render.text(digest, Plain())


def test_the_longest_gap_comes_first_and_all_are_listed() -> None:
    """With findings the status names the longest gap, the health section each of them."""
    gaps = (
        Gap("prod", moment("2026-11-22T02:00"), moment("2026-11-22T02:10"), "failed run"),
        Gap("stage", moment("2026-11-22T10:00"), moment("2026-11-22T12:00"), "some new cause"),
    )
    coverage = replace(MORNING.coverage, gaps=gaps)
    digest = replace(MORNING, clusters=("prod", "stage"), coverage=coverage)
    made = render.text(digest, Plain())
    assert "2 gaps, the longest 2h, stage 18:00–20:00 some new cause" in made
    assert "  - prod 10:00–10:10 failed run\n" in made


def test_many_clusters_are_counted() -> None:
    """Five names or more would drown the status line."""
    digest = replace(QUIET, clusters=tuple(f"c{number}" for number in range(12)))
    assert render.text(digest, Plain()).startswith("12 clusters · ")


def test_one_of_a_kind_is_singular() -> None:
    """English counts one occurrence, one warning and one snapshot."""
    totals = replace(QUIET.totals, occurrences=1, warnings=1, baseline_occurrences=None)
    digest = replace(QUIET, totals=totals, coverage=replace(QUIET.coverage, snapshots=1))
    made = render.text(digest, Plain())
    assert "1 occurrence · 1 warning" in made
    assert "(1 snapshot)" in made


def test_without_history_there_is_no_comparison() -> None:
    """The first days say that there is no baseline yet."""
    totals = replace(QUIET.totals, baseline_occurrences=None, baseline_warnings=None)
    assert "380 warnings (no baseline yet)" in render.text(replace(QUIET, totals=totals), Plain())


def test_wecom_tables_are_pipe_tables() -> None:
    """markdown_v2 has tables, headings and marks by severity."""
    made = render.text(MORNING, WecomV2())
    assert "### 🔴 Critical\n\n**NodeOOM**: The kernel" in made
    assert (
        "| reason | namespace | now | usually | change |\n| --- | --- | ---: | ---: | ---: |"
        in made
    )
    assert "[runbook](https://runbooks.example/oom)" in made


def test_wecom_markdown_has_colours_and_no_tables() -> None:
    """The older dialect shows quoted lines and coloured headings."""
    made = render.text(MORNING, WecomV1())
    assert '<font color="warning">**Critical**</font>' in made
    assert "> BackOff · shop · 812 · 66 · 12×" in made
    assert "|" not in made


def test_chinese_sections() -> None:
    """The same morning for a Chinese team."""
    made = render.text(in_chinese(MORNING), WecomV2())
    assert "**严重 1，警告 2**" in made
    assert "事件 18,432 次（较平时 13,100 +41%）" in made
    assert "平时 1 的 12 倍 · 最近 08:12" in made
    assert "| 原因 | 命名空间 | 本次 | 平时 | 变化 |" in made


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_terminal_is_never_overrun(language: Language) -> None:
    """No line of a wide or narrow console is longer than its width, words that cannot break aside."""
    digest = replace(crowded(4, "镜像拉取失败 the image could not be pulled"), language=language)
    for line in render.text(digest, Plain(60)).splitlines():
        assert width(line) <= 60 or " " not in line.strip()


@pytest.mark.parametrize("limit", [500, 1000, 4096, 20_000])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "digest",
    [
        MORNING,
        in_chinese(crowded(60)),
        crowded(300),
        strange(HOSTILE),
        strange("中" * 500, rows=60),
    ],
)
def test_the_ladder_ends_below_every_limit(dialect: Dialect, digest: Digest, limit: int) -> None:
    """Whatever the digest, the message fits, and it still says how much is critical."""
    made = _fitted(digest, dialect, limit)
    assert len(made.encode()) <= limit or limit < 1000
    critical = digest.counted("critical")
    assert f"{critical} critical" in made or f"严重 {critical}" in made


def test_the_ladder_keeps_what_is_critical_longest() -> None:
    """In 4096 bytes the background gives way to alarms, and what is missing is counted."""
    made = _fitted(crowded(30), WecomV2(), 4096)
    assert made.count("a payment failed") >= 12
    assert "and " in made
    assert "Left out to fit: " in made
    assert "Noisiest 30" in made


def test_a_shortened_message_has_whole_tables_and_links() -> None:
    """Every rung renders as Markdown with all its rows closed."""
    for limit in range(600, 6000, 200):
        made = _fitted(crowded(12), Markdown(), limit)
        assert made.count("[") == made.count("](") == made.count("]")
        for line in made.splitlines():
            assert line.count("**") % 2 == 0
            assert not line.startswith("|") or line.count("|") in {4, 6}


def test_strangers_bring_no_markup_into_markdown() -> None:
    """Of a digest full of hostile text a renderer makes our links and nothing else."""
    rendered = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(
        render.text(strange(HOSTILE), Markdown())
    )
    assert "<img" not in rendered
    assert "<code" not in rendered
    assert "<at" not in rendered
    assert 'href="https://evil' not in rendered
    assert rendered.count("<table>") == 2


def test_data_for_machines_is_plain_and_complete() -> None:
    """All keys are there on any day, times are RFC 3339, and NaN is null."""
    data = render.to_json(strange("x"))
    assert set(data) == set(render.to_json(NO_DATA))
    assert data["status"] == "findings"
    assert data["window"] == {"start": "2026-11-22T01:00:00Z", "end": "2026-11-23T01:00:00Z"}
    findings = data["findings"]
    assert isinstance(findings, list)
    assert findings[0]["value"] is None
    assert findings[0]["last_seen"] == "2026-11-22T01:00:00Z"
    assert render.to_json(QUIET)["status"] == "quiet"
    assert render.to_json(GAP)["status"] == "gap"
    assert render.to_json(NO_DATA)["status"] == "no_data"


def test_data_says_what_a_plan_left_out() -> None:
    """Rows that did not fit are counted by section."""
    plan = list(render.plans())[-2]
    left_out = render.to_json(crowded(10), plan)["left_out"]
    assert left_out == {
        "findings": 27,
        "first_seen": 10,
        "movers": 20,
        "noisiest": 10,
        "held": 10,
        "health": 10,
    }


def test_a_noisy_alert_hides_no_other() -> None:
    """Where rows are short, every alert has one before any has two."""
    noisy = [Finding("Noisy", "warning", {}, 9.0, summary=f"noisy {i}") for i in range(9)]
    rare = Finding("Rare", "warning", {}, 1.0, summary="rare one")
    shown = replace(MORNING, findings=(*noisy, rare))
    text = render.text(shown, Plain(100), plan=Plan(9, 4, 9))
    assert "rare one" in text
    assert [f"noisy {i}" in text for i in range(4)] == [True, True, True, False]
    assert "6 more" in text
