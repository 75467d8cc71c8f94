"""A call that takes long to one that a signal, or a limit of time, can end.

While DuckDB works in the main thread, Ctrl-C becomes a RuntimeError or is not seen at all
(Python client 2.0). So the work is done in a thread of its own, and the main thread waits
for it, where every signal arrives.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread
from typing import TypeVar

Answer = TypeVar("Answer")
# Soon enough for somebody who pressed Ctrl-C, and no load.
_AGAIN_SECONDS = 0.05
# Soon enough for a bar that moves.
_TELLING_SECONDS = 0.2
# A thread that has not begun by then never will: the signal came before it was made.
_BEGINNING_SECONDS = 5


class OverdueError(Exception):
    """The work was ended because it took longer than its limit."""


def patiently(
    work: Callable[[], Answer],
    *,
    interrupt: Callable[[], None],
    limit: timedelta | None = None,
    tell: Callable[[], None] | None = None,
) -> Answer:
    """Return what ``work`` returns, or raise what it raises; ``tell`` is called again and again meanwhile.

    When ``limit`` has passed, or a signal raises in the waiting thread, ``interrupt`` has to
    make ``work`` come to an end. Raises ``OverdueError`` after the limit.
    """
    answers: list[Answer] = []
    failures: list[BaseException] = []
    begun, done = Event(), Event()

    def run() -> None:
        begun.set()
        try:
            answers.append(work())
        except BaseException as error:  # noqa: BLE001 -- it is raised again by the thread that waits
            failures.append(error)
        finally:
            done.set()

    try:
        # A signal may come while the thread is being started; it runs then all the same.
        Thread(target=run, name="statement", daemon=True).start()
        in_time = _waited(done, limit, tell)
    except BaseException:
        if begun.wait(_BEGINNING_SECONDS):
            _end(done, interrupt)
        raise
    if not in_time:
        _end(done, interrupt)
        raise OverdueError
    if failures:
        raise failures[0]
    return answers[0]


def _waited(done: Event, limit: timedelta | None, tell: Callable[[], None] | None) -> bool:
    """Wait for the end of the work; whether it came within the limit."""
    if tell is None:
        return done.wait(None if limit is None else limit.total_seconds())
    deadline = math.inf if limit is None else time.monotonic() + limit.total_seconds()
    while (left := deadline - time.monotonic()) > 0:
        if done.wait(min(left, _TELLING_SECONDS)):
            return True
        tell()
    return done.is_set()


def _end(done: Event, interrupt: Callable[[], None]) -> None:
    """Interrupt until the work has ended: DuckDB forgets an interrupt that comes between two of its steps."""
    while not done.is_set():
        interrupt()
        done.wait(_AGAIN_SECONDS)
