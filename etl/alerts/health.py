"""Lines about eventlake itself, in the digest's language: what it could not see, read or ask."""

from __future__ import annotations

from datetime import datetime

from etl.alerts.model import Language
from etl.errors import quoted
from etl.timespan import rfc3339

_TEXTS: dict[str, dict[Language, str]] = {
    "silent": {
        "en": "{cluster}: no snapshot since {since}; check that its job runs",
        "zh": "{cluster}：{since} 之后没有快照，请检查其任务是否运行",
    },
    "never": {
        "en": "{cluster}: there is no snapshot yet; check that its job runs and may list events",
        "zh": "{cluster}：还没有快照，请检查其任务是否运行、是否有权限列出事件",
    },
    "failed": {
        "en": "{cluster}: {count} snapshots failed, the last one at {since}: {error}",
        "zh": "{cluster}：{count} 次快照失败，最近一次在 {since}：{error}",
    },
    "unreadable": {
        "en": "{cluster}: {count} events could not be read, such as {names}",
        "zh": "{cluster}：{count} 个事件无法读取，例如 {names}",
    },
    "retired": {
        "en": "{cluster} was retired by {by}: {comment}; its alerts are closed, and nobody waits for it",
        "zh": "{cluster} 已由 {by} 标记为下线：{comment}；其告警已关闭，不再等待该集群",
    },
    "rule": {
        "en": "the rule {rule} could not be evaluated: {error}",
        "zh": "规则 {rule} 无法求值：{error}",
    },
    "template": {
        "en": "a text of the rule {rule} could not be written: {error}",
        "zh": "规则 {rule} 的文本无法生成：{error}",
    },
}


def silent(language: Language, cluster: str, since: datetime | None) -> str:
    """Say that an expected cluster was not read in the window."""
    if since is None:
        return _TEXTS["never"][language].format(cluster=cluster)
    return _TEXTS["silent"][language].format(cluster=cluster, since=rfc3339(since))


def failed(
    language: Language, cluster: str, *, count: int, since: datetime, error: str | None
) -> str:
    """Say that snapshots of a cluster failed, and why the last one did."""
    return _TEXTS["failed"][language].format(
        cluster=cluster, count=count, since=rfc3339(since), error=quoted(error or "?", 200)
    )


def unreadable(language: Language, cluster: str, *, count: int, names: list[str] | None) -> str:
    """Say that a cluster's list held items that are no events."""
    shown = quoted(", ".join((names or ["?"])[:3]), 200)
    return _TEXTS["unreadable"][language].format(cluster=cluster, count=count, names=shown)


def retired(language: Language, cluster: str, *, by: str, comment: str) -> str:
    """Say that somebody said that a cluster is gone."""
    return _TEXTS["retired"][language].format(
        cluster=cluster, by=quoted(by or "?", 60), comment=quoted(comment, 200)
    )


def rule_failed(language: Language, rule: str, error: Exception) -> str:
    """Say that a rule's statement failed, which is neither a finding nor silence."""
    return _TEXTS["rule"][language].format(rule=rule, error=quoted(str(error), 300))


def template_failed(language: Language, rule: str, error: Exception) -> str:
    """Say that an annotation of a rule could not be rendered."""
    return _TEXTS["template"][language].format(rule=rule, error=quoted(str(error), 300))
