"""``eventlake schedule``: the steps of ``run`` in one process that goes on, for who has no CronJob or a short TTL."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.commands import digest as digests
from etl.commands.catalogue import known
from etl.commands.fleet import member, say
from etl.commands.forward import forward_now
from etl.commands.invocation import Invocation
from etl.commands.run import report_now, upkeep_now
from etl.commands.snapshot import named_cluster
from etl.commands.watched import watched
from etl.errors import EventlakeError
from etl.timespan import brief

if TYPE_CHECKING:
    from etl.alerts.rules import Configured
    from etl.fleet import Outcome
    from etl.metrics.readings import Readings
    from etl.schedule import Schedule, Step

_REPORT = "report"
_FORWARD = "forward"
# After the first snapshots, which are what a start is for.
_FIRST_UPKEEP = timedelta(minutes=1)
# Twice an interval without any answer is no reason to keep a digest back any longer.
_PATIENCE = 2
# Several clusters end their snapshots one after the other; what they brought is told together.
_PAUSE = timedelta(minutes=1)
# As long as readers have for the end of a write.
_ABANDONED = timedelta(seconds=5)
# Nothing takes that long that is not stuck: the longest sealing that was measured takes three minutes.
_STUCK = timedelta(minutes=15)
_TOUCH_SECONDS = 10


@click.command()
@click.option(
    "--alive",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File that is touched every ten seconds while nothing is stuck, for a liveness probe.",
)
@click.pass_obj
def schedule(invocation: Invocation, alive: Path | None) -> None:
    """Do again and again what run does once, until Ctrl-C or SIGTERM, which is no failure.

    A snapshot of each cluster every source.interval; after it what is urgent, the page and the digest
    when they are due, and what the outbox holds; sealing and retention every schedule.upkeep.
    Whether something is due is asked of the lake, so a restart skips nothing and sends nothing twice.
    """
    ready = digests.configured(invocation)
    known(invocation)
    service = Service(invocation, ready, invocation.fleet or (named_cluster(invocation),))
    service.run(alive)


@dataclass(slots=True)
class Service:
    """What goes on between two starts, none of which has to be remembered."""

    invocation: Invocation
    ready: Configured
    clusters: tuple[str, ...]
    begun: dict[str, datetime] = field(default_factory=dict)
    """When the last snapshot of each cluster that has ended had begun."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """What the last snapshot of each cluster came to."""
    abandoned: threading.Event = field(default_factory=threading.Event)
    show: Callable[[Readings], None] | None = None
    """Where metrics are shown, if they are served."""
    _schedule: Schedule | None = None

    def run(self, alive: Path | None) -> None:
        """Run the steps until a signal; then let what runs end, for a while, and leave."""
        from etl.schedule import Schedule  # noqa: PLC0415 -- heavy imports only in the command that needs them

        settings = self.invocation.settings
        # Of several threads one would open it twice.
        self.invocation.lake.prepare()
        self._schedule = running = Schedule(
            self._steps(),
            clusters=settings.parallel,
            wall=lambda: self.invocation.again().now,
        )
        with self._served(running):
            self.invocation.say(
                f"{', '.join(self.clusters)}: the digest at {settings.digest.at} {settings.timezone};"
                " Ctrl-C ends it"
            )
            try:
                running.start()
                self._watch(running, alive)
            except KeyboardInterrupt:
                self._leave(running, settings.schedule.grace)

    def _steps(self) -> list[Step]:
        from etl.schedule import Step  # noqa: PLC0415 -- as above

        settings, wanted = self.invocation.settings, self.invocation.settings.schedule
        intervals = {name: settings.source_of(name).interval for name in self.clusters}
        return [
            *(
                Step(
                    f"snapshot of {name}",
                    self._quietly(partial(self.snapshot, name)),
                    interval,
                    "clusters",
                    jitter=wanted.jitter,
                )
                for name, interval in intervals.items()
            ),
            Step(
                _REPORT,
                self._quietly(self.report),
                # After each snapshot; and where none ends, the digest has to say that.
                every=max(intervals.values()),
                lane="lake",
                first=max(intervals.values()),
                queued=True,
                pause=min(_PAUSE, *intervals.values()),
            ),
            *(
                [
                    Step(
                        _FORWARD,
                        self._quietly(self.forward),
                        every=max(intervals.values()),
                        lane="targets",
                        queued=True,
                        pause=min(_PAUSE, *intervals.values()),
                    )
                ]
                if settings.forward.targets
                else []
            ),
            Step("upkeep", self._quietly(self.upkeep), wanted.upkeep, "lake", _FIRST_UPKEEP),
        ]

    @contextlib.contextmanager
    def _served(self, running: Schedule) -> Iterator[None]:
        """Serve metrics and health meanwhile, where they are wanted."""
        listen = self.invocation.settings.metrics.listen
        if not listen:
            yield
            return
        from etl.metrics.endpoint import Board, Endpoint  # noqa: PLC0415 -- only where it is wanted

        board = Board()
        self.show = board.put
        with Endpoint(listen, board, unhealthy=lambda: _stuck(running)):
            yield

    def _watch(self, running: Schedule, alive: Path | None) -> None:
        from etl.schedule import LOOK_SECONDS  # noqa: PLC0415 -- as above

        waiting, until_touch = threading.Event(), 0.0
        while True:
            running.look()
            if alive and until_touch <= 0 and not _stuck(running):
                alive.touch()
                until_touch = _TOUCH_SECONDS
            until_touch -= LOOK_SECONDS
            waiting.wait(LOOK_SECONDS)

    def _leave(self, running: Schedule, grace: timedelta) -> None:
        """End in order: what runs has its time, what then still runs is discarded."""
        running.stop()
        if names := running.running:
            self.invocation.notice(f"stopping: {', '.join(names)} may take {brief(grace)} to end")
        if not running.ended(grace):
            self.abandoned.set()
            if not running.ended(_ABANDONED):
                self.invocation.warn(
                    f"left undone: {', '.join(running.running)}; the next start does it"
                )
                # A thread in the middle of a statement would be torn down with the interpreter
                # under its feet. What is not published yet is nobody's: as after a kill.
                self.invocation.stdout.flush()
                self.invocation.stderr.flush()
                os._exit(0)
        self.invocation.notice("stopped")

    def _quietly(self, do: Callable[[], None]) -> Callable[[], None]:
        """Return a step that tells its failure and leaves it to the next time to mend it."""

        def step() -> None:
            try:
                do()
            except EventlakeError as error:
                self.invocation.fail(error)
            except KeyboardInterrupt:
                # Abandoned: the process is about to end.
                return
            except Exception as error:  # noqa: BLE001 -- a defect in one step must not end the others
                self.invocation.defect(error)

        return step

    def snapshot(self, name: str) -> None:
        """Take one snapshot, and let be told what it brought."""
        from etl import fleet  # noqa: PLC0415 -- as above

        now = self.invocation.again()
        (outcome,) = fleet.read(
            now.lake,
            [member(now, name)],
            now.run,
            fleet.World(now.environ, now.sleep),
            parallel=1,
            stopped=self.abandoned.is_set,
        )
        self.outcomes[name], self.begun[name] = outcome, now.now
        say(now, outcome)
        if outcome.error is not None and not isinstance(outcome.error, EventlakeError):
            now.defect(outcome.error)
        if self._schedule is not None:
            self._schedule.soon(_REPORT)
            if now.settings.forward.targets:
                self._schedule.soon(_FORWARD)

    def report(self) -> None:
        """Tell what is urgent, write the page if it is old, send the digest if it is due and can be made."""
        from etl.fleet import failure  # noqa: PLC0415 -- as above
        from etl.schedule import settled  # noqa: PLC0415 -- as above

        now = self.invocation.again()
        if not now.lake.ledger():
            # Nothing was ever read: there is nothing to tell about.
            return
        intervals = [now.settings.source_of(name).interval for name in self.clusters]

        def can_be_made(until: datetime) -> bool:
            return settled(
                until,
                now=now.now,
                begun=self.begun,
                clusters=self.clusters,
                patience=_PATIENCE * max(intervals),
            )

        outcomes = [self.outcomes[name] for name in self.clusters if name in self.outcomes]
        failed = [outcome for outcome in outcomes if outcome.error is not None]
        notes = [f"snapshot of {one.cluster} failed: {one.error}" for one in failed]
        unread = failure(outcomes)
        read = len(failed) < len(outcomes)
        try:
            with watched(now, "schedule", beats=True, show=self.show):
                errors = list(
                    report_now(now, self.ready, notes, read=read, can_be_made=can_be_made)
                )
                for error in errors[1:]:
                    now.fail(error)
                _raise(*errors[:1], unread)
        except Exception as error:
            # Each snapshot told its failure itself; here only those hear of it who watch.
            if error is not unread:
                raise

    def forward(self) -> None:
        """Hand on what is new: in a lane of its own, so that a slow target keeps nothing waiting."""
        now = self.invocation.again()
        if now.lake.ledger():
            for error in forward_now(now, self.clusters):
                now.fail(error)

    def upkeep(self) -> None:
        """Seal closed days, delete old ones and what dead runs left."""
        now = self.invocation.again()
        for error in upkeep_now(now, self.clusters):
            now.fail(error)


def _raise(*errors: Exception | None) -> None:
    """Raise the first of ``errors`` that is one."""
    for error in errors:
        if error is not None:
            raise error


def _stuck(running: Schedule) -> str:
    """Say what is stuck; empty if nothing is."""
    if running.longest < _STUCK:
        return ""
    return f"running for {brief(running.longest)}: {', '.join(running.running)}"
