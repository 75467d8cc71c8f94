"""Steps and how often each is due to calls in threads, until somebody says stop: APScheduler's only home.

The state of the work is in the lake, so nothing is remembered here: a restart asks the lake
what is due, as every run of a CronJob does. Steps of one lane take turns; a step never
runs beside itself, and times that were missed are one run, whatever the clock did meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent
from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from etl.timespan import brief

_log = logging.getLogger(__name__)
# How soon a jump of the clock is seen.
LOOK_SECONDS = 1.0
# What NTP slews, and what a busy machine is late, is no jump.
_JUMP = timedelta(seconds=10)
# A snapshot that comes much sooner or later than its interval would spoil the arithmetic of spare runs.
_JITTER_SHARE = 10

Lane = Literal["clusters", "lake", "targets"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do again and again: ``first`` after the start, then ``every`` so often."""

    name: str
    do: Callable[[], None]
    every: timedelta
    lane: Lane
    first: timedelta = timedelta(0)
    jitter: timedelta = timedelta(0)
    queued: bool = False
    """Whether one more may wait while one runs: what came to light meanwhile is then not left for later."""
    pause: timedelta = timedelta(0)
    """How long after it began it may begin again by ``soon``; what comes meanwhile is then one."""

    @property
    def trigger(self) -> IntervalTrigger:
        """When it is due: half the jitter sooner, and up to the whole of it later than that."""
        jitter = min(self.jitter, self.every / _JITTER_SHARE).total_seconds()
        return IntervalTrigger(
            # The trigger takes a text or whole units; a share of a second is one of its seconds.
            seconds=self.every.total_seconds() - jitter / 2,
            jitter=jitter or None,
            timezone=UTC,
        )


def settled(
    until: datetime,
    *,
    now: datetime,
    begun: Mapping[str, datetime],
    clusters: Iterable[str],
    patience: timedelta,
) -> bool:
    """Whether a digest of the time ``until`` can be made: each cluster was asked since, in vain or not.

    ``begun`` has when the last snapshot of each that ended had begun. After ``patience`` a
    cluster that still was not is told as a gap.
    """
    if now - until >= patience:
        return True
    return all(name in begun and begun[name] >= until for name in clusters)


@dataclass(slots=True)
class Drift:
    """Tells when the clock on the wall and the one that only goes on part ways: suspend, resume, a set clock."""

    _apart: timedelta | None = None

    def jumped(self, wall: datetime, steady: float) -> timedelta:
        """Return how far the clock jumped since it was asked last; zero if it did not.

        ``steady`` is in seconds and stands still while the machine sleeps.
        """
        apart = (wall - datetime.fromtimestamp(0, UTC)) - timedelta(seconds=steady)
        jump = timedelta(0) if self._apart is None else apart - self._apart
        self._apart = apart
        return jump if abs(jump) >= _JUMP else timedelta(0)


class Schedule:
    """Runs steps; ``clusters`` of them at once in the lane of that name, one at once in each other."""

    def __init__(
        self, steps: Iterable[Step], *, clusters: int, wall: Callable[[], datetime]
    ) -> None:
        """Prepare; nothing runs before ``start``."""
        self._steps = {step.name: step for step in steps}
        self._wall = wall
        self._drift = Drift()
        self._lanes = {"clusters": _Threads(clusters), "lake": _Threads(1), "targets": _Threads(1)}
        self._scheduler = BackgroundScheduler(timezone=UTC, executors=self._lanes)
        self._scheduler.add_listener(self._left_out, EVENT_JOB_MAX_INSTANCES)
        # It would warn of each time that is left out, which is told here.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def start(self) -> None:
        """Begin; the steps run in threads of their own."""
        now = self._wall()
        for step in self._steps.values():
            self._scheduler.add_job(
                step.do,
                step.trigger,
                id=step.name,
                executor=step.lane,
                coalesce=True,
                misfire_grace_time=None,
                max_instances=2 if step.queued else 1,
                next_run_time=now + step.first,
            )
        self._drift.jumped(now, time.monotonic())
        self._scheduler.start()

    def soon(self, name: str) -> None:
        """Let a step be due now, or when its pause is over."""
        wait = timedelta(0)
        if (begun := self._lanes[self._steps[name].lane].begun.get(name)) is not None:
            wait = self._steps[name].pause - timedelta(seconds=time.monotonic() - begun)
        self._scheduler.modify_job(name, next_run_time=self._wall() + max(wait, timedelta(0)))

    def look(self) -> None:
        """Let everything be due now if the clock jumped; to be called every ``LOOK_SECONDS``."""
        jump = self._drift.jumped(self._wall(), time.monotonic())
        if not jump:
            return
        way = "forward, or the machine slept" if jump > timedelta(0) else "back"
        _log.warning("the clock went %s: %s; everything is looked at now", way, brief(abs(jump)))
        for name in self._steps:
            self.soon(name)

    @property
    def running(self) -> list[str]:
        """What runs at the moment."""
        # A copy at once, because the threads change it.
        return [name for lane in self._lanes.values() for name in list(lane.running)]

    @property
    def longest(self) -> timedelta:
        """How long that has run which has run the longest."""
        now = time.monotonic()
        begun = [since for lane in self._lanes.values() for since in list(lane.running.values())]
        return timedelta(seconds=max((now - since for since in begun), default=0))

    def stop(self) -> None:
        """Begin nothing any more; what waits for its turn is left out."""
        self._scheduler.pause()
        for lane in self._lanes.values():
            lane.close()

    def ended(self, within: timedelta) -> bool:
        """Wait for what runs; whether all of it ended in that time."""
        until = time.monotonic() + within.total_seconds()
        while self.running and time.monotonic() < until:
            time.sleep(0.05)
        return not self.running

    def _left_out(self, event: JobSubmissionEvent) -> None:
        if not self._steps[event.job_id].queued:
            _log.warning("%s: the one before still runs, so this one is left out", event.job_id)


@dataclass(eq=False)
class _Threads(BaseExecutor):  # type: ignore[misc]  # the package has no types
    """Runs each job in a thread of its own, so many at once: a daemon, because a stop may not wait for ever."""

    at_once: int
    running: dict[str, float] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    _closed: bool = False

    def __post_init__(self) -> None:
        """Prepare the turns."""
        super().__init__()
        self._turns = threading.Semaphore(self.at_once)

    def close(self) -> None:
        """Begin nothing any more."""
        self._closed = True

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:  # noqa: ANN401 -- as above
        name = f"step {job.id}"
        threading.Thread(target=self._run, args=(job, run_times), name=name, daemon=True).start()

    def _run(self, job: Any, run_times: list[datetime]) -> None:  # noqa: ANN401 -- as above
        with self._turns:
            if self._closed:
                return
            self.running[job.id] = self.begun[job.id] = time.monotonic()
            try:
                events = run_job(job, "default", run_times, self._logger.name)
            finally:
                self.running.pop(job.id, None)
        self._run_job_success(job.id, events)
