"""What readers of a story are told, in English and Chinese: its phases, relations and sentences.

Words of Kubernetes (reasons, kinds, names) and the texts of events are never translated: they
are what people search for.
"""

from __future__ import annotations

from etl.reports.catalogue import Language

# The English word is the key, and what JSON says.
_PHASES: dict[str, str] = {
    "scaled": "扩缩副本",
    "job done": "任务完成",
    "created": "创建 Pod",
    "create failing": "创建失败",
    "volume waiting": "等待存储卷",
    "volume failing": "存储卷失败",
    "volume ready": "存储卷就绪",
    "no new node": "不扩节点",
    "new node asked": "请求新节点",
    "not scheduled": "无法调度",
    "scheduled": "已调度",
    "sandbox failing": "沙箱失败",
    "sandbox changed": "沙箱变更",
    "start failing": "启动失败",
    "network down": "网络未就绪",
    "pulling": "拉取镜像",
    "image failing": "镜像失败",
    "pulled": "镜像就绪",
    "container created": "容器已创建",
    "hook failing": "钩子失败",
    "started": "已启动",
    "probe failing": "探针失败",
    "probe warning": "探针告警",
    "readiness failing": "就绪探针失败",
    "liveness failing": "存活探针失败",
    "startup failing": "启动探针失败",
    "crash looping": "反复崩溃",
    "starting": "正在启动",
    "node set up": "节点已设置",
    "node registered": "节点已注册",
    "node healthy": "节点正常",
    "node down": "节点未就绪",
    "node ready": "节点就绪",
    "node rebooted": "节点已重启",
    "node short": "节点资源不足",
    "out of memory": "内存耗尽",
    "evicted": "被驱逐",
    "preempted": "被抢占",
    "killing": "正在终止",
    "kill failing": "终止失败",
    "deleted": "删除 Pod",
    "given up": "已放弃",
    "done": "完成",
}
_RELATIONS: dict[str, str] = {
    "owner": "所有者",
    "part": "所属对象",
    "volume": "存储卷",
    "node": "节点",
    "autoscaler": "自动扩缩",
}
_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_SENTENCES: dict[str, tuple[str, str]] = {
    "heading": ("{kind} {name}, cluster {cluster}", "{kind} {name}，集群 {cluster}"),
    "window": (
        "Window: {start} to {end} {zone} ({length}): {told}",
        "窗口：{start} 至 {end} {zone}（{length}）：{told}",
    ),
    "event": ("1 event", "1 个事件"),
    "events": ("{count} events", "{count} 个事件"),
    "line": ("{events} in 1 line", "{events}，1 行"),
    "lines": ("{events} in {count} lines", "{events}，{count} 行"),
    "around": ("Around it: {names}", "相关对象：{names}"),
    "relation": ("{relation}: {names}", "{relation}：{names}"),
    "and more": ("{names} and {count} more", "{names} 等，另有 {count} 个"),
    "in short": ("In short: {steps}", "概要：{steps}"),
    "more steps": (" → and {count} more", " → 另有 {count} 个阶段"),
    "later": ("{length} later", "{length} 之后"),
    "over": ("×{count} over {length}", "×{count}，历时 {length}"),
    "since": ("{n} since {moment}", "自 {moment} 起共 {n} 次"),
    "the nth since": ("the {n}th since {moment}", "自 {moment} 起第 {n} 次"),
    "objects": ("of {count} objects", "涉及 {count} 个对象"),
    "gap": (
        "gap from {start} to {end} ({length}): nothing proves that all was seen",
        "缺口 {start} 至 {end}（{length}）：无法证明事件完整",
    ),
    "untold": ("Nothing was told of it in this window.", "此窗口内没有关于它的事件。"),
}


def phase(word: str, language: Language) -> str:
    """Return a phase as readers call it; a reason stays what it is."""
    return _PHASES.get(word, word) if language == "zh" else word


def relation(word: str, language: Language) -> str:
    """Return how another object belongs to the story."""
    return _RELATIONS[word] if language == "zh" else word


def weekday(number: int, name: str, language: Language) -> str:
    """Return the day of the week, Monday being 0; ``name`` is the English one."""
    return _WEEKDAYS[number] if language == "zh" else name


def say(key: str, language: Language, **filled: object) -> str:
    """Return a sentence with its places filled."""
    english, chinese = _SENTENCES[key]
    return (chinese if language == "zh" else english).format(**filled)
