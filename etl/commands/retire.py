"""``eventlake retire``: say that a cluster is gone, so that nobody waits for it."""

from __future__ import annotations

import click

from etl.commands.invocation import Invocation
from etl.errors import UsageError


@click.command()
@click.argument("cluster")
@click.option(
    "--comment", "-c", required=True, metavar="TEXT", help="Why; the next digest shows it."
)
@click.option("--by", metavar="NAME", help="Who says so.  [default: USER]")
@click.pass_obj
def retire(invocation: Invocation, cluster: str, comment: str, by: str | None) -> None:
    """Say that CLUSTER is gone: digests expect nothing of it, and close its alerts as expired.

    Its events stay where they are. If it is listed again it is back, whatever was said.
    """
    from etl.alerts import retired  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.lake.layout import clusters_of  # noqa: PLC0415

    invocation.lake.check()
    known = clusters_of(invocation.lake.ledger())
    if cluster not in known:
        there = ", ".join(known) or "none"
        message = f"there is no cluster {cluster!r} in this lake; there are {there}"
        raise UsageError(message)
    said = retired.Retired(
        cluster=cluster,
        at=invocation.now,
        comment=comment,
        created_by=by or invocation.environ.get("USER", ""),
    )
    retired.retire(invocation.lake.files, said)
    invocation.print(f"{cluster} is retired; a new list of it takes that back")
