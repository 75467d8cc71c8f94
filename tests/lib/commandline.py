"""The command line in process: arguments, environment and time in; exit code and streams out."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from etl import log
from etl.cli import main
from etl.lake.files import TEMPORARY_PREFIX
from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from etl.lake.query import session

_SLOWER = 1000
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to: its exit code, and what it wrote on stdout and stderr."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def sentence(self) -> str:
        """The error that ended the command; asserts that it is the only one, a line, and no traceback."""
        assert "Traceback" not in self.err, self.err
        (line,) = [line for line in self.err.splitlines() if line.startswith("error: ")]
        return line.removeprefix("error: ")

    def json(self) -> Any:
        """What stdout says in JSON, and nothing beside it."""
        return json.loads(self.out)


@dataclass(slots=True)
class Waits:
    """A sleep that does not sleep: it notes how long it should have been."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        """Note ``seconds``."""
        self.seconds.append(seconds)


def eventlake(
    *arguments: object,
    environ: Mapping[str, str] | None = None,
    now: datetime = NOW,
    stdin: bytes = b"",
    sleep: Callable[[float], None] | None = None,
    program: str | None = None,
) -> Done:
    """Run the command line in an empty environment; it never really sleeps."""
    out, err = io.BytesIO(), io.StringIO()
    stdout = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
    with _logging_restored():
        code = main(
            [str(argument) for argument in arguments],
            environ=environ or {},
            now=now,
            streams=(io.BytesIO(stdin), stdout, err),
            sleep=Waits() if sleep is None else sleep,
            clock=_slow(now),
            program=program,
        )
    raw = out.getvalue()
    return Done(code, raw.decode("utf-8", "replace"), err.getvalue(), raw)


def rows(lake: Path, text: str, *, cluster: str | None = None) -> list[dict[str, Any]]:
    """Ask a lake's views; the statement says the order."""
    with session(Lake(LocalFiles(lake)), cluster=cluster) as opened:
        found: list[dict[str, Any]] = opened.run(text, {}).to_pylist()
        assert opened.warnings == []
    return found


def ledger(lake: Path) -> list[dict[str, Any]]:
    """Read the ledger's rows, oldest first, without the views."""
    found = [row for path in lake.rglob("snapshots/**/*.parquet") for row in _read(path)]
    return sorted(found, key=lambda row: (row["started_at"], row["snapshot_id"]))


def parts(lake: Path) -> list[Path]:
    """Return the lake's parts, oldest first."""
    return sorted(lake.glob("parts/*/*/*.parquet"), key=lambda path: path.name)


def temporaries(lake: Path) -> list[Path]:
    """Return what was staged and neither published nor discarded."""
    return [path for path in lake.rglob("*") if path.name.startswith(TEMPORARY_PREFIX)]


def staged(lake: Path) -> list[Path]:
    """Wait until something is staged, for at most ten seconds, and return it."""
    for _ in range(1000):
        if found := temporaries(lake):
            return found
        time.sleep(0.01)
    message = f"nothing was staged in {lake}"
    raise AssertionError(message)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _slow(now: datetime) -> Callable[[], datetime]:
    """Return a clock on which hardly anything takes long, however busy this machine is."""
    origin = time.monotonic()
    return lambda: now + timedelta(seconds=(time.monotonic() - origin) / _SLOWER)


def _read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
    return found


@contextmanager
def _logging_restored() -> Iterator[None]:
    """Leave no handler on our logger that writes to a stream of the past."""
    logger = logging.getLogger(log.ROOT)
    before = logger.handlers, logger.level, logger.propagate
    last_resort = logging.lastResort
    try:
        yield
    finally:
        logger.handlers, logger.level, logger.propagate = before
        logging.lastResort = last_resort
        logging.captureWarnings(capture=False)
