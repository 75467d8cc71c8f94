"""What readers are told, in English and Chinese: heads of columns and the sentences of the page.

A word of Kubernetes (reason, type, kind, namespace names) is never translated: it is
what people search for. A column without an entry is shown by its name.
"""

from __future__ import annotations

from etl.reports.catalogue import Language

_COLUMNS: dict[str, tuple[str, str]] = {
    "age_seconds": ("Age", "距今"),
    "at_least_seconds": ("Lives at least", "至少保留"),
    "at_most_seconds": ("Lives at most", "至多保留"),
    "back_offs": ("Back-offs", "退避次数"),
    "bucket": ("From", "时段起点"),
    "busy_share": ("Busy", "采集占时"),
    "cause": ("Cause", "原因"),
    "causes": ("Causes", "原因数"),
    "change": ("Change", "变化"),
    "cluster": ("Cluster", "集群"),
    "component": ("Component", "组件"),
    "condition": ("Condition", "状况"),
    "container": ("Container", "容器"),
    "covered_share": ("Covered", "覆盖率"),
    "ended_at": ("To", "结束"),
    "error": ("Error", "错误"),
    "example_pod": ("Newest pod", "最近的 Pod"),
    "example": ("Newest message", "最新消息"),
    "failed": ("Failed", "失败"),
    "failures": ("Failures", "失败次数"),
    "first_event": ("First", "首次"),
    "history_from": ("History from", "历史起点"),
    "hour": ("Hour", "小时"),
    "hours": ("Hours", "小时数"),
    "image": ("Image", "镜像"),
    "items": ("Events alive", "存活事件"),
    "known_days": ("Known days", "已知天数"),
    "last_event": ("Last", "最近"),
    "last_snapshot_at": ("Last snapshot", "最近快照"),
    "last_reason": ("Said last", "最近原因"),
    "length_seconds": ("Length", "时长"),
    "longest_seconds": ("Longest", "最长"),
    "mean_seconds": ("Mean time", "平均用时"),
    "meaning": ("Meaning", "含义"),
    "message": ("Message", "消息"),
    "message_bytes": ("Text", "文本大小"),
    "most_items": ("Most alive", "最多存活"),
    "most_nodes": ("Nodes at most", "最多节点"),
    "namespace": ("Namespace", "命名空间"),
    "namespaces": ("Namespaces", "命名空间数"),
    "node": ("Node", "节点"),
    "nodes": ("Nodes", "节点数"),
    "object_kind": ("Kind", "类型"),
    "object_name": ("Object", "对象"),
    "objects": ("Objects", "对象数"),
    "occurrences": ("Occurrences", "发生次数"),
    "pages": ("Pages", "页数"),
    "peak_states_per_minute": ("Peak a minute", "每分钟峰值"),
    "per_hour": ("Per hour", "每小时"),
    "pods": ("Pods", "Pod 数"),
    "probe": ("Probe", "探针"),
    "previous_covered_share": ("Covered before", "之前覆盖率"),
    "previous_occurrences": ("Occurrences before", "之前次数"),
    "previous_warnings": ("Warnings before", "之前警告"),
    "proven_hours": ("Proven hours", "已证明小时"),
    "reason": ("Reason", "原因"),
    "reasons": ("Reasons", "原因数"),
    "received_bytes": ("Received", "接收大小"),
    "recoveries": ("Recoveries", "恢复次数"),
    "resource": ("Resource", "资源"),
    "retries": ("Retries", "重试次数"),
    "scope": ("Of", "范围"),
    "share": ("Share", "占比"),
    "snapshots": ("Snapshots", "快照数"),
    "watches": ("Watches", "增量快照数"),
    "started_at": ("From", "开始"),
    "starts": ("Starts", "启动次数"),
    "state": ("State", "状态"),
    "states": ("States", "状态数"),
    "states_per_second": ("States a second", "每秒状态"),
    "top_reason": ("Main reason", "主要原因"),
    "top_reason_warnings": ("of it", "其中次数"),
    "top_workload": ("Main workload", "主要工作负载"),
    "ttl_seconds": ("TTL", "保留时间"),
    "type": ("Type", "级别"),
    "usual": ("Usual", "常态"),
    "volumes": ("Volumes", "卷数"),
    "warnings": ("Warnings", "警告数"),
    "weekday": ("Weekday", "星期"),
    "workload": ("Workload", "工作负载"),
    "workload_by": ("Found by", "判定方式"),
    "workload_kind": ("Kind", "类型"),
    "workloads": ("Workloads", "工作负载数"),
}

# Values that eventlake itself writes into reports; everything else is shown as it is.
_VALUES: dict[str, tuple[str, str]] = {
    "(others)": ("(others)", "（其他）"),
    "after the last snapshot": ("after the last snapshot", "最后一次快照之后"),
    "attached elsewhere": ("attached elsewhere", "已挂接到其他节点"),
    "bad": ("bad", "异常"),
    "before the first snapshot": ("before the first snapshot", "第一次快照之前"),
    "certificate": ("certificate", "证书问题"),
    "command failed": ("command failed", "命令失败"),
    "command not there": ("command not there", "命令不存在"),
    "connection refused": ("connection refused", "连接被拒绝"),
    "connection reset": ("connection reset", "连接被重置"),
    "container not running": ("container not running", "容器未运行"),
    "host not reached": ("host not reached", "主机不可达"),
    "not serving": ("not serving", "服务未就绪"),
    "redirected elsewhere": ("redirected elsewhere", "被重定向到别处"),
    "wrong protocol": ("wrong protocol", "协议不符"),
    "claim not there": ("claim not there", "PVC 不存在"),
    "configmap not there": ("configmap not there", "configmap 不存在"),
    "covered": ("covered", "已覆盖"),
    "cluster": ("cluster", "集群"),
    "cluster restored": ("cluster restored", "集群被恢复"),
    "damaged part": ("damaged part", "数据文件损坏"),
    "failing": ("failing", "失败中"),
    "fresh": ("fresh", "最新"),
    "imported": ("imported", "仅导入"),
    "late": ("late", "延迟"),
    "stale": ("stale", "过期"),
    "failed run": ("failed run", "运行失败"),
    "inconsistent list": ("inconsistent list", "列表不一致"),
    "interval longer than the TTL": ("interval longer than the TTL", "运行间隔超过事件保留时间"),
    "namespaces": ("namespaces", "命名空间"),
    "schedule leaves no spare run": ("schedule leaves no spare run", "调度没有余量"),
    "scope not proven": ("scope not proven", "范围未证明"),
    "deleted by retention": ("deleted by retention", "已按保留期删除"),
    "driver not there": ("driver not there", "CSI 驱动不存在"),
    "gap": ("gap", "缺口"),
    "host path not there": ("host path not there", "主机路径不存在"),
    "invalid name": ("invalid name", "名称无效"),
    "kubelet not in sync": ("kubelet not in sync", "kubelet 未同步"),
    "mount command failed": ("mount command failed", "挂载命令失败"),
    "name not resolved": ("name not resolved", "域名无法解析"),
    "never pulled": ("never pulled", "策略为从不拉取"),
    "no room": ("no room", "容量或配额不足"),
    "no run": ("no run", "没有运行"),
    "no snapshot": ("no snapshot", "没有快照"),
    "no space left": ("no space left", "空间不足"),
    "no volume to bind": ("no volume to bind", "没有可绑定的卷"),
    "not allowed": ("not allowed", "无权限"),
    "not there": ("not there", "不存在"),
    "not there or not allowed": ("not there or not allowed", "不存在或无权限"),
    "other": ("other", "其他"),
    "rate limit": ("rate limit", "限流"),
    "registry not reached": ("registry not reached", "无法连接仓库"),
    "secret not there": ("secret not there", "secret 不存在"),
    "storage class not there": ("storage class not there", "存储类不存在"),
    "timed out": ("timed out", "超时"),
    "unknown": ("unknown", "未知"),
    "well": ("well again", "已恢复"),
    "wrong platform": ("wrong platform", "平台不符"),
}
_VALUE_COLUMNS = frozenset({"state", "cause", "namespace", "scope"})

# ISO's numbers: a week begins on Monday.
_WEEKDAYS: dict[int, tuple[str, str]] = {
    1: ("Mon", "周一"),
    2: ("Tue", "周二"),
    3: ("Wed", "周三"),
    4: ("Thu", "周四"),
    5: ("Fri", "周五"),
    6: ("Sat", "周六"),
    7: ("Sun", "周日"),
}

_SENTENCES: dict[str, tuple[str, str]] = {
    # what joins parts of a sentence
    "comma": (", ", "，"),
    "semicolon": ("; ", "；"),
    "colon": (": ", "："),
    # coverage, one line
    "coverage": ("Coverage", "覆盖情况"),
    "complete": ("all of the window proven by snapshots", "窗口全部由快照证明没有遗漏"),
    "nothing known": (
        "no snapshot reaches into this window, so nothing proves that all events are here",
        "没有快照覆盖此窗口，无法证明事件完整",
    ),
    "not proven": (
        "of the window proven by snapshots",
        "的时间由快照证明没有遗漏",
    ),
    "gap": ("a gap of {length}: {spans}", "1 处缺口，{length}：{spans}"),
    "gaps": ("{count} gaps, {length} in all: {spans}", "{count} 处缺口，共 {length}：{spans}"),
    "before": (
        "nothing is known before {moment}, {length}",
        "{moment} 之前情况未知，{length}",
    ),
    "after": (
        "nothing is known yet after {moment}, {length}",
        "{moment} 之后情况尚未知，{length}",
    ),
    "and more": ("and {count} more", "等 {count} 处"),
    "only namespaces": ("{told}, for the namespaces {names} only", "{told}，仅限命名空间 {names}"),
    "not stored": (
        "{told}; not stored by configuration: {names}",
        "{told}；按配置不存储：{names}",
    ),
    "others complete": ("complete in the other {count}", "其他 {count} 个集群完整"),
    # an answer without rows
    "no rows": ("no rows", "没有数据"),
    "not shown": (
        "Too narrow for: {columns}. A wider terminal or --format csv shows them.",
        "宽度不足，未显示：{columns}。请加宽终端或使用 --format csv。",
    ),
    # the page
    "level complete": ("Everything was seen", "全部覆盖"),
    "level partial": ("Seen in part", "部分覆盖"),
    "level gap": ("Something may be missing", "可能有遗漏"),
    "level unknown": ("Nothing is proven", "无法证明"),
    "failed": ("This report could not be made: {error}", "无法生成此报告：{error}"),
    "cut": (
        "The first {count} of {total} rows; the machine formats hold all.",
        "仅显示前 {count} 行，共 {total} 行；机器格式包含全部。",
    ),
    "times in": ("times in {zone}", "时间为 {zone}"),
    "contents": ("Contents", "目录"),
    "filter": ("Filter rows", "筛选"),
    "rows": ("{count} rows", "{count} 行"),
    "show all": ("Show all {count} rows", "显示全部 {count} 行"),
    "show fewer": ("Show fewer", "收起"),
    "matching": ("{count} of {total} rows match", "{total} 行中匹配 {count} 行"),
    "numbers of summary": ("All numbers", "全部数据"),
    "numbers of": ("The numbers of this chart", "图表数据"),
    "sort": ("Sort by {column}", "按 {column} 排序"),
    "none": ("None in this window.", "此窗口内没有。"),
    "none known": (
        "None are known from this window, but not all of it was seen.",
        "此窗口内未见记录，但窗口并未全部覆盖。",
    ),
    "than before": ("{change} than in the window before", "比前一窗口{change}"),
    "same": ("as many as in the window before", "与前一窗口持平"),
    "more": ("{percent} more", "多 {percent}"),
    "less": ("{percent} fewer", "少 {percent}"),
    "from none": ("none in the window before", "前一窗口没有"),
    "nothing to compare": ("nothing is known of the window before", "前一窗口情况未知"),
    "not compared": ("not compared: not all was seen", "不作比较：并非全部覆盖"),
    "all clusters": ("{count} clusters", "{count} 个集群"),
    "no clusters": ("no cluster", "没有集群"),
    "health": ("Left out", "未计入"),
    "lake": ("Lake", "数据湖"),
    "generated": ("Generated", "生成时间"),
    "version": ("Version", "版本"),
    "reproduce": ("Make this page again", "重新生成此页"),
    "untrusted": (
        "Texts of events are quoted as their writers sent them, shortened; they are not checked.",
        "事件文本按原文引用并截短，未经核实。",
    ),
}


def label(column: str, language: Language) -> str:
    """Head of the column named ``column``; a name with capitals, such as a value of PIVOT, stays as it is."""
    if column in _COLUMNS:
        return _pick(_COLUMNS[column], language)
    if column != column.lower():
        return column
    return column.replace("_", " ").capitalize()


def value(text: str, column: str, language: Language) -> str:
    """Return ``text`` of a column, translated where eventlake itself wrote it."""
    if column in _VALUE_COLUMNS and text in _VALUES:
        return _pick(_VALUES[text], language)
    return text


def told(item: object, column: str, language: Language) -> object:
    """Return ``item`` of a column as readers call it: a day of the week by its name."""
    if isinstance(item, str):
        return value(item, column, language)
    if column == "weekday" and isinstance(item, int) and item in _WEEKDAYS:
        return _pick(_WEEKDAYS[item], language)
    return item


def say(key: str, language: Language, **filled: object) -> str:
    """Return the sentence ``key`` with its places ``filled``."""
    return _pick(_SENTENCES[key], language).format(**filled)


def _pick(pair: tuple[str, str], language: Language) -> str:
    return pair[1] if language == "zh" else pair[0]
