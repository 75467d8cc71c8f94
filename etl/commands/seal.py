"""``eventlake seal``: close the days that are due."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from etl.commands.asking import SPARK
from etl.commands.invocation import Invocation
from etl.commands.options import DAY
from etl.lake.shard import WHOLE, Shard

if TYPE_CHECKING:
    from etl.lake.generation import Done
    from etl.lake.layout import Lake
    from etl.lake.partitions import Partition, Partitions
    from etl.lake.seal import Failed, Sealer
    from etl.progress import Tell

# A run has a snapshot to take ten minutes later; what is left over is sealed then.
DAYS_PER_RUN = 3
# A day of the ledger is a hundred small files: half a second.
_LEDGER_DAYS_PER_RUN = 10
# A process takes half a second to start, as long as a day of 50,000 states takes to be sealed.
_DAYS_PER_PROCESS = 2


class _Share(click.ParamType[Shard]):
    """A share of the days, such as 0/4."""

    name = "share"

    def convert(
        self, value: str | Shard, param: click.Parameter | None, ctx: click.Context | None
    ) -> Shard:
        """Read the option's text."""
        if isinstance(value, Shard):
            return value
        try:
            return Shard.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--day", type=DAY, metavar="DAY", help="Only this day (UTC), such as 2026-11-23.")
@click.option(
    "--parallel",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many days are sealed at once, each by a process of its own."
    "  [default: as many as processors and memory allow]",
)
@click.option(
    "--shard",
    type=_Share(),
    metavar="I/N",
    default=WHOLE,
    help="Only the I-th of N shares of the days, from 0: for N jobs that share the work.",
)
@click.pass_obj
def seal(invocation: Invocation, day: date | None, parallel: int | None, shard: Shard) -> None:
    """Rewrite closed days as one sorted file each, which every answer reads faster.

    A day is due when its last events have expired in the cluster, and again when something
    came late, by an import for example. Answers are the same before and after. A day that
    fails stops no other; what failed is named, and the command ends with an error.
    """
    from etl.lake import seal as sealing  # noqa: PLC0415 -- heavy imports only in the command that needs them

    if day is not None:
        closes_at = sealing.closes_at(day, invocation.settings.ttl(invocation.cluster_option))
        if invocation.now <= closes_at:
            message = (
                f"{day} can still get events; it can be sealed after {closes_at:%Y-%m-%d %H:%M} UTC"
            )
            raise click.UsageError(message)
    by = _several(invocation, parallel)
    if not seal_now(invocation, cluster=invocation.cluster_option, day=day, shard=shard, by=by):
        invocation.say("nothing is due")


def seal_now(
    invocation: Invocation,
    *,
    cluster: str | None,
    day: date | None = None,
    shard: Shard = WHOLE,
    limit: int | None = None,
    by: Sealer | None = None,
) -> int:
    """Seal what is due, say what was sealed, and return how many days that were."""
    from etl.lake import seal as sealing  # noqa: PLC0415 -- as above

    invocation.lake.check()
    days = 0

    def wanted(name: str, one: date) -> bool:
        return day in {None, one} and shard.holds(name, one)

    with invocation.progress("seal", "states") as tell:
        for done in sealing.seal(
            invocation.lake,
            clock=invocation.clock,
            ttl=invocation.settings.ttl(cluster),
            cluster=cluster,
            wanted=None if (day, shard) == (None, WHOLE) else wanted,
            limit=limit,
            by=by,
            tell=tell,
        ):
            days += 1
            invocation.say(f"{done.cluster}: {done.date} sealed, {done.rows:,} states")
    if day is None:
        days += _seal_ledger(invocation, cluster=cluster, shard=shard, limit=limit)
    return days


def _several(invocation: Invocation, parallel: int | None) -> Sealer:
    """Return what seals days by ``parallel`` processes, or by as many as this machine has room for.

    For two or three days none is started where nobody asks for it.
    """
    if invocation.engine == SPARK:
        if parallel is not None:
            message = "--parallel is about processes of this machine: Spark's own settings say how many tasks it runs"
            raise click.UsageError(message)
        from etl.spark.sealing import OnExecutors  # noqa: PLC0415 -- an extra

        return OnExecutors(invocation.address, invocation.environ)

    def by(
        lake: Lake,
        known: Partitions,
        chosen: Sequence[Partition],
        clock: Callable[[], datetime],
        tell: Tell,
    ) -> Generator[Done | Failed]:
        from etl.lake import crew  # noqa: PLC0415 -- as above
        from etl.lake import seal as sealing  # noqa: PLC0415 -- as above

        room = crew.room()
        size = min(parallel or min(room.size, len(chosen) // _DAYS_PER_PROCESS), len(chosen))
        if size <= 1:
            return sealing.one_by_one(lake, known, chosen, clock, tell)
        if size > room.fitting:
            invocation.warn(f"{size} at once may take more memory than there is: {room}")
        invocation.say(f"{len(chosen)} days are due, {size} are sealed at once: {room}")
        return crew.Crew(invocation.address, size)(lake, known, chosen, clock, tell)

    return by


def _seal_ledger(
    invocation: Invocation, *, cluster: str | None, shard: Shard, limit: int | None
) -> int:
    from etl.lake.ledger_seal import seal_ledger  # noqa: PLC0415 -- as above

    limit = None if limit is None else _LEDGER_DAYS_PER_RUN
    days = list(
        seal_ledger(
            invocation.lake,
            clock=invocation.clock,
            cluster=cluster,
            wanted=None if shard == WHOLE else shard.holds,
            limit=limit,
        )
    )
    if days:
        rows = sum(done.rows for done in days)
        many = "1 day" if len(days) == 1 else f"{len(days)} days"
        invocation.say(f"ledger: {many} sealed, {rows:,} rows")
    return len(days)
