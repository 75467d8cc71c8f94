"""The lakes on which both engines are asked: the sample, what was recorded, and a fleet of clusters.

The fleet's clusters were read once a day for thirty days: objects that go on counting,
copies of what was listed before, a day that comes late, and a day without a run. It is
written as imports write it; who asks may seal it.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from etl.ingest import ImportRequest, Run, import_events
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.source import decode
from tests.lib.events import event, series_event

END = datetime(2026, 11, 22, 6, tzinfo=UTC)
DAYS = 30
# A name as EKS gives it, whose path has to be encoded.
CLUSTERS = ("arn:aws:eks:eu-1:12/prod", "edge-007", "us")
_RECORDED = Path(__file__).parents[1] / "data" / "recorded"
_DAY = timedelta(days=1)
_SPAN = timedelta(hours=26)
_KINDS: tuple[dict[str, Any], ...] = (
    {"reason": "BackOff"},
    {
        "reason": "Unhealthy",
        "message": "Readiness probe failed: HTTP probe failed with statuscode: 503",
    },
    {
        "reason": "Unhealthy",
        "message": "Liveness probe failed: dial tcp 10.0.0.7:80: connection refused",
    },
    {
        "reason": "Failed",
        "message": 'Failed to pull image "registry.example/shop/api:1.4": not found',
    },
    {"reason": "FailedMount", "message": 'MountVolume.SetUp failed for volume "data" : timed out'},
    {"reason": "Evicted", "message": "The node was low on resource: memory."},
    {"reason": "Started", "type": "Normal", "message": "Started container app"},
    {"reason": "Killing", "type": "Normal", "message": "Stopping container app\n(second line) é"},
)


def recorded(folder: Path) -> Lake:
    """Make a lake of fourteen minutes of a real API server, one part for each of its thirty lists."""
    lake = Lake(LocalFiles(folder))
    lines = (_RECORDED / "snapshots.jsonl").read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        at = datetime.fromisoformat(json.loads(line)["started"])
        body = gzip.decompress((_RECORDED / f"snapshot-{number:03}.json.gz").read_bytes())
        _import(lake, "recorded", body, at, timedelta(minutes=2), name=f"{number:03}")
    return lake


def fleet(folder: Path) -> Lake:
    """Make the lake of the fleet, all of it in parts."""
    lake = Lake(LocalFiles(folder))
    for number, cluster in enumerate(CLUSTERS):
        days = list(_listed(Random(number), number))  # noqa: S311 -- test data
        # One day was read when all others were: it comes late.
        late = days.pop(DAYS // 2)
        # Another one never was.
        del days[DAYS // 3]
        for at, items in [*days, late]:
            _import(lake, cluster, json.dumps({"items": items}).encode(), at, _SPAN, name="daily")
    return lake


def _import(
    lake: Lake, cluster: str, body: bytes, at: datetime, ttl: timedelta, *, name: str
) -> None:
    request = ImportRequest(
        cluster=cluster, chunks=[decode.page(body)], collected_at=at, scope=(), ttl=ttl
    )
    import_events(lake, request, Run(at, name, lambda: END))


def _listed(draw: Random, cluster: int) -> Iterator[tuple[datetime, list[dict[str, Any]]]]:
    """Yield when each list was taken, and its events."""
    counts: dict[str, int] = {}
    before: list[dict[str, Any]] = []
    for day in range(DAYS):
        at = END - (DAYS - 1 - day) * _DAY + timedelta(minutes=cluster)
        items = [
            _item(draw, counts, at - timedelta(seconds=draw.randrange(80_000))) for _ in range(16)
        ]
        items += _told(at, f"{cluster}-{day}")
        for item in items:
            meta = item["metadata"]
            meta["uid"] = f"{meta['namespace']}/{meta['name']}"
            meta["resourceVersion"] = str(1000 * day + draw.randrange(1000))
            meta["creationTimestamp"] = item["firstTimestamp"] or item["eventTime"]
        # Of the list before some are still there.
        yield at, [*items, *before[:3]]
        before = items


def _item(draw: Random, counts: dict[str, int], at: datetime) -> dict[str, Any]:
    """Return an event about one of a few pods, whose count goes on."""
    kind = draw.choice(_KINDS)
    app = draw.choice(("api", "web", "cart"))
    pod = f"{app}-6d5f9c7b8c-x7k2{draw.choice('bcd')}"
    key = f"{pod}{kind['reason']}"
    counts[key] = counts.get(key, 0) + draw.randrange(1, 40)
    return event(
        pod,
        at=at,
        first=END - timedelta(days=3) if draw.random() < 0.5 else at - timedelta(hours=2),
        count=counts[key],
        namespace=draw.choice(("shop", "pay")),
        host=f"node-{draw.randrange(3)}",
        **kind,
    )


def _told(at: datetime, word: str) -> Iterator[dict[str, Any]]:
    """Yield what happens once a day: a pod that waits, a node that is lost, a Deployment that grows."""
    yield series_event(f"batch-{word}", at=at - timedelta(hours=3), count=4)
    yield event(
        "node-1",
        at=at - timedelta(hours=5),
        reason="NodeNotReady",
        type="Normal",
        kind="Node",
        namespace="default",
        component="node-controller",
        message="Node node-1 status is now: NodeNotReady",
    )
    yield event(
        "api",
        at=at - timedelta(hours=6),
        reason="ScalingReplicaSet",
        type="Normal",
        kind="Deployment",
        component="deployment-controller",
        message="Scaled up replica set api-6d5f9c7b8c to 3 from 2",
    )
    yield event(
        "api-6d5f9c7b8c",
        at=at - timedelta(hours=6),
        reason="SuccessfulCreate",
        type="Normal",
        kind="ReplicaSet",
        component="replicaset-controller",
        message="Created pod: api-6d5f9c7b8c-x7k2b",
    )
