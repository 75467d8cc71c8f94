"""What the checks over many snapshots say about how well a cluster is watched, as lines of text.

What has to be mended is trouble and belongs into a digest's health; the rest says how
long events live and how many runs may fail, for who asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from etl.alerts.model import Language
from etl.lake.query import Session
from etl.statements import statement
from etl.timespan import Window, brief

# Checks of single snapshots that a digest repeats: the others are gaps already, or what clusters do.
_TOLD = ("late_birth", "version_went_back")
_TEXTS: dict[str, dict[Language, str]] = {
    "too_short": {
        "en": "{cluster}: events live about {most} and not {ttl}: {early} of {vanished} went early;"
        " set source.ttl to what the cluster's --event-ttl says",
        "zh": "{cluster}：事件只保留约 {most}，而不是 {ttl}：{vanished} 个中有 {early} 个提前消失；"
        "请按集群的 --event-ttl 设置 source.ttl",
    },
    "no_spare": {
        "en": "{cluster}: schedule leaves no spare run: lists are {interval} apart and events live for"
        " {ttl}; list at least every {wanted}",
        "zh": "{cluster}：调度没有余量：快照间隔 {interval}，事件保留 {ttl}；请至少每 {wanted} 运行一次",
    },
    "late_birth": {
        "en": "{cluster}: {count} lists were not complete: events older than them came to light later",
        "zh": "{cluster}：{count} 次快照不完整：之后出现了更早的事件",
    },
    "version_went_back": {
        "en": "{cluster}: the cluster was restored, or is another one: its resourceVersion went back"
        " {count} times",
        "zh": "{cluster}：集群被恢复或已是另一个集群：resourceVersion 回退 {count} 次",
    },
    "lives": {
        "en": "{cluster}: events live {span}, configured are {ttl}",
        "zh": "{cluster}：事件保留 {span}，配置为 {ttl}",
    },
    "between": {"en": "{least} to {most}", "zh": "{least} 至 {most}"},
    "at_least": {"en": "at least {least}", "zh": "至少 {least}"},
    "at_most": {"en": "at most {most}", "zh": "至多 {most}"},
    "spare": {
        "en": "{cluster}: lists are {interval} apart, so {count} runs may fail in a row",
        "zh": "{cluster}：快照间隔 {interval}，可连续失败 {count} 次",
    },
}
_BUDGET_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Soundness:
    """Lines about the clusters of a window: what has to be mended, and what is only good to know."""

    trouble: tuple[str, ...]
    facts: tuple[str, ...]


def soundness(session: Session, window: Window, *, language: Language) -> Soundness:
    """Ask the checks of ``sql/checks`` about ``window``."""
    trouble: list[str] = []
    facts: list[str] = []
    for row in _rows(session, "lifetime", window):
        (trouble if row["too_short"] else facts).extend(_lifetime(row, language))
    for row in _rows(session, "schedule", window):
        name = "spare" if row["spare_runs"] else "no_spare"
        line = _TEXTS[name][language].format(
            cluster=row["cluster"],
            interval=_brief(row["interval_seconds"]),
            ttl=_brief(row["ttl_seconds"]),
            count=row["spare_runs"],
            wanted=_brief(max(row["ttl_seconds"] - _BUDGET_SECONDS, 0) / 2),
        )
        (facts if row["spare_runs"] else trouble).append(line)
    trouble += [
        _TEXTS[row["check_name"]][language].format(cluster=row["cluster"], count=row["snapshots"])
        for row in _rows(session, "snapshots", window)
        if row["check_name"] in _TOLD
    ]
    return Soundness(tuple(trouble), tuple(facts))


def _lifetime(row: Mapping[str, Any], language: Language) -> list[str]:
    least, most = row["at_least_seconds"], row["at_most_seconds"]
    told = {
        "cluster": row["cluster"],
        "ttl": _brief(row["ttl_seconds"]),
        "least": _brief(least),
        "most": _brief(most),
    }
    if row["too_short"]:
        counts = {"early": row["vanished_early"], "vanished": row["vanished"]}
        return [_TEXTS["too_short"][language].format(**told, **counts)]
    if not least and most is None:
        return []
    if most is None:
        span = "at_least"
    elif not least or least > most:
        # Renewed leases, or deletions: only one of the two says something.
        span = "at_most"
    else:
        span = "between"
    told["span"] = _TEXTS[span][language].format(**told)
    return [_TEXTS["lives"][language].format(**told)]


def _brief(seconds: float | None) -> str:
    return "" if seconds is None else brief(timedelta(seconds=round(seconds)))


def _rows(session: Session, name: str, window: Window) -> list[dict[str, Any]]:
    bounds = {"start": window.start, "end": window.end}
    rows: list[dict[str, Any]] = session.run(statement(f"checks/{name}").text, bounds).to_pylist()
    return rows
