"""``eventlake import``: dumps of events into the lake."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from etl.commands.invocation import Invocation
from etl.commands.options import MOMENT
from etl.errors import InputError

if TYPE_CHECKING:
    from etl.progress import Tell
    from etl.source.decode import Decoded
    from etl.source.dump import Reading


# A bundle is full of other things.
_NAMED = 5


@click.command("import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--collected-at",
    type=MOMENT,
    metavar="TIME",
    help="When the dump was taken, such as 2026-11-23T08:00:00Z.",
)
@click.option(
    "--scope",
    metavar="all|NS,NS",
    help="The dump is one whole LIST of all or of these namespaces; with --collected-at it proves coverage.",
)
@click.pass_obj
def import_(
    invocation: Invocation, paths: tuple[str, ...], collected_at: datetime | None, scope: str | None
) -> None:
    """Append events from dumps: kubectl get events -o json or yaml, JSON lines, .gz, folders, - for stdin.

    Importing twice, or in another order, changes nothing.
    """
    from etl import ingest  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.source import dump  # noqa: PLC0415

    cluster = invocation.required_cluster("a dump does not say which cluster it comes from")
    if scope is not None and collected_at is None:
        message = "--scope needs --collected-at: a list proves nothing without its time"
        raise click.UsageError(message)
    reading = dump.Reading()
    with invocation.progress("import", "events") as tell:
        request = ingest.ImportRequest(
            cluster=cluster,
            chunks=_told(dump.chunks(paths, reading, invocation.stdin), reading, tell),
            collected_at=collected_at,
            scope=_namespaces(scope),
            ttl=invocation.settings.ttl(cluster),
            not_before=invocation.not_before(cluster),
            door=invocation.door,
        )
        entry = ingest.import_events(invocation.lake, request, invocation.run)
    for name in reading.without_events[:_NAMED]:
        invocation.say(f"{name} holds no events")
    if (more := len(reading.without_events) - _NAMED) > 0:
        invocation.say(f"and {more:,} more files hold no events")
    if entry.items == entry.unreadable:
        message = f"no events in {', '.join(paths)}; expected the output of kubectl get events -o json or yaml"
        raise InputError(message)
    files = f"{reading.files} file" + ("" if reading.files == 1 else "s")
    invocation.say(
        f"{cluster}: {entry.items:,} events in {files}, {entry.rows_added:,} new states in the lake {invocation.lake_path}"
    )


def _told(chunks: Iterator[Decoded], reading: Reading, tell: Tell) -> Iterator[Decoded]:
    """Yield the chunks; when one is in the lake, tell how far that is."""
    events = 0
    for chunk in chunks:
        yield chunk
        events += len(chunk.events)
        tell(reading.share, events)


def _namespaces(scope: str | None) -> tuple[str, ...] | None:
    """Return the namespaces that ``--scope`` names, none for all of them; null without it."""
    if scope is None or scope == "all":
        return None if scope is None else ()
    names = tuple(dict.fromkeys(name.strip() for name in scope.split(",")))
    if not all(names):
        message = "--scope takes the word all, or names of namespaces with commas between them"
        raise click.UsageError(message)
    return names
