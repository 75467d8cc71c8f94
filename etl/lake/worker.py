"""One process of several that seal: it is given a day, seals it, says how far it is, and asks for the next.

It is started by ``etl.lake.crew`` and speaks to nobody else. Ctrl-C is its parent's to
hear; SIGTERM, and its parent's end, end it: what it staged is discarded.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn, TypeAlias

from etl import log
from etl.errors import LakeError
from etl.lake.address import Address
from etl.lake.generation import Done, sealed_anew
from etl.lake.layout import Lake
from etl.lake.partitions import Partition, Partitions
from etl.lean import without_numpy
from etl.progress import Tell
from etl.timespan import going_on

# 128 + the signal's number, as shells have it.
_TERMINATED = 143
# Where memory is short Linux takes one of these processes, and the one that asked for it tells which day that was.
_OUT_OF_MEMORY_SCORE = Path("/proc/self/oom_score_adj")
_FIRST = "500"


@dataclass(frozen=True, slots=True)
class Order:
    """A day to seal, the day before it if there is one, and what time it is."""

    wanted: Partition
    before: Partition | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """How far the day is: its share, and the states that are written."""

    share: float | None
    rows: int


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the log."""

    logger: str
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the day: it is sealed, another run was first (null), or why not."""

    result: Done | Exception | None


Word: TypeAlias = Told | Said | Ended


def work(parent: Connection, address: Address) -> None:
    """Seal what ``parent`` orders until it hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminate)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(OSError):
        # No Linux, or not allowed: then the system chooses.
        _OUT_OF_MEMORY_SCORE.write_text(_FIRST, "ascii")
    logger = logging.getLogger(log.ROOT)
    logger.handlers, logger.propagate = [_Handed(parent)], False
    logger.setLevel(logging.INFO)

    def tell(share: float | None, rows: int) -> None:
        parent.send(Told(share, rows))

    with without_numpy():
        lake = Lake(address.files())
        # Nobody gives orders any more: all days are done, or the parent is gone.
        with suppress(EOFError, OSError):
            while True:
                order = parent.recv()
                parent.send(Ended(sealed(lake, order, tell)))


def sealed(lake: Lake, order: Order, tell: Tell) -> Done | Exception | None:
    """Seal one day; return null if another run was first, and an exception that can be sent where it fails."""
    one, before = order.wanted, order.before
    known = Partitions(
        {(some.cluster, some.date): some for some in (one, before) if some is not None}, []
    )
    try:
        return sealed_anew(lake, known, one, clock=going_on(order.now), tell=tell)
    except LakeError as error:
        return LakeError(str(error))
    except Exception:  # noqa: BLE001 -- the parent raises it; not every exception can be sent
        return RuntimeError(traceback.format_exc())


class _Handed(logging.Handler):
    """Hands messages to the parent, whose streams, form and secrets they need."""

    def __init__(self, parent: Connection) -> None:
        super().__init__()
        self._parent = parent

    def emit(self, record: logging.LogRecord) -> None:
        """Send one message; where nobody listens any more, nobody misses it."""
        with suppress(OSError):
            self._parent.send(Said(record.name, record.levelno, record.getMessage()))


def _terminate(*_: object) -> NoReturn:
    sys.exit(_TERMINATED)


def _end_with_parent() -> None:
    # Signals are for the main thread.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    if (parent := parent_process()) is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
