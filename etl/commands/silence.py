"""``eventlake silence``: what is not told for a time; it is evaluated, remembered and counted all the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from etl.commands.invocation import Invocation
from etl.commands.options import MOMENT, SPAN
from etl.errors import UsageError
from etl.timespan import Window, rfc3339

if TYPE_CHECKING:
    from etl.alerts.silences import Silence


@click.group()
def silence() -> None:
    """Keep alerts quiet for a time. Each silence ends by itself; what still fires then is told as new."""


@silence.command()
@click.argument("matchers", nargs=-1, required=True, metavar="MATCHER...")
@click.option("--for", "span", type=SPAN, metavar="DURATION", help="How long, such as 2h or 3d.")
@click.option("--until", type=MOMENT, metavar="TIME", help="When it ends, instead of --for.")
@click.option(
    "--from", "start", type=MOMENT, metavar="TIME", help="When it begins.  [default: now]"
)
@click.option("--comment", "-c", required=True, metavar="TEXT", help="Why; each digest shows it.")
@click.option("--by", metavar="NAME", help="Who asks for it.  [default: USER]")
@click.pass_obj
def add(
    invocation: Invocation,
    matchers: tuple[str, ...],
    span: timedelta | None,
    until: datetime | None,
    start: datetime | None,
    comment: str,
    by: str | None,
) -> None:
    """Keep quiet about alerts whose labels match all MATCHERs.

    A matcher is written as for Alertmanager: alertname=ProbesFailing, 'namespace=~"dev-.*"',
    severity!=critical. The name of the rule is alertname.
    """
    from etl.alerts import silences  # noqa: PLC0415 -- heavy imports only in the command that needs them

    begin = start or invocation.now
    if (span is None) == (until is None):
        message = "a silence has to end: give --for DURATION or --until TIME"
        raise UsageError(message)
    end = until if until is not None else begin + (span or timedelta(0))
    if end <= max(begin, invocation.now):
        message = f"the silence would end at {rfc3339(end)}, before it begins"
        raise UsageError(message)
    invocation.lake.check()
    made = silences.add(
        invocation.lake.files,
        matchers,
        Window(begin, end),
        created_by=by or invocation.environ.get("USER", ""),
        comment=comment,
        now=invocation.now,
    )
    invocation.print(f"{made.id}  {_told(made)}")


@silence.command("list")
@click.option("--all", "every", is_flag=True, help="Also those that have ended in the last month.")
@click.pass_obj
def list_(invocation: Invocation, *, every: bool) -> None:
    """List the silences of the lake and of the configuration, with what they are about and why."""
    from etl.alerts import silences  # noqa: PLC0415

    invocation.lake.check()
    known = [
        *((one, "") for one in silences.stored(invocation.lake.files)),
        *((one, " (configuration)") for one in silences.configured(invocation.settings)),
    ]
    shown = [(one, note) for one, note in known if every or one.ends_at > invocation.now]
    for one, note in shown:
        state = "ended, " if one.ends_at <= invocation.now else ""
        invocation.print(f"{one.id}  {state}{_told(one)}{note}")
    if not shown:
        invocation.say("there is no silence")


@silence.command()
@click.argument("silence_id", metavar="ID")
@click.pass_obj
def expire(invocation: Invocation, silence_id: str) -> None:
    """End the silence ID now; the beginning of its name is enough."""
    from etl.alerts import silences  # noqa: PLC0415

    invocation.lake.check()
    ended = silences.expire(invocation.lake.files, silence_id, invocation.now)
    invocation.print(f"{ended.id}  ended, {_told(ended)}")


def _told(one: Silence) -> str:
    who = f" by {one.created_by}" if one.created_by else ""
    return f"{', '.join(one.matchers)}  until {rfc3339(one.ends_at)}{who}: {one.comment}"
