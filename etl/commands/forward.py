"""``eventlake forward``: hand on what is new, say what waits, and look after what was refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from etl.commands.invocation import Invocation
from etl.commands.options import MOMENT
from etl.errors import EventlakeError, UsageError
from etl.timespan import rfc3339

if TYPE_CHECKING:
    from etl.config.forwarding import Target
    from etl.forward.forwarder import Outcome, World
    from etl.forward.sending import Sender


@click.command()
@click.option(
    "--target", "names", multiple=True, metavar="NAME", help="Only this target; may be repeated."
)
@click.option(
    "--from",
    "since",
    type=MOMENT,
    metavar="TIME",
    help="Begin anew, with what is in the lake and was last seen at TIME or later.",
)
@click.option("--dry-run", is_flag=True, help="Say what waits, and send nothing.")
@click.option(
    "--dead-letters", is_flag=True, help="List what targets refused for good, as JSON lines."
)
@click.option("--retry-dead-letters", is_flag=True, help="Send what targets refused once more.")
@click.pass_obj
def forward(
    invocation: Invocation,
    names: tuple[str, ...],
    since: datetime | None,
    *,
    dry_run: bool,
    dead_letters: bool,
    retry_dead_letters: bool,
) -> None:
    """Send each target of the section forward what it did not get yet, until nothing waits.

    Of all clusters of the lake, unless --cluster names one. A target that fails stops no other,
    and the next call goes on where this one stopped. A new target begins at now.
    """
    targets = _chosen(invocation, names)
    if sum((bool(since) or dry_run, dead_letters, retry_dead_letters)) > 1:
        message = "--dead-letters, --retry-dead-letters and --from or --dry-run do not go together"
        raise UsageError(message)
    invocation.lake.check()
    clusters = [invocation.cluster_option] if invocation.cluster_option else None
    if dead_letters:
        _list(invocation, targets)
    elif retry_dead_letters:
        _retry(invocation, targets)
    elif dry_run:
        _foretell(invocation, targets, clusters, since)
    else:
        _raise_first(invocation, _handed_on(invocation, targets, clusters, since=since, until=None))


def forward_now(invocation: Invocation, clusters: Collection[str]) -> Iterator[EventlakeError]:
    """Hand on what is new of ``clusters``, for a limited time; yield what failed."""
    settings = invocation.settings.forward
    if not settings.targets or not clusters:
        return
    until = invocation.clock() + settings.timeout
    try:
        yield from _handed_on(invocation, settings.targets, clusters, since=None, until=until)
    except EventlakeError as error:
        # Such as a position that cannot be read: the steps that follow are tried.
        yield error


def _chosen(invocation: Invocation, names: Sequence[str]) -> list[Target]:
    known = {target.name: target for target in invocation.settings.forward.targets}
    if not known:
        message = "the configuration has no forward.targets: there is nobody to hand anything on to"
        raise UsageError(message)
    if unknown := [name for name in names if name not in known]:
        message = f"there is no target {', '.join(unknown)}; forward.targets has {', '.join(known)}"
        raise UsageError(message)
    return [known[name] for name in names] if names else list(known.values())


def _handed_on(
    invocation: Invocation,
    targets: Sequence[Target],
    clusters: Collection[str] | None,
    *,
    since: datetime | None,
    until: datetime | None,
) -> Iterator[EventlakeError]:
    """Send to each target in its turn, each with its share of the time that is left; yield what failed."""
    from etl.forward.forwarder import forward as send  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.forward.trial import refuse_mistakes  # noqa: PLC0415

    # What would fail on every event would make a dead letter of each.
    refuse_mistakes(invocation.settings.forward)
    world = _world(invocation)
    for number, target in enumerate(targets):
        end = None
        if until is not None:
            now = invocation.clock()
            # Who takes all day must not keep the next one from its share.
            end = now + max(until - now, until - until) / (len(targets) - number)
        outcome = send(
            invocation.lake,
            invocation.settings.forward,
            target,
            world,
            clusters=clusters,
            since=since,
            anew=since is not None,
            until=end,
        )
        _say(invocation, outcome)
        if error := outcome.error():
            yield error


def _raise_first(invocation: Invocation, failures: Iterator[EventlakeError]) -> None:
    first = None
    for failure in failures:
        if first is not None:
            invocation.fail(failure)
        first = first or failure
    if first is not None:
        raise first


def _say(invocation: Invocation, outcome: Outcome) -> None:
    for warning in outcome.warnings:
        invocation.warn(f"{outcome.target}: {warning}")
    counts = outcome.counts
    told = [f"{counts.sent:,} sent"]
    if counts.refused:
        told.append(f"{counts.refused:,} refused: eventlake forward --dead-letters lists them")
    if outcome.left:
        told.append("time is up, the next run goes on")
    if counts.sent or len(told) > 1:
        invocation.say(f"{outcome.target}: {', '.join(told)}")


def _foretell(
    invocation: Invocation,
    targets: Sequence[Target],
    clusters: Collection[str] | None,
    since: datetime | None,
) -> None:
    from etl.forward.looking import backlog, wanted  # noqa: PLC0415 -- as above
    from etl.forward.trial import refuse_mistakes  # noqa: PLC0415

    refuse_mistakes(invocation.settings.forward)
    for target in targets:
        lake, settings = invocation.lake, invocation.settings.forward
        found = backlog(lake, target.name, clusters)
        for warning in found.warnings:
            invocation.warn(f"{target.name}: {warning}")
        if found.begun is None and since is None:
            invocation.print(f"{target.name}: has not begun; it begins with what is new then")
            continue
        count = wanted(lake, settings, target.name, clusters=clusters, since=since)
        told = f"{target.name}: {count:,} would be sent"
        if since is None and found.oldest:
            told += f", stored since {rfc3339(found.oldest)}"
        invocation.print(told)


def _list(invocation: Invocation, targets: Sequence[Target]) -> None:
    import msgspec  # noqa: PLC0415 -- as above

    from etl.forward import dead  # noqa: PLC0415

    for target in targets:
        for _path, found in dead.kept(invocation.lake.files, target.name):
            for letter in found.letters:
                told = {"target": target.name, "refused_at": found.refused_at}
                row = {**told, **msgspec.to_builtins(letter)}
                invocation.print(msgspec.json.encode(row).decode())


def _retry(invocation: Invocation, targets: Sequence[Target]) -> None:
    from etl.errors import DeliveryError  # noqa: PLC0415
    from etl.forward import dead  # noqa: PLC0415 -- as above
    from etl.forward.retrying import retry  # noqa: PLC0415

    world = _world(invocation)
    failures: list[EventlakeError] = []
    for target in targets:
        if not any(True for _one in dead.kept(invocation.lake.files, target.name)):
            continue
        sender = world.opened(target)
        try:
            done = retry(invocation.lake, target, sender, now=invocation.now)
        finally:
            sender.close()
        gone = f", {done.gone:,} are no longer in the lake" if done.gone else ""
        invocation.say(f"{target.name}: {done.sent:,} sent, {done.refused:,} refused again{gone}")
        if done.failure:
            failures.append(DeliveryError(f"the target {target.name} failed: {done.failure}"))
    _raise_first(invocation, iter(failures))


def _world(invocation: Invocation) -> World:
    from etl.forward.forwarder import World  # noqa: PLC0415 -- as above
    from etl.forward.opening import Outside, opened  # noqa: PLC0415

    def sender(target: Target) -> Sender:
        return opened(target, Outside(invocation.environ, invocation.stdout, invocation.now))

    return World(invocation.clock, invocation.sleep, sender)
