"""Jobs in processes of their own that may be killed, forked from one that has imported everything.

A fork costs some 20 ms where a start of Python with its imports costs a second, but it
wants a parent without threads, which pytest may have. So ``shared_out`` lets a few
drivers work, which come from multiprocessing's fork server, and a driver forks its
children itself. All functions must be importable by name: they live in tests.lib.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from etl.errors import EventlakeError
from tests.lib.bucket_copies import is_address
from tests.lib.crashes import Crash
from tests.lib.store_kills import StoreCrash

_T = TypeVar("_T")
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["tests.lib.lake_jobs", "tests.lib.delivery_crashes", "tests.lib.memory_crashes"]
)
# As many as CI has cores.
_DRIVERS = 2


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a child: killed, or its answer or error, and the calls that it made."""

    killed: bool = False
    answer: Any = None
    error: str = ""
    """What eventlake refused to do."""
    calls: tuple[str, ...] = ()
    trouble: str = ""
    """The traceback of what must not happen."""


class Child:
    """A job in a forked process; only for processes without threads."""

    def __init__(
        self, job: Callable[..., Any], *arguments: Any, crash: Crash | StoreCrash | None = None
    ) -> None:
        """Start ``job(*arguments)``, which comes to the end that ``crash`` wants.

        The first argument is the lake's folder; temporary files of the child go beside it, or
        where this process has its own if the lake is in a bucket.
        """
        answers, theirs = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(answers)
            _answer(theirs, job, arguments, crash)
        os.close(theirs)
        self._answers = answers

    def kill(self) -> None:
        """Kill it now; one that has ended already does not mind."""
        os.kill(self._pid, signal.SIGKILL)

    def end(self) -> Ended:
        """Wait for its end; raises ``AssertionError`` for what must not happen."""
        with os.fdopen(self._answers, "rb") as answers:
            said = answers.read()
        _, status = os.waitpid(self._pid, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, f"ended by signal {os.WTERMSIG(status)}"
            return Ended(killed=True)
        ended: Ended = pickle.loads(said)  # noqa: S301 -- of our own child
        assert not ended.trouble, ended.trouble
        return ended


def _answer(
    answers: int,
    job: Callable[..., Any],
    arguments: tuple[Any, ...],
    crash: Crash | StoreCrash | None,
) -> None:
    """Do the job, send what came of it and leave, as a kill would: nothing is cleaned up."""
    try:
        # Not shared with others, whose temporary folders a run on another day would sweep.
        beside = None if is_address(arguments[0]) else Path(arguments[0]).parent
        tempfile.tempdir = tempfile.mkdtemp(prefix="scratch-", dir=beside)
        if crash:
            crash.arm()
        answer = job(*arguments)
        if crash:
            crash.end()
        ended = Ended(answer=answer, calls=tuple(crash.calls) if crash else ())
    except EventlakeError as error:
        ended = Ended(error=f"{type(error).__name__}: {error}")
    except BaseException:  # noqa: BLE001 -- whatever it is, the test that waits shows it
        ended = Ended(trouble=traceback.format_exc())
    with os.fdopen(answers, "wb") as pipe:
        pickle.dump(ended, pipe)
    os._exit(0)


def done(
    job: Callable[..., Any], *arguments: Any, crash: Crash | StoreCrash | None = None
) -> Ended:
    """Run a job in a forked process to its end."""
    return Child(job, *arguments, crash=crash).end()


def shared_out(function: Callable[..., _T], turns: Sequence[tuple[Any, ...]]) -> list[_T]:
    """Call ``function(*turn)`` for each turn, in drivers without threads; return what it returned, in order.

    What a driver raises is raised here, as text.
    """
    drivers = []
    for number in range(min(_DRIVERS, len(turns))):
        answers, theirs = _context.Pipe(duplex=False)
        process = _context.Process(target=_drive, args=(theirs, function, turns[number::_DRIVERS]))
        process.start()
        theirs.close()
        drivers.append((process, answers))
    found: list[Any] = [None] * len(turns)
    troubles = []
    for number, (process, answers) in enumerate(drivers):
        results, trouble = answers.recv()
        found[number::_DRIVERS] = results or [None] * len(turns[number::_DRIVERS])
        troubles.append(trouble)
        process.join()
        process.close()
        answers.close()
    assert not any(troubles), "\n".join(troubles)
    return found


def _drive(
    answers: Connection, function: Callable[..., Any], turns: Sequence[tuple[Any, ...]]
) -> None:
    try:
        answers.send(([function(*turn) for turn in turns], ""))
    except BaseException:  # noqa: BLE001 -- as above
        answers.send((None, traceback.format_exc()))
