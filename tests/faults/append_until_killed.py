"""A program for test_interrupted_append: imports recorded snapshots until it is killed.

Arguments: the lake's folder, the number of the system call in that folder before which
it kills itself (0: never), and the numbers of the snapshots. Prints a line when it is
ready, and one after each import.
"""

from __future__ import annotations

import gzip
import os
import secrets
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from etl.ingest import ImportRequest, Run, import_events
from etl.lake import append
from etl.lake.files import LocalFiles
from etl.lake.layout import Lake
from etl.source import decode

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
START = datetime(2026, 11, 23, 8, 56, tzinfo=UTC)
CALLS = frozenset({"open", "os.rename", "os.link", "os.mkdir", "os.remove"})


def main(folder: str, last_call: int, numbers: list[int]) -> None:
    """Import the snapshots ``numbers`` one after the other."""
    append.HELD_BYTES = 30_000  # several parts a run, so that there is something between them
    pages = {number: _page(number) for number in numbers}
    calls = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal calls
        if event in CALLS and str(arguments[0]).startswith(folder):
            calls += 1
            if calls == last_call:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    print("ready", flush=True)  # noqa: T201 -- the answer of the program
    lake = Lake(LocalFiles(Path(folder)))
    for number in numbers:
        at = START + timedelta(seconds=30 * number)
        run = Run(at, f"{number:03}{secrets.token_hex(2)}", lambda: START + timedelta(hours=1))
        request = ImportRequest(cluster="recorded", chunks=[pages[number]], collected_at=at)
        import_events(lake, request, run)
        print(number, calls, flush=True)  # noqa: T201 -- the answer of the program


def _page(number: int) -> decode.Decoded:
    return decode.page(gzip.decompress((RECORDED / f"snapshot-{number:03}.json.gz").read_bytes()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [int(number) for number in sys.argv[3:]])
