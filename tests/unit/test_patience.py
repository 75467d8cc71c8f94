"""Work in a thread of its own: its answer, its error, and how it is ended."""

from __future__ import annotations

from datetime import timedelta
from threading import Event, Thread

import pytest

from etl.lake.patience import OverdueError, patiently


def never() -> None:
    """Interrupt nothing: nothing has to be."""
    pytest.fail("there was nothing to interrupt")


def test_the_answer_is_that_of_the_work() -> None:
    """What the work returns comes back, also where it is null."""
    assert patiently(lambda: 42, interrupt=never) == 42
    assert patiently(lambda: None, interrupt=never) is None


def test_an_error_of_the_work_is_raised() -> None:
    """The very error, by the thread that waits."""

    def work() -> None:
        message = "of the work"
        raise LookupError(message)

    with pytest.raises(LookupError, match="of the work"):
        patiently(work, interrupt=never)


def test_work_that_takes_too_long_is_interrupted_until_it_ends() -> None:
    """One interrupt may be lost between two steps of DuckDB; the third ends this work."""
    calls: list[int] = []
    ended = Event()

    def interrupt() -> None:
        calls.append(1)
        if len(calls) == 3:
            ended.set()

    with pytest.raises(OverdueError):
        patiently(ended.wait, interrupt=interrupt, limit=timedelta(milliseconds=10))
    assert len(calls) == 3


def test_a_signal_while_the_thread_starts_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the moment between the start of the work and the wait for it leaves nothing running."""
    ended = Event()
    start = Thread.start

    def interrupted(thread: Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        patiently(ended.wait, interrupt=ended.set)
    assert ended.is_set()
