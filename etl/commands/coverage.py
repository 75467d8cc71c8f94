"""``eventlake coverage``: what the ledger proves about a window, and the gaps with their causes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import click

from etl.commands.asking import session
from etl.commands.invocation import Invocation
from etl.commands.options import DAY, LOCAL_MOMENT, SPAN, window, zone_of
from etl.commands.output import console, deliver

# Of a narrow terminal what is wrong and why is seen first; machines get the order of the report.
_ON_SCREEN = ("cluster", "state", "cause", "started_at")


@click.command()
@click.option("--day", type=DAY, metavar="DAY", help="A calendar day, such as 2026-11-23.")
@click.option(
    "--since", type=SPAN, metavar="SPAN", help="The time until now, such as 24h.  [default: 24h]"
)
@click.option("--start", type=LOCAL_MOMENT, metavar="TIME", help="First moment of the window.")
@click.option("--end", type=LOCAL_MOMENT, metavar="TIME", help="End of the window.  [default: now]")
@click.option(
    "--timezone",
    metavar="ZONE",
    help="IANA timezone for days, shown times, and given ones without an offset.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "markdown"]),
    default="table",
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
def coverage(
    invocation: Invocation,
    day: date | None,
    since: timedelta | None,
    start: datetime | None,
    end: datetime | None,
    timezone: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Show for which time the snapshots prove that nothing was missed, and where not and why."""
    from etl.alerts.soundness import soundness  # noqa: PLC0415 -- as below
    from etl.reports import coverage as proof  # noqa: PLC0415
    from etl.reports import formats, run  # noqa: PLC0415
    from etl.reports.catalogue import catalogue  # noqa: PLC0415
    from etl.reports.cells import plain  # noqa: PLC0415

    zone = zone_of(timezone, invocation.settings.timezone)
    span = window(
        now=invocation.now,
        zone=zone,
        default=timedelta(hours=24),
        day=day,
        since=since,
        start=start,
        end=end,
    )
    language = invocation.settings.language
    with session(invocation) as opened:
        for warning in opened.warnings:
            invocation.warn(warning)
        report = catalogue()["coverage"]
        table = run.run(report, opened, window=span, timezone=zone)
        line = proof.line(
            proof.coverage(opened, window=span, timezone=zone), timezone=zone, language=language
        )
        sound = soundness(opened, span, language=language)
    if form != "table":
        deliver(invocation, formats.encode(table, form), output)
        return
    from etl.reports import terminal  # noqa: PLC0415

    with console(invocation, output) as screen:
        first = [name for name in _ON_SCREEN if name in table.column_names]
        rest = [name for name in table.column_names if name not in first]
        table = table.select([*first, *rest])
        terminal.show(table, console=screen, timezone=zone, language=language, note=line)
        for text in (*sound.trouble, *sound.facts):
            screen.print(plain(text, 300), markup=False, highlight=False)
