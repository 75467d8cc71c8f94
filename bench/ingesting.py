"""Bytes of the API to rows on disk beside the official client's way to objects in memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from kubernetes import client

from bench.figures import Figure, Plan
from bench.generate_events import rendered
from etl.lake.append import Addition
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.source import columns, decode
from etl.source.normalise import Normaliser

_NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# The client's models need seconds for what takes us tens of milliseconds.
_EVENTS = 20_000
_PAGE = 5000


def speedup(plan: Plan) -> Iterator[Figure]:
    """Yield how many events we decode, normalise and write while the client decodes one."""
    count = min(plan.events, _EVENTS)
    pages = _pages(count)
    ratios, ours, theirs = [], [], []
    for number in range(int(plan.rounds > 1) + plan.rounds):
        theirs.append(_decoded(pages, count))
        ours.append(_written(pages, plan.folder / "ingest" / str(number), count))
        ratios.append(theirs[-1] / ours[-1])
    what = f"{count:,} events in pages of {_PAGE:,}"
    yield Figure(
        "ingest_speedup",
        statistics.median(ratios[-plan.rounds :]),
        f"events a second decoded, normalised and written (fsync included) beside ApiClient.deserialize to CoreV1EventList, the same bytes: {what}, one process in turns, median of {plan.rounds} ratios",
    )
    yield Figure(
        "ingest_events_a_second",
        count / statistics.median(ours[-plan.rounds :]),
        f"decode, normalise and write alone: {what}",
    )
    yield Figure(
        "client_events_a_second",
        count / statistics.median(theirs[-plan.rounds :]),
        f"decoding to the official client's models alone: {what}",
    )


def _pages(count: int) -> list[bytes]:
    items = rendered(count)
    pages = []
    while page := list(islice(items, _PAGE)):
        head = b'{"kind":"EventList","apiVersion":"v1","metadata":{},"items":['
        pages.append(head + b",".join(page) + b"]}")
    return pages


def _decoded(pages: list[bytes], count: int) -> float:
    """Return the seconds that the client needs, its text decoding included, as in its own request."""
    api = client.ApiClient()
    started = time.perf_counter()
    found = 0
    for page in pages:
        events = api.deserialize(page.decode(), "CoreV1EventList", "application/json")
        found += len(events.items)
    seconds = time.perf_counter() - started
    assert found == count
    return seconds


def _written(pages: list[bytes], folder: Path, count: int) -> float:
    """Return the seconds from the same bytes to a part in a new lake."""
    lake = Lake(LocalFiles(folder))
    started = time.perf_counter()
    lake.prepare()
    with Addition(lake, "bench", "bench") as addition:
        for page in pages:
            rows = Normaliser(
                columns.of_events(decode.page(page)), cluster="bench", observed_at=_NOW
            )
            addition.add(rows.rows("bench"), distinct=True)
        addition.publish()
    seconds = time.perf_counter() - started
    assert addition.rows_added == count
    return seconds
