"""Digests for tests: an ordinary morning, its quiet and its blind variants, and the worst text of strangers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from etl.alerts.model import (
    Coverage,
    Digest,
    Finding,
    FirstSeen,
    Gap,
    Held,
    Mover,
    Noisy,
    Totals,
)
from etl.timespan import Window

# Everything at once that has broken a notifier: quotes, backslash, newlines, JSON and template
# syntax, mentions of four chats, links, table and code markup, terminal codes, directions, CJK,
# emoji, a lone surrogate, and 100 KB of it.
HOSTILE = (
    'say "hi" \\ \\n back\\slash\nnew\r\nline\u2028sep {"a": 1} {{ 7*7 }} {% raw %} ${HOME} '
    "@all @everyone <@U123> <!channel> <at id=all></at> [click](https://evil.example/x) "
    "![i](http://evil.example) https://evil.example www.evil.example `code` | cell | **b** _i_ ~~s~~ "
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x00\x08 \u202eevil\u2066 镜像拉取失败 👨‍👩‍👧‍👦🇨🇳 \ud800 "
)
HOSTILE_100K = HOSTILE * (100_000 // len(HOSTILE) + 1)


def moment(text: str) -> datetime:
    """Return the UTC instant that ``text`` writes."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WINDOW = Window(moment("2026-11-22T01:00"), moment("2026-11-23T01:00"))
NOW = moment("2026-11-23T01:05")

COVERED = Coverage(
    share=1.0,
    covered=timedelta(hours=24),
    snapshots=144,
    failed=0,
    last_snapshot_at=moment("2026-11-23T01:00"),
)
QUIET = Digest(
    clusters=("prod",),
    window=WINDOW,
    timezone="Asia/Shanghai",
    language="en",
    coverage=COVERED,
    totals=Totals(12900, 380, 900, 34, 13100.0, 388.0),
)
GAP = replace(
    QUIET,
    coverage=Coverage(
        share=0.861,
        covered=timedelta(hours=20, minutes=40),
        snapshots=124,
        failed=0,
        gaps=(Gap("prod", moment("2026-11-22T18:10"), moment("2026-11-22T21:30"), "no run"),),
        last_snapshot_at=moment("2026-11-23T01:00"),
    ),
)
NO_DATA = replace(
    QUIET,
    coverage=Coverage(
        share=None,
        covered=timedelta(0),
        snapshots=0,
        failed=0,
        last_snapshot_at=moment("2026-11-21T10:00"),
    ),
    totals=Totals(0, 0, 0, 0),
)
MORNING = replace(
    QUIET,
    coverage=Coverage(
        share=0.9931,
        covered=timedelta(hours=23, minutes=50),
        snapshots=143,
        failed=1,
        gaps=(Gap("prod", moment("2026-11-22T19:10"), moment("2026-11-22T19:20"), "failed run"),),
        last_snapshot_at=moment("2026-11-23T00:58"),
    ),
    totals=Totals(18432, 1204, 912, 34, 13100.0, 388.0),
    findings=(
        Finding(
            alert="NodeOOM",
            severity="critical",
            labels={"cluster": "prod", "node": "node-a", "severity": "critical"},
            value=12,
            baseline=1.0,
            summary="12 OOM kills on node-a",
            description="The kernel killed processes because the node ran out of memory.",
            runbook_url="https://runbooks.example/oom",
            last_seen=moment("2026-11-23T00:12"),
        ),
        Finding(
            alert="ProbeFailures",
            severity="warning",
            labels={"cluster": "prod", "namespace": "shop"},
            value=812,
            baseline=66.0,
            summary="812 failed probes in shop",
            runbook_url="https://runbooks.example/probes",
            last_seen=moment("2026-11-23T00:59"),
        ),
        Finding(
            alert="CrashLooping",
            severity="warning",
            labels={"cluster": "prod", "namespace": "shop", "workload": "Deployment/payments"},
            value=93,
            summary="payments restarts in a loop",
            last_seen=moment("2026-11-23T00:57"),
        ),
    ),
    first_seen=(
        FirstSeen(
            cluster="prod",
            reason="FailedMount",
            object_kind="Pod",
            type="Warning",
            occurrences=3,
            first_seen=moment("2026-11-22T06:02"),
            meaning="The kubelet could not mount a volume of the pod.",
            example='configmap "cart-config" not found',
        ),
    ),
    movers=(Mover("prod", "shop", "BackOff", 812, 66.0), Mover("prod", "batch", "Done", 0, 1200.0)),
    noisiest=(Noisy("prod", "shop", "Pod", "payments-7d9f8b6c5d-x2vq8", 4120, "BackOff"),),
    held=(Held("PodsEvicted", "capacity work", moment("2026-12-01T00:00")),),
    cut={"ProbeFailures": 7},
    health=("a file of the lake is damaged",),
    link="https://reports.example/k8s",
)


def strange(text: str, *, rows: int = 3) -> Digest:
    """Return a digest in which every text that strangers can write is ``text``."""
    finding = Finding(
        alert=text,
        severity="critical",
        labels={"namespace": text, text: "x"},
        value=float("nan"),
        baseline=float("inf"),
        summary=text,
        description=text,
        runbook_url=f"https://runbooks.example/{text}",
        last_seen=WINDOW.start,
    )
    return replace(
        MORNING,
        clusters=(text[:300],),
        findings=tuple(
            replace(finding, severity=severity)
            for severity in ("critical", "warning", "info")
            for _ in range(rows)
        ),
        first_seen=(FirstSeen(text, text, text, text, 1, WINDOW.start, text, text),) * rows,
        movers=(Mover(text, text, text, 1, 0.5),) * rows,
        noisiest=(Noisy(text, text, text, text, 1, text),) * rows,
        held=(Held(text, text),) * rows,
        cut={text: 1},
        health=(text,) * rows,
        link=f"https://reports.example/{text}",
    )


def crowded(rows: int, word: str = "a payment failed") -> Digest:
    """Return a digest with ``rows`` entries in every section."""
    finding = MORNING.findings[0]
    return replace(
        MORNING,
        findings=tuple(
            replace(
                finding, severity=severity, summary=f"{word} {number}", alert=f"Rule{number % 7}"
            )
            for severity in ("critical", "warning", "info")
            for number in range(rows)
        ),
        first_seen=MORNING.first_seen * rows,
        movers=MORNING.movers * rows,
        noisiest=MORNING.noisiest * rows,
        held=MORNING.held * rows,
        health=MORNING.health * rows,
    )
