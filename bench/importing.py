"""``eventlake import``: events a second from JSON, and the memory that a large archive takes."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, Plan
from bench.generate_events import rendered
from bench.measure import Taken, eventlake, in_turns, median, run

_MB = 1_000_000
_ARCHIVE_MB = 200
# Of what ``kubectl cp`` and collectors pack with: the level of gzip costs the archive a third, and the bench minutes.
_LEVEL = 1
_FILE_EVENTS = 20_000


def rate(plan: Plan) -> Iterator[Figure]:
    """Yield how many events of JSON a whole process imports a second."""
    path = plan.folder / "events.json"
    with path.open("wb") as file:
        file.write(b'{"apiVersion":"v1","items":[')
        for number, event in enumerate(rendered(plan.events)):
            file.write((b"," if number else b"") + event)
        file.write(b'],"kind":"List","metadata":{"resourceVersion":""}}')
    taken = in_turns({"import": lambda: _imported(plan.folder, path)}, rounds=plan.rounds)["import"]
    path.unlink()
    what = f"{plan.events:,} events, the output of kubectl get events -o json, into a new lake"
    yield Figure(
        "import_events_a_second",
        plan.events / median(taken),
        f"{what}: whole process, start and fsync included, median of {plan.rounds} times",
    )
    yield Figure(
        "import_peak_mb", max(once.peak_mb for once in taken), f"ru_maxrss of the same: {what}"
    )


def archive(plan: Plan) -> Iterator[Figure]:
    """Yield the memory and the time that an archive of 200 MB takes, which is nothing but events."""
    path = plan.folder / "bundle.tar.gz"
    events = _packed(path, plan.many)
    size = path.stat().st_size / _MB
    taken = _imported(plan.folder, path)
    path.unlink()
    what = f"a tar.gz of {size:,.0f} MB with {events:,} events as JSON lists of {_FILE_EVENTS:,}"
    yield Figure("import_archive_peak_mb", taken.peak_mb, f"ru_maxrss of importing {what}")
    yield Figure("import_archive_s", taken.seconds, f"wall time of importing {what}")


def _imported(folder: Path, path: Path) -> Taken:
    lake = folder / "imported"
    shutil.rmtree(lake, ignore_errors=True)
    taken = run(
        eventlake("--quiet", "--lake", str(lake), "--cluster", "bench", "import", str(path))
    )
    shutil.rmtree(lake)
    return taken


def _packed(path: Path, many: int) -> int:
    """Write an archive of 200 MB, or of as many events as ``many`` allows; return how many it has."""
    events = 0
    stream = rendered(many * 4)
    with gzip.open(path, "wb", _LEVEL) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        while path.stat().st_size < _ARCHIVE_MB * _MB:
            items = [event for event, _ in zip(stream, range(_FILE_EVENTS), strict=False)]
            if not items:
                break
            data = b'{"apiVersion":"v1","items":[' + b",".join(items) + b'],"kind":"List"}'
            member = tarfile.TarInfo(f"bundle/cluster-resources/events/ns-{events}.json")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
            events += len(items)
    return events
