"""``eventlake switch``: turn one rule off or on, for a time or until somebody turns it again."""

from __future__ import annotations

from datetime import datetime

import click

from etl.commands.digest import configured
from etl.commands.invocation import Invocation
from etl.commands.options import MOMENT
from etl.errors import UsageError
from etl.timespan import rfc3339


@click.command()
@click.argument("position", type=click.Choice(["on", "off"]))
@click.argument("rule", metavar="RULE")
@click.option("--until", type=MOMENT, metavar="TIME", help="When it turns back by itself.")
@click.option("--comment", "-c", default="", metavar="TEXT", help="Why; each digest shows it.")
@click.option("--by", metavar="NAME", help="Who turns it.  [default: USER]")
@click.pass_obj
def switch(
    invocation: Invocation,
    position: str,
    rule: str,
    until: datetime | None,
    comment: str,
    by: str | None,
) -> None:
    """Turn RULE on or off in this lake; it wins over the configuration.

    A rule that is off is not asked, and each digest names it.
    """
    from etl.alerts import switches  # noqa: PLC0415 -- heavy imports only in the command that needs them

    if rule not in {known.name for known in configured(invocation).rules}:
        message = f"there is no rule {rule!r}; eventlake rules list shows them"
        raise UsageError(message)
    if until is not None and until <= invocation.now:
        message = f"--until {rfc3339(until)} is over already"
        raise UsageError(message)
    invocation.lake.check()
    turned = switches.Switch(
        rule=rule,
        enabled=position == "on",
        until=until,
        comment=comment,
        created_by=by or invocation.environ.get("USER", ""),
        created_at=invocation.now,
    )
    switches.turn(invocation.lake.files, turned)
    end = f" until {rfc3339(until)}" if until else ""
    invocation.print(f"{rule} is {position}{end}")
