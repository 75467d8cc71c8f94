"""``eventlake events``: what ``kubectl events`` would have shown, over all of history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from etl.commands.asking import session
from etl.commands.invocation import Invocation
from etl.commands.options import DAY, LOCAL_MOMENT, SPAN, window, zone_of
from etl.commands.places import namespace_of
from etl.errors import UsageError
from etl.timespan import Window

if TYPE_CHECKING:
    from etl.incident.kinds import Reference
    from etl.incident.wanted import Wanted
    from etl.lake.query import Session

_ROWS_AT_A_TIME = 10_000
# On a terminal a message of a megabyte is no help; files and pipes get all of it.
_TERMINAL_CHARACTERS = 2000
# Of a question without a window and without an answer it is told what is proven of so much.
_NOTHING_SPAN = timedelta(hours=24)


@click.command()
@click.option("--namespace", "-n", metavar="NAMESPACE", help="Namespace.  [default: as kubectl]")
@click.option("--all-namespaces", "-A", is_flag=True, help="Events of all namespaces.")
@click.option("--for", "for_", metavar="KIND/NAME", help="About this object, such as pod/web-0.")
@click.option("--types", multiple=True, metavar="TYPE[,TYPE]", help="Warning, Normal.")
@click.option("--reason", "reasons", multiple=True, metavar="REASON", help="With this reason.")
@click.option("--day", type=DAY, metavar="DAY", help="Last seen on a day, such as 2026-11-23.")
@click.option("--since", type=SPAN, metavar="SPAN", help="Last seen in the time until now: 24h.")
@click.option("--start", type=LOCAL_MOMENT, metavar="TIME", help="First moment of the window.")
@click.option("--end", type=LOCAL_MOMENT, metavar="TIME", help="End of it.  [default: now]")
@click.option("--timezone", metavar="ZONE", help="IANA timezone for days and times.")
@click.option("--absolute", is_flag=True, help="Times instead of ages.")
@click.option("--observations", is_flag=True, help="Every state that was seen, not the newest.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N only.")
@click.option("--no-headers", is_flag=True, help="No line with the names of the columns.")
@click.option(
    *("-o", "--output", "form"),
    type=click.Choice(["wide", "json", "yaml", "name"]),
    help="Form of the answer.  [default: a table]",
)
@click.pass_obj
def events(  # noqa: PLR0913 -- click gives options as arguments
    invocation: Invocation,
    *,
    namespace: str | None,
    all_namespaces: bool,
    for_: str | None,
    types: tuple[str, ...],
    reasons: tuple[str, ...],
    day: date | None,
    since: timedelta | None,
    start: datetime | None,
    end: datetime | None,
    timezone: str | None,
    absolute: bool,
    observations: bool,
    limit: int | None,
    no_headers: bool,
    form: str | None,
) -> None:
    """Show events as kubectl events does, from all of history.

    A line is an event object in its newest state, oldest first; on standard error follows what
    snapshots prove of that time. -o json and -o yaml are a List of v1 Events, which kubectl's
    users know and eventlake import reads.

    The namespace is that of the kubeconfig's context, as for kubectl, else default; only
    the file is read, no cluster is asked.
    """
    from etl.incident import api, listing  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.incident.wanted import Wanted  # noqa: PLC0415
    from etl.reports import coverage  # noqa: PLC0415

    zone = zone_of(timezone, invocation.settings.timezone)
    about = _reference(for_)
    whole = all(value is None for value in (day, since, start, end))
    wanted = Wanted(
        namespace=None if all_namespaces else namespace_of(invocation, namespace, about),
        about=about,
        window=listing.everything(invocation.now)
        if whole
        else window(
            now=invocation.now,
            zone=zone,
            default=timedelta(0),
            day=day,
            since=since,
            start=start,
            end=end,
        ),
        types=[word for text in types for word in text.split(",") if word],
        reasons=list(reasons),
        every=observations,
        most=limit,
    )
    with session(invocation) as opened:
        for warning in opened.warnings:
            invocation.warn(warning)
        if form in {"json", "yaml"} and len(opened.clusters) > 1:
            raise UsageError(
                f"the lake holds {', '.join(opened.clusters)}, and a List has no place for a"
                " cluster's name: choose one with eventlake --cluster NAME events …"
            )
        rows = _rows(opened, wanted)
        style = listing.Style(
            now=invocation.now,
            wide=form == "wide",
            namespaces=wanted.namespace is None,
            clusters=len(opened.clusters) > 1,
            heads=not no_headers,
            zone=zone if absolute else None,
            limit=_TERMINAL_CHARACTERS if invocation.stdout.isatty() else 0,
        )
        seen = _Seen(rows)
        pieces = {"json": api.to_json, "yaml": api.to_yaml, "name": listing.names}
        texts = pieces[form](seen) if form in pieces else listing.lines(seen, style)
        for text in texts:
            invocation.stdout.write(text)
        invocation.stdout.flush()
        if seen.oldest is None and form not in {"json", "yaml"}:
            _nothing(invocation, opened, wanted)
        if form in {None, "wide"}:
            # What is asked without a window begins with its oldest line.
            begun = seen.oldest or invocation.now - _NOTHING_SPAN
            proven = Window(min(begun, invocation.now), invocation.now) if whole else wanted.window
            line = coverage.line(
                coverage.coverage(opened, window=proven, timezone=zone),
                timezone=zone,
                language=invocation.settings.language,
            )
            # Nothing found must never stand alone.
            (invocation.say if seen.oldest else invocation.notice)(line)


class _Seen:
    """Rows on their way, and when the oldest of them was."""

    def __init__(self, rows: Iterator[dict[str, Any]]) -> None:
        self._rows = rows
        self.oldest: datetime | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self._rows:
            # They come in this order.
            self.oldest = self.oldest or row["last_seen"]
            yield row


def _reference(text: str | None) -> Reference | None:
    from etl.incident.kinds import reference  # noqa: PLC0415

    try:
        return reference(text) if text else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _rows(opened: Session, wanted: Wanted) -> Iterator[dict[str, Any]]:
    from etl.statements import statement  # noqa: PLC0415

    text = statement("incident/events").text
    for batch in opened.stream(text, wanted.parameters, rows=_ROWS_AT_A_TIME):
        yield from batch.to_pylist()


def _nothing(invocation: Invocation, opened: Session, wanted: Wanted) -> None:
    """Say it as kubectl does, always and on standard error, and where there is something: an empty answer is easily misread."""
    from etl.statements import statement  # noqa: PLC0415

    place = f" in {wanted.namespace} namespace" if wanted.namespace else ""
    invocation.notice(f"No events found{place}.")
    everywhere = {**wanted.parameters, "namespace": None}
    known = opened.run(statement("incident/whereabouts").text, everywhere).to_pylist()
    found = [row for row in known if row["namespace"] != wanted.namespace]
    if found:
        names = ", ".join(dict.fromkeys(str(row["namespace"]) for row in found))
        invocation.notice(f"There are some in {names}: -n NAMESPACE or -A shows them.")
