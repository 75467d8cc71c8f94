"""The clusters of the configuration read by one command: a line for each as it ends, and one error for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec.structs

from etl.commands.invocation import Invocation
from etl.errors import EventlakeError, UsageError
from etl.log import about

if TYPE_CHECKING:
    from etl.fleet import Member, Outcome


def fleet_now(
    invocation: Invocation, *, namespaces: tuple[str, ...] = (), page_size: int | None = None
) -> list[Outcome]:
    """Take a snapshot of each cluster of the configuration; options stand over what each says."""
    from etl import fleet  # noqa: PLC0415 -- heavy imports only in the command that needs them

    settings = invocation.settings
    given = {"namespaces": list(namespaces) or None, "page_size": page_size}
    own = {key: value for key, value in given.items() if value is not None}
    members = [member(invocation, name, **own) for name in invocation.fleet]
    done = 0
    with invocation.progress("snapshot", "clusters") as tell:

        def ended(outcome: Outcome) -> None:
            nonlocal done
            done += 1
            tell(done / len(members), done)
            say(invocation, outcome)

        outcomes = fleet.read(
            invocation.lake,
            members,
            invocation.run,
            fleet.World(invocation.environ, invocation.sleep),
            parallel=settings.parallel,
            ended=ended,
        )
    read = [outcome.entry for outcome in outcomes if outcome.entry]
    invocation.say(
        f"{len(read)} of {len(outcomes)} clusters read: {sum(one.items or 0 for one in read):,} events"
        f" listed, {sum(one.rows_added or 0 for one in read):,} new states in the lake {invocation.lake_path}"
    )
    return outcomes


def member(invocation: Invocation, name: str, **own: object) -> Member:
    """Return what is to be known to read a cluster at this time; ``own`` stands over its settings."""
    from etl import fleet  # noqa: PLC0415 -- as above
    from etl.lake.append import Terms  # noqa: PLC0415 -- as above

    settings = invocation.settings
    source = msgspec.structs.replace(settings.source_of(name), **own)
    terms = Terms(invocation.not_before(name), invocation.door)
    return fleet.Member(name, source, terms, settings.owners)


def say(invocation: Invocation, outcome: Outcome) -> None:
    """Say what came of one cluster; a defect is shown whole when the command ends with it."""
    entry = outcome.entry
    with about(outcome.cluster):
        if entry is not None:
            invocation.say(
                f"{outcome.cluster}: {entry.items:,} events listed, {entry.rows_added:,} new states"
            )
        elif isinstance(outcome.error, EventlakeError):
            invocation.warn(f"{outcome.cluster}: {outcome.error.shown}")


def refuse_for_one(invocation: Invocation, kubeconfig: str | None, context: str | None) -> None:
    """Raise ``UsageError`` for options that name one cluster where several are meant."""
    if kubeconfig or context:
        names = ", ".join(invocation.fleet)
        message = f"--kubeconfig and --context name one cluster, and several are configured; say which with --cluster: {names}"
        raise UsageError(message)
