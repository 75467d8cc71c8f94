"""``eventlake import``: dumps and bundles of events into the lake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from etl.commands.invocation import Invocation
from etl.commands.options import MOMENT
from etl.errors import InputError, UsageError, quoted

if TYPE_CHECKING:
    from etl.progress import Tell
    from etl.source.decode import Decoded
    from etl.source.dump import Reading, Survey
    from etl.source.provenance import Provenance


# A bundle is full of other things.
_NAMED = 5
_NO_CLUSTER = "a dump does not say which cluster it comes from"


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--collected-at",
    type=MOMENT,
    metavar="TIME",
    help="When the dump was taken, such as 2026-11-23T08:00:00Z; a bundle may tell it itself.",
)
@click.option(
    "--scope",
    metavar="all|NS,NS",
    help="The dump is one whole LIST of all or of these namespaces; with its time it proves coverage.",
)
@click.pass_obj
def import_(
    invocation: Invocation, paths: tuple[str, ...], collected_at: datetime | None, scope: str | None
) -> None:
    """Append events from dumps and bundles: kubectl get events -o json or yaml, must-gathers, support bundles, archives, folders, - for stdin.

    Importing twice, or in another order, changes nothing.
    """
    from etl import ingest  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.lake.append import Terms  # noqa: PLC0415
    from etl.source import dump  # noqa: PLC0415

    reading = dump.Reading()
    with invocation.progress("import", "events") as tell:
        surveyed = dump.survey(paths, invocation.stdin, invocation.settings.imports)
        cluster = _cluster(invocation, surveyed.told)
        began, ended = (collected_at, None)
        if began is None:
            began, ended = _collected(invocation, surveyed.told)
        if scope is not None and began is None:
            message = "--scope needs --collected-at: a list proves nothing without its time"
            raise click.UsageError(message)
        _introduce(invocation, surveyed, timed=began is not None)
        only = None if invocation.cluster else cluster
        request = ingest.ImportRequest(
            cluster=cluster,
            chunks=_told(dump.read(surveyed, reading), reading, tell, only),
            collected_at=began,
            collected_until=ended,
            scope=_namespaces(scope),
            ttl=invocation.settings.ttl(cluster),
            terms=Terms(invocation.not_before(cluster), invocation.door),
        )
        entry = ingest.import_events(invocation.lake, request, invocation.run)
    for name in reading.without_events[:_NAMED]:
        invocation.say(f"{name} holds no events")
    if (more := len(reading.without_events) - _NAMED) > 0:
        invocation.say(f"and {more:,} more files hold no events")
    if reading.passed_over:
        invocation.say(f"{reading.passed_over:,} other files passed over")
    if entry.items == entry.unreadable:
        message = f"no events in {', '.join(paths)}; expected the output of kubectl get events -o json or yaml, or a bundle that holds it"
        raise InputError(message)
    files = f"{reading.files} file" + ("" if reading.files == 1 else "s")
    invocation.say(
        f"{cluster}: {entry.items:,} events in {files}, {entry.rows_added:,} new states in the lake {invocation.lake_path}"
    )


def _cluster(invocation: Invocation, told: Provenance) -> str:
    """Return the cluster's name: what a person says wins over what a bundle tells."""
    if invocation.cluster:
        others = {name for name in (told.cluster, *told.clusters) if name}
        for other in sorted(others - {invocation.cluster}):
            invocation.say(
                f"the bundle itself names the cluster {other}; it is imported as {invocation.cluster}"
            )
        return invocation.cluster
    if told.clusters:
        raise UsageError(_several(told.clusters))
    return told.cluster or invocation.required_cluster(_NO_CLUSTER)


def _several(clusters: tuple[str, ...]) -> str:
    names = quoted(", ".join(clusters), 200)
    return f"these are events of several clusters: {names}; import each by itself, or all as one with --cluster NAME"


def _collected(invocation: Invocation, told: Provenance) -> tuple[datetime | None, datetime | None]:
    """Return when a bundle says that it was collected; a time that is still to come is none."""
    if told.began and told.ended and told.ended > invocation.now:
        invocation.warn(
            f"{told.time_place} tells a time that is still to come, which is not believed"
        )
        return None, None
    return told.began, told.ended


def _introduce(invocation: Invocation, surveyed: Survey, *, timed: bool) -> None:
    """Say what each bundle tells of itself, and where, so that nothing is taken silently."""
    for path in surveyed.paths:
        told, facts = path.told, []
        if told.cluster:
            facts.append(f"cluster {told.cluster} ({told.cluster_place})")
        if told.began:
            facts.append(f"collected {told.began:%Y-%m-%dT%H:%M:%SZ} ({told.time_place})")
        elif path.kind and not timed:
            facts.append(
                "does not tell when it was collected, so that it counts as learned now; --collected-at TIME says when"
            )
        if path.kind or facts:
            invocation.say("; ".join([f"{path.root.name}: {path.kind or 'events'}", *facts]))


def _told(
    chunks: Iterator[Decoded], reading: Reading, tell: Tell, cluster: str | None
) -> Iterator[Decoded]:
    """Yield the chunks; when one is in the lake, tell how far that is.

    Raises ``UsageError`` in the end if events name another cluster than ``cluster``; null: nobody minds.
    """
    events = 0
    for chunk in chunks:
        yield chunk
        events += len(chunk.events)
        tell(reading.share, events)
    if cluster and reading.clusters - {cluster}:
        raise UsageError(_several(tuple(sorted({*reading.clusters, cluster}))))


def _namespaces(scope: str | None) -> tuple[str, ...] | None:
    """Return the namespaces that ``--scope`` names, none for all of them; null without it."""
    if scope is None or scope == "all":
        return None if scope is None else ()
    names = tuple(dict.fromkeys(name.strip() for name in scope.split(",")))
    if not all(names):
        message = "--scope takes the word all, or names of namespaces with commas between them"
        raise click.UsageError(message)
    return names
