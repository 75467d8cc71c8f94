"""What types cannot say about settings: ranges, names given twice, receivers without a target.

Only what concerns one section by itself; rules are compiled, and so checked, in
``etl.alerts.rules``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import time, timedelta
from urllib.parse import urlsplit

from etl.config import door, handing, owners, targets, watching
from etl.config.receivers import Receiver
from etl.config.settings import Digest, Settings, Source, Storage
from etl.config.targets import is_web
from etl.timespan import parse_zone

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
# A size as DuckDB reads it; more than 0.
SIZE_WRITTEN = re.compile(r"(?=.*[1-9])\d{1,6}(\.\d{1,3})? ?([KMGT]i?B)", re.IGNORECASE)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
# After it the API server may have compacted what a watch would go on from (--etcd-compaction-interval).
_COMPACTION = timedelta(minutes=5)

Found = tuple[str, str]


def clock(text: str) -> time:
    """Read a time of day such as ``09:00``; raises ``ValueError`` that names the accepted form."""
    if (found := _CLOCK.fullmatch(text)) and int(found[1]) < 24 and int(found[2]) < 60:  # noqa: PLR2004 -- a day
        return time(int(found[1]), int(found[2]))
    message = f"{text!r} is not a time of day; write it like 09:00"
    raise ValueError(message)


def mistakes(settings: Settings) -> Iterator[Found]:
    """Yield (path, what is wrong) for all that does not make sense in well-typed settings."""
    yield from _readable(settings)
    yield from owners.mistakes(settings.owners)
    yield from door.mistakes(settings.ingest, settings.source.namespaces)
    yield from _twice("ingest.redact[{}].name", "rule", [r.name for r in settings.ingest.redact])
    yield from _source(settings.source, "source")
    yield from _clusters(settings)
    yield from _storage(settings.storage)
    yield from _digest(settings.digest)
    yield from _retention(settings)
    if settings.report.since <= timedelta(0):
        yield "report.since", "is not a span of time; give more than 0s"
    if settings.schedule.upkeep < _SECOND:
        yield "schedule.upkeep", f"{settings.schedule.upkeep} is too short; give at least 1s"
    if settings.sql.timeout <= timedelta(0):
        yield "sql.timeout", "leaves no time; give more than 0s"
    if not SIZE_WRITTEN.fullmatch(settings.sql.memory):
        yield "sql.memory", f"{settings.sql.memory!r} is not a size; write it like 512MB or 4GB"
    yield from _twice("groups[{}].name", "group", [group.name for group in settings.groups])
    yield from _twice("receivers[{}].name", "receiver", [r.name for r in settings.receivers])
    yield from handing.mistakes(settings.forward)
    yield from watching.mistakes(settings.metrics, settings.heartbeat)
    for index, receiver in enumerate(settings.receivers):
        yield from targets.mistakes(receiver, f"receivers[{index}]")
        yield from _watchdogs(receiver, f"receivers[{index}]", settings.source.interval)


def _readable(settings: Settings) -> Iterator[Found]:
    try:
        parse_zone(settings.timezone)
    except ValueError as error:
        yield "timezone", str(error)
    try:
        clock(settings.digest.at)
    except ValueError as error:
        yield "digest.at", str(error)


def _source(source: Source, path: str) -> Iterator[Found]:
    if source.page_size < 1:
        yield (
            f"{path}.page_size",
            f"{source.page_size} is too small; ask for at least 1 event a page",
        )
    if source.retries < 0:
        yield (
            f"{path}.retries",
            f"{source.retries} is negative; 0 means that nothing is asked for twice",
        )
    for name in ("timeout", "deadline", "interval", "ttl"):
        if getattr(source, name) < _SECOND:
            yield f"{path}.{name}", f"{getattr(source, name)} is too short; give at least 1s"
    watch = source.watch
    if watch.list_every < 2:  # noqa: PLR2004 -- of one, every snapshot is a LIST
        yield (
            f"{path}.watch.list_every",
            f"{watch.list_every} leaves nothing to watch; give at least 2",
        )
    if watch.quiet <= timedelta(0):
        yield f"{path}.watch.quiet", "leaves no time; give more than 0s"
    if watch.enabled and source.interval >= _COMPACTION:
        yield (
            f"{path}.watch.enabled",
            f"is of no use with an interval of {source.interval}: what changed is forgotten after 5 to 10 minutes; run every 4m or more often",
        )


def _clusters(settings: Settings) -> Iterator[Found]:
    """Each has a name of its own and is another cluster; what it says is looked at as ``source`` is."""
    if settings.parallel < 1:
        yield "parallel", f"{settings.parallel} is too small; at least 1 cluster is read at once"
    if settings.clusters and settings.cluster:
        yield "cluster", "names one cluster, and clusters names several; keep one of the two"
    yield from _twice("clusters[{}].name", "cluster", [one.name for one in settings.clusters])
    places: dict[tuple[str, str, tuple[str, ...]], int] = {}
    common = set(_source(settings.source, ""))
    for index, one in enumerate(settings.clusters):
        if one.name in {"", ".", ".."} or not one.name.isprintable():
            yield (
                f"clusters[{index}].name",
                f"{one.name!r} cannot be a cluster's name; choose a printable name that is not . or ..",
            )
        source = one.over(settings.source)
        for key, text in _source(source, ""):
            # What all have from ``source`` is told there.
            if (key, text) not in common:
                yield f"clusters[{index}]{key}", text
        place = (source.kubeconfig, source.context, tuple(source.namespaces))
        if (first := places.setdefault(place, index)) != index:
            other = f"{settings.clusters[first].name!r} (clusters[{first}])"
            yield (
                f"clusters[{index}]",
                f"{one.name!r} is the same cluster as {other}: give it a kubeconfig or a context of its own",
            )


def _storage(storage: Storage) -> Iterator[Found]:
    if storage.endpoint and not is_web(storage.endpoint):
        yield "storage.endpoint", "is not an address; write it like https://minio.example:9000"
    elif urlsplit(storage.endpoint).scheme == "http" and not storage.allow_http:
        yield "storage.endpoint", "is plain http; use https, or say allow_http: true"
    if not storage.path_style and not storage.endpoint:
        yield (
            "storage.path_style",
            "is of no use without storage.endpoint, whose host's name gets the bucket",
        )
    if storage.access_key_id_file and not storage.secret_access_key_file:
        yield "storage.access_key_id_file", "is of no use alone; give secret_access_key_file too"
    if storage.retries < 0:
        yield (
            "storage.retries",
            f"{storage.retries} is negative; 0 means that nothing is asked for twice",
        )
    if storage.timeout < _SECOND:
        yield "storage.timeout", f"{storage.timeout} is too short; give at least 1s"


def _digest(digest: Digest) -> Iterator[Found]:
    if digest.baseline < _DAY:
        yield (
            "digest.baseline",
            f"{digest.baseline} is too short; days are compared, so give at least 1d",
        )
    if digest.min_baseline_days < 1:
        yield (
            "digest.min_baseline_days",
            f"{digest.min_baseline_days} is too small; give at least 1",
        )
    elif digest.baseline >= _DAY and digest.min_baseline_days > digest.baseline / _DAY:
        yield (
            "digest.min_baseline_days",
            f"{digest.min_baseline_days} days can never be known of a baseline of {digest.baseline}",
        )
    if digest.expire_after < _DAY:
        yield (
            "digest.expire_after",
            f"{digest.expire_after} is too short; one failed day is no end, so give at least 1d",
        )
    if digest.external_url and not is_web(digest.external_url):
        yield "digest.external_url", "is not an address; write it like https://reports.example/k8s"


def _retention(settings: Settings) -> Iterator[Found]:
    """What is kept has to hold the oldest day that a digest compares with, and days that can still get events."""
    # The window and the run may each be a day late, and both are cut in UTC while days are local.
    least = max(
        math.ceil(settings.digest.baseline / _DAY) + 3, math.ceil(settings.ttl() / _DAY) + 2
    )
    given = {"retention.keep_days": settings.retention.keep_days} | {
        f"retention.clusters.{name}": days for name, days in settings.retention.clusters.items()
    }
    for path, days in given.items():
        if days < 0 or 0 < days < least:
            yield (
                path,
                f"{days} is too few: digest.baseline and source.ttl need at least {least} days; 0 keeps everything",
            )


def _watchdogs(receiver: Receiver, path: str, interval: timedelta) -> Iterator[Found]:
    for index, config in enumerate(receiver.alertmanager_configs):
        if config.watchdog and config.watchdog <= interval:
            yield (
                f"{path}.alertmanager_configs[{index}].watchdog",
                f"{config.watchdog} ends before the next run; give more than source.interval ({interval})",
            )


def _twice(path: str, what: str, names: list[str]) -> Iterator[Found]:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in first:
            yield (
                path.format(index),
                f"{name!r} is the name of another {what} already ({path.format(first[name])})",
            )
        first.setdefault(name, index)
