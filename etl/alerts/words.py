"""The words of a digest in English and in Chinese: one field per phrase, so neither can miss one.

Phrases with braces are filled by ``str.format``; what goes in is escaped before. A
phrase with a bar has one form for one and one for many. The two languages order their
words differently, so a phrase is never put together from pieces that only fit one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from etl.alerts.model import Language, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """All phrases of one language."""

    severities: dict[Severity, str]
    urgent: str
    months: tuple[str, ...] = ()
    """Names of the months; empty where months are numbers."""
    moment: str
    """A day and a time: {month}, {day} and {clock}."""
    aside: str
    """A fact and a note on it in brackets."""
    comma: str
    colon: str
    semicolon: str
    listing: str
    """Between the entries of a list in one sentence."""
    clusters: str
    all_quiet: str
    no_findings: str
    no_findings_seen: str
    not_covered: str
    no_data: str
    no_data_advice: str
    no_data_findings: str
    last_snapshot: str
    never: str
    count: str
    """A number before a severity: ``2 critical``."""
    occurrences: str
    warnings: str
    no_baseline: str
    as_usual: str
    usually: str
    times_usual: str
    percent_usual: str
    coverage: str
    coverage_failed: str
    longest_gap: str
    gaps: str
    only: str
    only_of: str
    not_stored: str
    not_stored_of: str
    more: str
    beyond_limits: str
    left_out: str
    too_long: str
    value: str
    last_seen: str
    since: str
    until: str
    example: str
    runbook: str
    report: str
    first_seen: str
    on_kind: str
    movers: str
    noisiest: str
    held: str
    held_count: str
    elsewhere: str
    still: str
    resolved: str
    resolved_note: str
    expired: str
    expired_note: str
    """Why one is closed: nothing was known for {age}."""
    expired_gone: str
    nothing_new: str
    new_count: str
    still_count: str
    resolved_count: str
    expired_count: str
    firing_for: str
    not_known: str
    silence: str
    """A silence: {matchers}, {count}, {until} and {by}."""
    silenced_count: str
    inhibited: str
    paused: str
    health: str
    reason: str
    namespace: str
    cluster: str
    object: str
    now: str
    usual: str
    change: str
    new: str
    gone: str
    possible_repeat: str
    mention: str
    dead_letter: str
    waiting: str
    no_attempt: str
    unreadable: str
    causes: dict[str, str] = field(default_factory=dict)
    """Known causes of gaps; one that is not listed is shown as it is."""


ENGLISH = Words(
    urgent="urgent",
    severities={"critical": "critical", "warning": "warning", "info": "info"},
    months=tuple("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()),  # noqa: SIM905 - readable
    moment="{day} {month} {clock}",
    aside="{fact} ({note})",
    comma=", ",
    colon=": ",
    semicolon="; ",
    listing=", ",
    clusters="{count} cluster|{count} clusters",
    all_quiet="all quiet, no findings",
    no_findings="no findings",
    no_findings_seen="no findings in what was seen",
    not_covered="{missing} of {whole} not covered: {gaps}",
    no_data="NO DATA: no snapshot reaches this time, so nothing is known about it",
    no_data_advice="check that the job runs and may list events",
    no_data_findings="NO DATA from snapshots: what follows comes from imports and may be incomplete",
    last_snapshot="last snapshot {moment}",
    never="there is no snapshot at all",
    count="{count} {severity}",
    occurrences="{count} occurrence|{count} occurrences",
    warnings="{count} warning|{count} warnings",
    no_baseline="no baseline yet",
    as_usual="as usual",
    usually="usually {baseline}",
    times_usual="{times}× the usual {baseline}",
    percent_usual="{percent} against the usual {baseline}",
    coverage="coverage {share} ({count} snapshot)|coverage {share} ({count} snapshots)",
    coverage_failed="coverage {share} ({count} snapshot, {failed} failed)|coverage {share} ({count} snapshots, {failed} failed)",
    longest_gap="gap of {length}, {gap}",
    gaps="{count} gaps, the longest {length}, {gap}",
    only="of the namespaces only {names} listed",
    only_of="of {cluster} only the namespaces {names} listed",
    not_stored="not stored by configuration: {names}",
    not_stored_of="of {cluster} not stored by configuration: {names}",
    more="and {count} more: {names}",
    beyond_limits="Not listed, beyond the limits of their rules: {names}",
    left_out="Left out to fit: {names}",
    too_long="The details do not fit into one message.",
    value="value {value}",
    last_seen="last {moment}",
    since="{count}× since {moment}",
    until="until {moment}",
    example="e.g. {message}",
    runbook="runbook",
    report="full report",
    first_seen="Seen for the first time",
    on_kind="{reason} on {kind}",
    movers="Movers",
    noisiest="Noisiest",
    held="Held back",
    held_count="{count} rule switched off|{count} rules switched off",
    elsewhere="{count} alert went to other receivers|{count} alerts went to other receivers",
    still="Still firing",
    resolved="Resolved",
    resolved_note="below the threshold in this window",
    expired="Closed without an answer",
    expired_note="nothing known for {age}; it may still be so",
    expired_gone="its cluster is gone",
    nothing_new="nothing new",
    new_count="new: {counts}",
    still_count="{count} still firing",
    resolved_count="{count} resolved",
    expired_count="{count} expired",
    firing_for="for {age}",
    not_known="not known now, because something was not seen",
    silence="silence of {matchers} by {by} until {until}: {count} alert|silence of {matchers} by {by} until {until}: {count} alerts",
    silenced_count="{count} alert silenced|{count} alerts silenced",
    inhibited="{count} alert for which another one stands|{count} alerts for which others stand",
    paused="{count} urgent alert waited for a pause to end|{count} urgent alerts waited for a pause to end",
    health="Health of eventlake",
    reason="reason",
    namespace="namespace",
    cluster="cluster",
    object="object",
    now="now",
    usual="usually",
    change="change",
    new="new",
    gone="gone",
    possible_repeat="Possible repeat: an earlier attempt got no clear answer.",
    mention="{count} critical in {clusters}: {names}",
    dead_letter="{receiver} did not get the digest of {window}: {reason}",
    waiting="{receiver}: {count} message waiting for {since}; last attempt: {reason}|{receiver}: {count} messages waiting for {since}; last attempt: {reason}",
    no_attempt="none yet",
    unreadable="{path} cannot be read and will not be sent; delete it",
)

CHINESE = Words(
    urgent="紧急",
    severities={"critical": "严重", "warning": "警告", "info": "提示"},
    moment="{month}月{day}日 {clock}",
    aside="{fact}（{note}）",
    comma="，",
    colon="：",
    semicolon="；",
    listing="、",
    clusters="{count} 个集群",
    all_quiet="一切正常，无告警",
    no_findings="无告警",
    no_findings_seen="已采集的部分无告警",
    not_covered="{whole} 中有 {missing} 未覆盖：{gaps}",
    no_data="无数据（NO DATA）：没有快照覆盖这段时间，情况未知",
    no_data_advice="请检查任务是否运行、是否有权限列出事件",
    no_data_findings="无快照数据（NO DATA）：以下内容来自导入，可能不完整",
    last_snapshot="最近一次快照 {moment}",
    never="从未有过快照",
    count="{severity} {count}",
    occurrences="事件 {count} 次",
    warnings="Warning {count} 次",
    no_baseline="暂无基线",
    as_usual="与平时相当",
    usually="平时 {baseline}",
    times_usual="平时 {baseline} 的 {times} 倍",
    percent_usual="较平时 {baseline} {percent}",
    coverage="覆盖率 {share}（{count} 次快照）",
    coverage_failed="覆盖率 {share}（{count} 次快照，{failed} 次失败）",
    longest_gap="缺口 {length}，{gap}",
    gaps="缺口 {count} 处，最长 {length}，{gap}",
    only="仅列出命名空间 {names}",
    only_of="{cluster} 仅列出命名空间 {names}",
    not_stored="按配置不存储：{names}",
    not_stored_of="{cluster} 按配置不存储：{names}",
    more="另有 {count} 条：{names}",
    beyond_limits="超出规则条数上限、未列出：{names}",
    left_out="因长度省略：{names}",
    too_long="消息放不下详细内容。",
    value="值 {value}",
    last_seen="最近 {moment}",
    since="{moment} 起 {count} 次",
    until="至 {moment}",
    example="例如 {message}",
    runbook="处理手册",
    report="完整报告",
    first_seen="首次出现",
    on_kind="{kind} 的 {reason}",
    movers="明显偏离平时",
    noisiest="事件最多",
    held="未发送",
    held_count="{count} 条规则已关闭",
    elsewhere="另有 {count} 条告警发往其他接收方",
    still="持续告警",
    resolved="已恢复",
    resolved_note="本时段低于阈值",
    expired="未知结果，已关闭",
    expired_note="已有 {age} 无法得知状态，可能仍在发生",
    expired_gone="所属集群已下线",
    nothing_new="无新告警",
    new_count="新增：{counts}",
    still_count="持续 {count}",
    resolved_count="恢复 {count}",
    expired_count="过期 {count}",
    firing_for="已持续 {age}",
    not_known="部分时段未采集，目前状态未知",
    silence="静默 {matchers}（{by}，至 {until}）：{count} 条告警",
    silenced_count="{count} 条告警已静默",
    inhibited="{count} 条告警被其他告警抑制",
    paused="{count} 条紧急告警因发送间隔推迟告知",
    health="本工具自身状态",
    reason="原因",
    namespace="命名空间",
    cluster="集群",
    object="对象",
    now="本次",
    usual="平时",
    change="变化",
    new="新增",
    gone="消失",
    possible_repeat="可能重复：上一次发送没有得到明确应答。",
    mention="{clusters} 有 {count} 条严重告警：{names}",
    dead_letter="{receiver} 未收到 {window} 的日报：{reason}",
    waiting="{receiver}：{count} 条待发，已等 {since}，最近一次：{reason}",
    no_attempt="尚未尝试",
    unreadable="{path} 无法读取，不会发送，请删除",
    causes={
        "no run": "未运行",
        "failed run": "运行失败",
        "deleted by retention": "已按保留期删除",
        "no snapshot": "无快照",
        "before the first snapshot": "首次快照之前",
        "after the last snapshot": "最后一次快照之后",
        "interval longer than the TTL": "运行间隔超过事件保留时间",
        "inconsistent list": "列表不一致",
        "damaged part": "数据文件损坏",
        "cluster restored": "集群被恢复",
        "schedule leaves no spare run": "调度没有余量",
        "scope not proven": "范围未证明",
    },
)

WORDS: dict[Language, Words] = {"en": ENGLISH, "zh": CHINESE}


def counted(phrase: str, count: int, **fields: str) -> str:
    """Fill ``phrase`` with ``count``, in the form that one or many takes."""
    one, _, many = phrase.partition("|")
    return (one if count == 1 else many or one).format(count=f"{count:,}", **fields)
