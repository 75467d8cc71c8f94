"""How targets are doing to lines for the digest, in its language: who fails, is behind, refused or lost something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from etl.config.forwarding import Target
from etl.forward import dead
from etl.forward.forwarder import state
from etl.lake.files import Files
from etl.timespan import rfc3339

_TEXTS: dict[str, dict[str, str]] = {
    "failing": {
        "en": "forwarding: {target} has been failing since {since}, and what waits is in the lake: {reason}",
        "zh": "转发：{target} 自 {since} 起失败，等待的事件保存在湖中：{reason}",
    },
    "behind": {
        "en": "forwarding: {target} is behind since {since}: a run's time is not enough, raise forward.timeout or run eventlake forward",
        "zh": "转发：{target} 自 {since} 起落后：单次运行时间不足，请调大 forward.timeout 或运行 eventlake forward",
    },
    "dead": {
        "en": "forwarding: {target} refused {count} observations for good; eventlake forward --dead-letters lists them",
        "zh": "转发：{target} 永久拒绝了 {count} 条记录；用 eventlake forward --dead-letters 查看",
    },
    "deleted": {
        "en": "forwarding: retention deleted {count} observations at {since} that {target} never got",
        "zh": "转发：{since} 保留期清理删除了 {count} 条 {target} 未曾收到的记录",
    },
}
# A deletion is told in the digests of one day.
_TOLD = timedelta(days=1)


def lines(
    files: Files, targets: Sequence[Target], *, now: datetime, language: Literal["en", "zh"]
) -> Iterator[str]:
    """Yield a line for each thing that is not as it should be. Raises ``LakeError``."""
    refused = dead.count(files) if targets else {}
    for target in targets:
        name, known = target.name, state(files, target.name)
        if known and known.failing_since:
            yield _TEXTS["failing"][language].format(
                target=name, since=rfc3339(known.failing_since), reason=known.failure
            )
        elif known and known.behind_since:
            yield _TEXTS["behind"][language].format(target=name, since=rfc3339(known.behind_since))
        if count := refused.get(name):
            yield _TEXTS["dead"][language].format(target=name, count=f"{count:,}")
        if known and known.deleted_at and now - known.deleted_at < _TOLD:
            yield _TEXTS["deleted"][language].format(
                target=name, count=f"{known.deleted:,}", since=rfc3339(known.deleted_at)
            )
