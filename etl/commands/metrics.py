"""``eventlake metrics``: what Prometheus would be told now, on standard output or in a file."""

from __future__ import annotations

from pathlib import Path

import click

from etl.commands.invocation import Invocation
from etl.commands.output import deliver


@click.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.  [default: stdout]",
)
@click.pass_obj
def metrics(invocation: Invocation, output: Path | None) -> None:
    """Print the metrics of the lake and of its last runs in Prometheus' text format; change nothing."""
    from etl.metrics.exposition import text  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.metrics.gather import gather  # noqa: PLC0415
    from etl.pipeline import page_path  # noqa: PLC0415

    invocation.lake.check()
    readings = gather(
        invocation.lake,
        invocation.settings,
        now=invocation.now,
        cluster=invocation.cluster,
        page=page_path(invocation.settings, invocation.lake_path),
    )
    deliver(invocation, text(readings), output)
