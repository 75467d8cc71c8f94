"""``eventlake check``, ``digest`` and ``deliver``: rules to findings, findings to one message."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import click

from etl.commands.asking import session
from etl.commands.invocation import Invocation
from etl.commands.options import MOMENT
from etl.commands.watched import watched
from etl.errors import ConfigError, UsageError
from etl.log import JsonStream
from etl.timespan import Window, rfc3339

if TYPE_CHECKING:
    from etl.alerts.rules import Configured
    from etl.pipeline import Due, Outside


_log = logging.getLogger(__name__)


@click.command()
@click.option(
    "--at",
    type=MOMENT,
    metavar="TIME",
    help="Look at the 24 hours before this time.  [default: now]",
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
def check(invocation: Invocation, at: datetime | None, form: str, output: Path | None) -> None:
    """Evaluate the rules and print the findings; nothing is remembered or sent."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from etl import pipeline  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.alerts import digest as digests  # noqa: PLC0415
    from etl.alerts import switches  # noqa: PLC0415
    from etl.alerts.findings import table_of  # noqa: PLC0415
    from etl.commands.output import console, deliver  # noqa: PLC0415
    from etl.reports import formats, terminal  # noqa: PLC0415

    ready = configured(invocation)
    end = at or invocation.now
    window = Window(end - pipeline.DIGEST_SPAN, end)
    settings = ready.settings
    with session(invocation, many=True) as opened:
        asked = switches.turned(invocation.lake.files, ready.rules, invocation.now)
        built = digests.build(opened, settings, asked, window=window, language=settings.language)
    for line in built.health:
        invocation.warn(line)
    found = table_of(built.findings)
    if form != "table":
        deliver(invocation, formats.encode(found, form), output)
        return
    from etl.alerts import render  # noqa: PLC0415

    with console(invocation, output) as screen:
        terminal.show(
            found,
            console=screen,
            timezone=ZoneInfo(settings.timezone),
            language=settings.language,
            note=render.status(built),
        )


@click.command()
@click.option(
    "--at",
    type=MOMENT,
    metavar="TIME",
    help="The 24 hours before this time, instead of the window that is due.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what every receiver would get; send and remember nothing.",
)
@click.option(
    "--urgent",
    is_flag=True,
    help="Only what the urgent rules find since they were last asked, as run does after a snapshot.",
)
@click.pass_obj
def digest(invocation: Invocation, at: datetime | None, *, dry_run: bool, urgent: bool) -> None:
    """Evaluate the rules over the window that is due, render the digest and send it to every receiver.

    A digest that was made already is not made again. What a receiver refuses stays in
    the outbox for the next run.
    """
    from etl import pipeline  # noqa: PLC0415 -- heavy imports only in the command that needs them

    ready = configured(invocation)
    cluster = invocation.cluster_option
    invocation.lake.check()
    if urgent:
        _urgent(invocation, ready, at, dry_run=dry_run)
        return
    if dry_run:
        end = at or invocation.now
        preview(invocation, ready, Window(end - pipeline.DIGEST_SPAN, end))
        return
    if at is not None:
        due: Due | None = pipeline.Due(Window(at - pipeline.DIGEST_SPAN, at))
    else:
        due = pipeline.due_digest(invocation.lake, ready.settings, invocation.now, cluster=cluster)
    if due is None:
        invocation.say("no digest is due; --at TIME makes one of the 24 hours before TIME")
        return
    with watched(invocation, "digest"):
        _send(invocation, ready, due)


def _send(invocation: Invocation, ready: Configured, due: Due) -> None:
    """Send the digest that is due; raises ``DeliveryError``."""
    from etl import pipeline  # noqa: PLC0415 -- as above

    sent = pipeline.send_digest(
        invocation.lake, ready, outside(invocation), due=due, cluster=invocation.cluster_option
    )
    if not (sent.delivered or sent.failures or sent.elsewhere):
        span = f"{rfc3339(due.window.start)} to {rfc3339(due.window.end)}"
        invocation.say(f"nothing to send: every receiver was served for {span}")
    if error := sent.error():
        raise error


def _urgent(
    invocation: Invocation, ready: Configured, at: datetime | None, *, dry_run: bool
) -> None:
    from etl import pipeline  # noqa: PLC0415

    if at is not None or dry_run:
        message = "--urgent looks at what was learned since the last time, so it takes neither --at nor --dry-run"
        raise UsageError(message)
    sent = pipeline.send_urgent(
        invocation.lake, ready, outside(invocation), cluster=invocation.told_of
    )
    invocation.say(
        f"urgent message sent to {', '.join(sent.delivered)}"
        if sent.delivered
        else "nothing is urgent"
    )
    if error := sent.error():
        raise error


@click.command()
@click.pass_obj
def deliver(invocation: Invocation) -> None:
    """Send what the outbox still holds: digests that a receiver refused or did not answer."""
    from etl import pipeline  # noqa: PLC0415 -- heavy imports only in the command that needs them

    ready = configured(invocation)
    invocation.lake.check()
    sent = pipeline.send_pending(invocation.lake, ready.settings, outside(invocation))
    if not (sent.delivered or sent.failures or sent.elsewhere):
        invocation.say("the outbox is empty")
    if error := sent.error():
        raise error


def configured(invocation: Invocation) -> Configured:
    """Return the configuration with its rules; its advice goes to standard error."""
    from etl.alerts import receivers, rules  # noqa: PLC0415

    path = Path(invocation.config) if invocation.config else None
    ready = rules.configured(path, environ=invocation.environ, now=invocation.now)
    if mistakes := receivers.check(ready.settings):
        raise ConfigError([f"{invocation.config}: {mistake}" for mistake in mistakes])
    for warning in ready.warnings:
        invocation.warn(warning)
    return ready


def outside(invocation: Invocation) -> Outside:
    """Return what the steps of the pipeline need of the world; a console writes to standard error."""
    from etl.pipeline import Outside, page_path  # noqa: PLC0415

    return Outside(
        invocation.now,
        invocation.environ,
        invocation.sleep,
        # Among lines of JSON a digest for people is one of them.
        cast("TextIO", JsonStream(_log)) if invocation.log_format == "json" else invocation.stderr,
        page_path(invocation.settings, invocation.lake_path),
    )


def preview(invocation: Invocation, ready: Configured, window: Window) -> None:
    """Print what every receiver would get."""
    from etl import pipeline  # noqa: PLC0415
    from etl.alerts import receivers  # noqa: PLC0415

    with session(invocation, many=True) as opened:
        built = pipeline.digests(
            opened,
            invocation.lake,
            ready,
            window=window,
            now=invocation.now,
            cluster=invocation.cluster_option,
            health=lambda _language: [],
        )
    shown = [item for one, settings in built for item in receivers.preview(one, settings)]
    for number, (receiver, place, text) in enumerate(shown):
        if len(shown) > 1:
            invocation.print(("\n" if number else "") + f"--- {receiver} ({place})")
        invocation.print(text)
