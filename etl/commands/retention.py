"""``eventlake retention``: delete the days that are older than what is kept."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from etl.commands.invocation import Invocation

if TYPE_CHECKING:
    from etl.lake.deletions import Deletion


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and delete nothing.")
@click.pass_obj
def retention(invocation: Invocation, *, dry_run: bool) -> None:
    """Delete whole days that are older than retention.keep_days, with their rows of the ledger.

    What is too old goes out of sight at once, and is deleted by a later run, an hour or more
    after, so that nobody's query breaks. The ledger keeps a row that says what was deleted.
    """
    invocation.lake.check()
    if not retention_now(invocation, cluster=invocation.cluster_option, dry_run=dry_run):
        invocation.say("nothing is older than what is kept")


def retention_now(invocation: Invocation, *, cluster: str | None, dry_run: bool = False) -> int:
    """Delete what was marked an hour ago, mark what is too old now, say both, and return how many days that were."""
    from etl.lake import layout  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.lake import retention as keeping  # noqa: PLC0415

    lake, settings = invocation.lake, invocation.settings
    days = 0
    if not dry_run:
        for deletion in keeping.sweep(lake, cluster, now=invocation.clock()):
            days += _say(invocation, deletion, "deleted")
    files = [*lake.days(), *lake.parts(), *lake.ledger()] if cluster is None else []
    for name in layout.clusters_of(files) if cluster is None else [cluster]:
        before = settings.retention.first_day(name, invocation.now)
        waiting = _unsent(invocation, name, before) if before else {}
        if before and (
            marked := keeping.mark(
                lake,
                name,
                before,
                clock=invocation.clock,
                ttl=settings.ttl(name),
                dry_run=dry_run,
            )
        ):
            what = "would be deleted" if dry_run else "out of sight, to be deleted in an hour"
            days += _say(invocation, marked, what)
            _tell_unsent(invocation, name, waiting, what, dry_run=dry_run)
    return days


def _unsent(invocation: Invocation, cluster: str, before: date) -> dict[str, int]:
    """Return how many states of the days before ``before`` each target of forwarding did not get."""
    targets = invocation.settings.forward.targets
    if not targets:
        return {}
    from etl.forward import deleting  # noqa: PLC0415 -- as above

    lake = invocation.lake
    found = {one.name: deleting.unsent(lake, one.name, cluster, before) for one in targets}
    return {name: count for name, count in found.items() if count}


def _tell_unsent(
    invocation: Invocation, cluster: str, waiting: dict[str, int], what: str, *, dry_run: bool
) -> None:
    """Say, and count, what is deleted before a target got it."""
    for target, count in waiting.items():
        invocation.warn(f"{cluster}: {count:,} of these states, which {target} never got, {what}")
        if not dry_run:
            from etl.forward import deleting  # noqa: PLC0415 -- as above

            deleting.note(invocation.lake, target, cluster, count, now=invocation.clock())


def _say(invocation: Invocation, deletion: Deletion, what: str) -> int:
    for day in deletion.days:
        invocation.say(
            f"{deletion.cluster}: {day.date} {what}: {len(day.files):,} files,"
            f" {day.rows:,} states, {day.size:,} bytes"
        )
    return len(deletion.days)
