"""``eventlake views``: SQL for other DuckDB clients."""

from __future__ import annotations

from pathlib import Path

import click

from etl.commands.invocation import Invocation
from etl.commands.output import deliver

_HEAD = """\
-- The views of the lake {lake}, for DuckDB 2.0 and newer, as its files were at {now}.
-- A later run of eventlake adds files and replaces others: print this again then.
-- They are temporary views of your session: observations, events, latest, snapshots, coverage, reasons.
{access}
"""
_ACCESS = """\
-- The files lie in an object store: before this script, give your session access to it (docs/sql.md).
"""


@click.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.  [default: stdout]",
)
@click.pass_obj
def views(invocation: Invocation, output: Path | None) -> None:
    """Print SQL that shows the lake's views in any DuckDB client: duckdb -init lake.sql.

    It names the files that the lake has now, so print it again after a run.
    """
    from etl.lake.script import script  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.timespan import rfc3339  # noqa: PLC0415

    text, warnings = script(invocation.lake, cluster=invocation.cluster_option)
    for warning in warnings:
        invocation.warn(warning)
    lake = invocation.lake_path.replace("\n", " ")
    access = _ACCESS if "://" in lake else ""
    head = _HEAD.format(lake=lake, now=rfc3339(invocation.now), access=access)
    deliver(invocation, (head + text).encode(), output)
