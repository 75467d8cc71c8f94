"""``eventlake sql``: one SELECT over the lake's views."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from etl.commands.invocation import Invocation
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
@click.pass_obj
def sql(invocation: Invocation, query: str, form: str, output: Path | None) -> None:
    """Run one SELECT over the lake's views; - reads it from standard input.

    Views: observations, events, latest, snapshots, coverage,
    coverage_by_namespace, reasons. Filter on date as
    well as on last_seen: the files are cut by date.
    """
    from etl.lake.query import session  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.reports import formats  # noqa: PLC0415

    text = invocation.stdin.read().decode("utf-8", "replace") if query == "-" else query
    with session(invocation.lake, cluster=invocation.cluster_option, locked=True) as opened:
        for warning in opened.warnings:
            invocation.warn(warning)
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
