"""``eventlake sql``: one SELECT over the lake's views."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from etl.commands.asking import strange
from etl.commands.invocation import Invocation
from etl.commands.options import SIZE, SPAN
from etl.commands.output import console, deliver


@click.command()
@click.argument("query")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "markdown", "parquet"]),
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
@click.option(
    "--timeout", type=SPAN, metavar="SPAN", help="How long it may take.  [default: sql.timeout]"
)
@click.option(
    "--memory", type=SIZE, metavar="SIZE", help="Memory it may take.  [default: sql.memory]"
)
@click.pass_obj
def sql(
    invocation: Invocation,
    query: str,
    *,
    form: str,
    output: Path | None,
    timeout: timedelta | None,
    memory: str | None,
) -> None:
    """Run one SELECT over the lake's views; - reads it from standard input.

    Views: observations, events, latest, snapshots, coverage,
    coverage_by_namespace, reasons. Filter on date as
    well as on last_seen: the files are cut by date.
    """
    from etl.reports import formats  # noqa: PLC0415 -- heavy imports only in the command that needs them

    text = invocation.stdin.read().decode("utf-8", "replace") if query == "-" else query
    with (
        strange(
            invocation,
            timeout=timeout or invocation.settings.sql.timeout,
            memory=memory or invocation.settings.sql.memory,
        ) as opened,
        invocation.progress("statement") as pace,
    ):
        for warning in opened.warnings:
            invocation.warn(warning)
        opened.tell = lambda share: pace(share or None, 0)
        table = opened.run(text, {})
    if form == "table":
        from etl.reports import terminal  # noqa: PLC0415

        zone = ZoneInfo(invocation.settings.timezone)
        with console(invocation, output) as screen:
            terminal.show(
                table, console=screen, timezone=zone, language=invocation.settings.language
            )
    else:
        deliver(invocation, formats.encode(table, form), output)
