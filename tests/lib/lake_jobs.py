"""What processes do to a lake in tests of durability: import, snapshot, seal, and look at what is there.

The story is one of a cluster whose events are listed on four days: counts grow,
objects expire and come back under a new uid, and every list reaches back over midnight.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from etl.config.settings import Source, Storage
from etl.ingest import ImportRequest, Run, import_events, take_snapshot
from etl.lake import append, deletions, documents, ledger_seal, redact, retention
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.masks import Mask, Masks
from etl.lake.objects import ObjectFiles
from etl.lake.query import session
from etl.source import decode, live
from etl.source.listing import Lister
from tests.lib import lakes
from tests.lib.bucket_copies import is_address
from tests.lib.event_store import stamp
from tests.lib.events import event
from tests.lib.reference import Seen, occurrences
from tests.lib.stores import ENVIRON

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 20, 3, tzinfo=UTC)
LISTS = 4
_LOOKS = 2
_ITEMS = 12
_A_PAGE = 6
# Every page becomes a part of its own, so that there is something between them.
_HELD_BYTES = 1


# What every event of the story says, and ``mask`` takes away.
MASKED = "restarting failed container"


def collected_at(number: int) -> datetime:
    """When list ``number`` was taken."""
    return START + number * 24 * HOUR


# What retention keeps in this story: the days of the lists 2 and 3, and half of list 1.
KEPT_FROM = datetime(2026, 11, 21, tzinfo=UTC)
# Three days after the last list: every day is due.
LATER = collected_at(LISTS) + 72 * HOUR


def items(number: int) -> list[dict[str, Any]]:
    """The event objects of list ``number``: some of the day before, and every third one came back."""
    found = []
    for i in range(_ITEMS):
        at = collected_at(number) - (i % 4) * 3 * HOUR
        uid = f"u{i}-{number}" if i % 3 == 0 else f"u{i}"
        version = {"uid": uid, "resourceVersion": str(100 * number + i + 1)}
        metadata = {**version, "creationTimestamp": stamp(START - 12 * HOUR)}
        count = (number + 1) * (i + 1)
        first = START - 12 * HOUR
        found.append(event(f"web-{i}", at=at, first=first, count=count, metadata=metadata))
    return found


def states(number: int, since: datetime = START - 240 * HOUR) -> set[tuple[str, int]]:
    """(uid, n) of what list ``number`` holds, as far as it was last seen at ``since`` or later."""
    return {
        (one["metadata"]["uid"], one["count"])
        for one in items(number)
        if one["lastTimestamp"] >= stamp(since)
    }


def lake_in(folder: str) -> Lake:
    """The lake in ``folder``, or at the address of a bucket's folder in a store of the tests."""
    if not is_address(folder):
        return Lake(LocalFiles(Path(folder)))
    where = urlsplit(folder)
    storage = Storage(endpoint=f"{where.scheme}://{where.netloc}", allow_http=True)
    return Lake(ObjectFiles.at(f"s3:/{where.path}", storage, ENVIRON))


def import_lists(folder: str, run: str, *numbers: int) -> list[int]:
    """Import the lists one after the other; return the rows that each added. ``run`` makes their names unique."""
    added = []
    with mock.patch.object(append, "HELD_BYTES", _HELD_BYTES):
        for number in numbers:
            found = items(number)
            pages = [found[i : i + _A_PAGE] for i in range(0, len(found), _A_PAGE)]
            at = collected_at(number)
            request = ImportRequest(
                cluster="prod",
                chunks=[decode.page(json.dumps({"items": page}).encode()) for page in pages],
                collected_at=at,
            )
            entry = import_events(lake_in(folder), request, _run(f"list{number}-{run}", at))
            added.append(entry.rows_added or 0)
    return added


def snapshot(folder: str, run: str, kubeconfig: str, now: datetime) -> int:
    """Take a snapshot in pages of three; return the rows that it added."""
    source = Source(kubeconfig=kubeconfig, page_size=3)
    waits: Callable[[float], None] = lambda _: None  # noqa: E731
    lister = Lister(live.connect(source, {}), source, lambda: now, waits)
    with mock.patch.object(append, "HELD_BYTES", _HELD_BYTES):
        entry = take_snapshot(lake_in(folder), "prod", lister, _run(f"snapshot-{run}", now))
    return entry.rows_added or 0


def seal(folder: str, _run: str, now: datetime) -> int:
    """Seal what is due; return how many days that were."""
    return len(lakes.sealed(lake_in(folder), now))


def seal_ledger(folder: str, _run: str, now: datetime) -> int:
    """Seal the days of the ledger that are due; return how many that were."""
    return len(list(ledger_seal.seal_ledger(lake_in(folder), clock=lambda: now)))


def retain(folder: str, _run: str, now: datetime) -> int:
    """Take what is older than ``KEPT_FROM`` out of sight, and delete what was an hour ago; return how many intents went."""
    lake = lake_in(folder)
    retention.mark(lake, "prod", KEPT_FROM.date(), clock=lambda: now, ttl=lakes.TTL)
    return len(list(retention.sweep(lake, "prod", now=now)))


def mask(folder: str, run: str, now: datetime) -> int:
    """Mask what ``MASKED`` matches; return how many days and documents that were."""
    lake = lake_in(folder)
    masks = Masks((Mask("m", MASKED, "*"),))
    others = len(list(documents.matching(lake.files, masks)))
    days = list(redact.redact(lake, masks, run_id=run, clock=lambda: now, others=others))
    return len([*days, *documents.redact(lake.files, masks)])


@dataclass(frozen=True, slots=True)
class Look:
    """What a lake answers: rows of its views, the ids of the runs that are in the ledger, and its parts."""

    events: list[tuple[Any, ...]]
    runs: list[str]
    parts: int
    """How many parts there are beside sealed days."""

    @property
    def works(self) -> set[str]:
        """What the ledger tells of, whichever run did it: list0, snapshot, retention."""
        return {run.partition("-")[0] for run in self.runs}

    @property
    def states(self) -> set[tuple[str, int]]:
        """(uid, n) of what is stored."""
        return {(row[1], row[2]) for row in self.events}


_EVENTS = "select * exclude (snapshot_id) from events order by cluster, uid, n, last_seen"
_COUNT = "select count(*) as n from observations"
_RUNS = """
select split_part(snapshot_id, 'Z-', 2) as id, deleted_before
from snapshots
where status <> 'failed'
order by id
"""


def look(folder: str) -> Look | None:
    """Ask for everything; null if there is no lake. Nothing may be left out, doubled or counted otherwise than the rules say."""
    lake = lake_in(folder)
    try:
        lake.files.read("_lake.json")
    except FileNotFoundError:
        return None
    with session(lake) as opened:
        events = opened.run(_EVENTS, {}).to_pylist()
        (observations,) = opened.run(_COUNT, {}).to_pylist()
        runs = opened.run(_RUNS, {}).to_pylist()
        assert opened.warnings == []
    stored = {(row["uid"], row["n"]) for row in events}
    # Days that retention deleted are promised no more, and the first one that it kept was
    # counted while the day before it was there: whoever knew it before has to compare.
    told = [run["deleted_before"].date() for run in runs if run["deleted_before"]]
    hidden = [one.deleted_before for one in deletions.intents(lake.files).values()]
    first = max([*told, *hidden], default=None)
    kept = first and datetime.combine(first, time(), UTC)
    for run in runs:
        if match := re.match(r"list(\d)-", run["id"]):
            promised = states(int(match[1]), kept) if kept else states(int(match[1]))
            assert promised <= stored, f"the ledger promises {run['id']}"
    expected = occurrences(Seen.of(row) for row in events)
    assert len(events) == len(expected) == observations["n"]
    for row in events:
        key = (row["cluster"], row["uid"], row["n"], row["last_seen"])
        if kept is None or row["last_seen"] >= kept + 24 * HOUR:
            assert (row["occurrences"], row["since"], row["reset"]) == expected[key], key
    rows = [_compact(row) for row in events]
    return Look(rows, [row["id"] for row in runs], len(lake.files.list("parts")))


def look_often(folder: str) -> None:
    """Look twice, at whatever others are doing meanwhile."""
    for _ in range(_LOOKS):
        look(folder)


def _compact(row: dict[str, Any]) -> tuple[Any, ...]:
    first = ("cluster", "uid", "n", "last_seen", "occurrences", "since", "reset")
    rest = sorted(f"{name}={value}" for name, value in row.items() if name not in first)
    return (*(row[name] for name in first), " ".join(rest))


def _run(name: str, now: datetime) -> Run:
    return Run(now, name, lambda: now)
