"""What runs that died left behind: files under temporary names in the lake, folders on this machine.

A day later no run that wrote them can still live.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from etl.lake.files import Temporary
from etl.lake.layout import Lake

# Before the name of a folder that is lent DuckDB for what does not fit into memory.
SPILL_PREFIX = "eventlake-spill-"
OLD = timedelta(days=1)


def leftovers(lake: Lake, *, now: datetime) -> Iterator[Temporary]:
    """Return what was left in the lake more than a day ago."""
    return (one for one in lake.files.temporaries() if now - one.changed_at >= OLD)


@contextmanager
def spill_folder() -> Iterator[str]:
    """Lend a folder for what does not fit into memory; raises ``OSError`` where none can be made."""
    folder = tempfile.mkdtemp(prefix=SPILL_PREFIX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def spilled(*, now: datetime) -> list[Path]:
    """Return folders of sealings and sessions on this machine that nothing was written to for a day."""
    found = []
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{SPILL_PREFIX}*")):
        try:
            changed = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        except OSError:
            # Its process lives, and ended just now.
            continue
        if now - changed >= OLD:
            found.append(folder)
    return found


def sweep(lake: Lake, *, now: datetime) -> list[str]:
    """Delete what was left more than a day ago, in the lake and on this machine; return what that was."""
    swept = []
    for one in leftovers(lake, now=now):
        lake.files.delete(one.path)
        swept.append(one.path)
    for folder in spilled(now=now):
        # Another user's folder stays, as it is another user's trouble.
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            swept.append(str(folder))
    return swept
