"""``eventlake seal``: close the days that are due."""

from __future__ import annotations

from datetime import date

import click

from etl.commands.invocation import Invocation
from etl.commands.options import DAY

# A run has a snapshot to take ten minutes later; what is left over is sealed then.
DAYS_PER_RUN = 3
# A day of the ledger is a hundred small files: half a second.
_LEDGER_DAYS_PER_RUN = 10


@click.command()
@click.option("--day", type=DAY, metavar="DAY", help="Only this day (UTC), such as 2026-11-23.")
@click.pass_obj
def seal(invocation: Invocation, day: date | None) -> None:
    """Rewrite closed days as one sorted file each, which every answer reads faster.

    A day is due when its last events have expired in the cluster, and again when something
    came late, by an import for example. Answers are the same before and after.
    """
    from etl.lake import seal as sealing  # noqa: PLC0415 -- heavy imports only in the command that needs them

    if day is not None:
        closes_at = sealing.closes_at(day, invocation.settings.ttl(invocation.cluster_option))
        if invocation.now <= closes_at:
            message = (
                f"{day} can still get events; it can be sealed after {closes_at:%Y-%m-%d %H:%M} UTC"
            )
            raise click.UsageError(message)
    if not seal_now(invocation, cluster=invocation.cluster_option, day=day):
        invocation.say("nothing is due")


def seal_now(
    invocation: Invocation,
    *,
    cluster: str | None,
    day: date | None = None,
    limit: int | None = None,
) -> int:
    """Seal what is due, say what was sealed, and return how many days that were."""
    from etl.lake import seal as sealing  # noqa: PLC0415 -- as above

    invocation.lake.check()
    days = 0
    with invocation.progress("seal", "states") as tell:
        for done in sealing.seal(
            invocation.lake,
            clock=invocation.clock,
            ttl=invocation.settings.ttl(cluster),
            cluster=cluster,
            day=day,
            limit=limit,
            tell=tell,
        ):
            days += 1
            invocation.say(f"{done.cluster}: {done.date} sealed, {done.rows:,} states")
    if day is None:
        days += _seal_ledger(invocation, cluster=cluster, limit=limit)
    return days


def _seal_ledger(invocation: Invocation, *, cluster: str | None, limit: int | None) -> int:
    from etl.lake.ledger_seal import seal_ledger  # noqa: PLC0415 -- as above

    limit = None if limit is None else _LEDGER_DAYS_PER_RUN
    days = list(seal_ledger(invocation.lake, clock=invocation.clock, cluster=cluster, limit=limit))
    if days:
        rows = sum(done.rows for done in days)
        many = "1 day" if len(days) == 1 else f"{len(days)} days"
        invocation.say(f"ledger: {many} sealed, {rows:,} rows")
    return len(days)
