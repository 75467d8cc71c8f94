"""``eventlake sample``: the embedded sample of real events into a lake of its own."""

from __future__ import annotations

from pathlib import Path

import click

from etl.commands.invocation import Invocation
from etl.timespan import rfc3339


@click.command()
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the lake.  [default: --lake]",
)
@click.pass_obj
def sample(invocation: Invocation, output: Path | None) -> None:
    """Write the embedded sample into a lake: real events of public clusters, moved in time to end now."""
    from etl import ingest  # noqa: PLC0415 -- heavy imports only in the command that needs them

    if output is not None:
        invocation.lake_option = str(output)
    result = ingest.load_sample(invocation.lake, invocation.run)
    count = f"{result.items:,} real events" if result.items else "the real events"
    there = "" if result.items else " already"
    invocation.say(
        f"sample: {count} of clusters {', '.join(result.clusters)} are{there} in the lake"
        f" {invocation.lake_path}; they end at {rfc3339(result.end)}"
    )
