"""``eventlake receivers``: where digests go, and a test message to see whether they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.commands.digest import configured, outside
from etl.commands.invocation import Invocation
from etl.errors import DeliveryError, UsageError

if TYPE_CHECKING:
    from etl.alerts.receivers import Placed
    from etl.alerts.receivers.target import Chart
    from etl.config.settings import Settings


@click.group()
def receivers() -> None:
    """List the receivers of digests, and try one out."""


@receivers.command("list")
@click.pass_obj
def list_(invocation: Invocation) -> None:
    """List the receivers with their targets and languages; no address is shown."""
    formatter = click.HelpFormatter(width=100)
    settings = configured(invocation).settings
    rows: dict[str, list[str]] = {}
    for item in _placed(invocation, settings):
        rows.setdefault(item.receiver.name, []).append(item.place)
    languages = {r.name: r.language for r in settings.receivers}
    formatter.write_dl(
        [
            (name, f"{', '.join(places)}; {languages.get(name) or settings.language}")
            for name, places in rows.items()
        ]
    )
    invocation.print(formatter.getvalue())


@receivers.command()
@click.argument("name")
@click.option("--mention", is_flag=True, help="Say that it is critical, so that people are called.")
@click.pass_obj
def test(invocation: Invocation, name: str, *, mention: bool) -> None:
    """Send a message that says of itself that it is a test, and explain what each target answers.

    Nothing is remembered, and nothing is sent again.
    """
    import msgspec.structs  # noqa: PLC0415

    from etl import illustration  # noqa: PLC0415 -- with what it needs
    from etl.alerts import receivers  # noqa: PLC0415
    from etl.alerts.receivers.explain import explained  # noqa: PLC0415
    from etl.alerts.receivers.trial import tried  # noqa: PLC0415
    from etl.alerts.specimen import specimen  # noqa: PLC0415

    settings = configured(invocation).settings
    mine = [receiver for receiver in settings.receivers if receiver.name == name]
    draws = receivers.draws(msgspec.structs.replace(settings, receivers=mine))
    chart = illustration.specimen(settings, now=invocation.now) if draws else None
    found = [item for item in _placed(invocation, settings, chart) if item.receiver.name == name]
    if not found:
        message = f"there is no receiver {name!r}; eventlake receivers list shows them"
        raise UsageError(message)
    digest = specimen(
        invocation.now,
        timezone=settings.timezone,
        language=settings.language,
        severity="critical" if mention else "warning",
    )
    failed = 0
    for item in found:
        for outcome in tried(item, digest, now=invocation.now, sleep=invocation.sleep):
            failed += not outcome.delivered
            invocation.print(f"{item.place}: {explained(item.target.kind, outcome)}")
    if failed:
        message = f"{name} did not take the test; see above"
        raise DeliveryError(message)


def _placed(invocation: Invocation, settings: Settings, chart: Chart | None = None) -> list[Placed]:
    from etl.alerts.receivers import placed  # noqa: PLC0415 -- heavy imports only in the command that needs them

    return placed(settings, outside(invocation).for_targets(chart))
