"""``eventlake timeline``: what happened to an object and around it, as one readable line of time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.commands.invocation import Invocation
from etl.commands.options import DAY, LOCAL_MOMENT, SPAN, window, zone_of
from etl.commands.output import console, deliver
from etl.commands.places import namespace_of

if TYPE_CHECKING:
    from etl.incident.kinds import Reference
    from etl.incident.story import Place
    from etl.lake.query import Session
    from etl.reports.catalogue import Language

_DEFAULT_SPAN = timedelta(hours=24)


@click.command()
@click.argument("object_", metavar="OBJECT")
@click.option("--namespace", "-n", metavar="NAMESPACE", help="Namespace.  [default: as kubectl]")
@click.option("--day", type=DAY, metavar="DAY", help="A calendar day, such as 2026-11-23.")
@click.option("--since", type=SPAN, metavar="SPAN", help="The time until now, such as 24h.")
@click.option("--start", type=LOCAL_MOMENT, metavar="TIME", help="First moment of the window.")
@click.option("--end", type=LOCAL_MOMENT, metavar="TIME", help="End of it.  [default: now]")
@click.option("--timezone", metavar="ZONE", help="IANA timezone for days and shown times.")
@click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    help="Language of the text and the page.  [default: language]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "html"]),
    default="text",
    show_default=True,
    help="Form of the answer.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.  [default: stdout]",
)
@click.pass_obj
def timeline(  # noqa: PLR0913 -- click gives options as arguments
    invocation: Invocation,
    object_: str,
    *,
    namespace: str | None,
    day: date | None,
    since: timedelta | None,
    start: datetime | None,
    end: datetime | None,
    timezone: str | None,
    language: Language | None,
    form: str,
    output: Path | None,
) -> None:
    """Tell what happened to OBJECT, such as pod/web-0, deploy/web, node/n1 or ns/shop.

    Its owners, pods, nodes and volumes belong to the story; repeats are one line with
    their count, gaps in coverage stand where they are. Without a window it is told from
    the 24 hours up to its newest event.
    """
    from etl.incident import story, telling  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.incident.kinds import reference  # noqa: PLC0415
    from etl.lake.query import session  # noqa: PLC0415

    zone = zone_of(timezone, invocation.settings.timezone)
    spoken = language or invocation.settings.language
    try:
        about = reference(object_, kind="pod")
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    asked = None
    if any(value is not None for value in (day, since, start, end)):
        asked = window(
            now=invocation.now,
            zone=zone,
            default=_DEFAULT_SPAN,
            day=day,
            since=since,
            start=start,
            end=end,
        )
    with session(invocation.lake, cluster=invocation.cluster_option) as opened:
        for warning in opened.warnings:
            invocation.warn(warning)
        place = _place(invocation, opened, about, namespace)
        told = story.tell(
            opened,
            about,
            place,
            window=asked or telling.default_window(place.last_seen, _DEFAULT_SPAN),
            timezone=zone,
        )
    if form == "json":
        from etl.incident import record  # noqa: PLC0415

        deliver(invocation, record.to_json(told), output)
    elif form == "html":
        from etl.incident import page  # noqa: PLC0415

        deliver(invocation, page.build(told, timezone=zone, language=spoken).encode(), output)
    else:
        from etl.incident import screen  # noqa: PLC0415

        with console(invocation, output) as printed:
            screen.show(told, console=printed, timezone=zone, language=spoken)


def _place(
    invocation: Invocation, opened: Session, about: Reference, namespace: str | None
) -> Place:
    """Return where the object is; one that is not where kubectl would look is told to be elsewhere."""
    from etl.incident.finding import find  # noqa: PLC0415

    wanted = namespace_of(invocation, namespace, about) if about.kind != "namespace" else None
    place = find(opened, about, now=invocation.now, namespace=wanted, sure=namespace is not None)
    if wanted is not None and place.namespace != wanted:
        invocation.say(f"{about.name} is in the namespace {place.namespace}, not in {wanted}")
    return place
