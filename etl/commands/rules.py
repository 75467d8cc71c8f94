"""``eventlake rules``: what is asked of the lake, whether it is right, by which SQL, and what it would have said."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.commands.asking import session
from etl.commands.digest import configured
from etl.commands.invocation import Invocation
from etl.commands.options import MOMENT, SPAN
from etl.errors import ConfigError, UsageError
from etl.timespan import Window, brief

if TYPE_CHECKING:
    from etl.alerts.rules import Rule


@click.group()
def rules() -> None:
    """List, check, explain and try the rules: the default ones and your own.

    A rule is chosen in this order: check says whether it is written rightly, backtest what it
    would have said of the past at which threshold, test whether it says what you expect of
    events that you draw.
    """


@rules.command("list")
@click.pass_obj
def list_(invocation: Invocation) -> None:
    """List the rules with severity, threshold and switch."""
    from etl.alerts import switches  # noqa: PLC0415 -- heavy imports only in the command that needs them

    formatter = click.HelpFormatter(width=100)
    rows = []
    ready = configured(invocation)
    # Those of the lake too, if there is one.
    for rule in switches.turned(invocation.lake.files, ready.rules, invocation.now):
        switch = "" if rule.enabled else "  [off]"
        by = f" by {', '.join(rule.by)}" if rule.by else ""
        rows.append((rule.name, f"{rule.severity}: {rule.threshold}{by}{switch}"))
    formatter.write_dl(rows)
    invocation.print(formatter.getvalue())


@rules.command("check")
@click.pass_obj
def check_(invocation: Invocation) -> None:
    """Check the configuration and all rules; every mistake is named with file, path and key."""
    ready = configured(invocation)
    if ready.settings.forward.targets:
        from etl.forward.trial import refuse_mistakes  # noqa: PLC0415 -- heavy imports only where they are needed

        refuse_mistakes(ready.settings.forward)
    enabled = sum(rule.enabled for rule in ready.rules)
    invocation.print(f"{len(ready.rules)} rules are right, {enabled} of them are switched on")


@rules.command()
@click.argument("name")
@click.pass_obj
def explain(invocation: Invocation, name: str) -> None:
    """Print the SQL of a rule and what is bound to its parameters."""
    rule = _named(name, configured(invocation).rules)
    bound = {k: v for k, v in rule.parameters.items() if v is not None}
    if rule.kind == "match":
        from etl.statements import statement  # noqa: PLC0415

        invocation.print(statement("rules/candidates").text.rstrip() + ";\n")
        invocation.print("-- the rows of the statement above are events of the one below")
    invocation.print(rule.statement.rstrip())
    invocation.print("\n-- bound: " + json.dumps(bound, ensure_ascii=False, default=str))
    span = (
        "the window" if rule.window is None else f"the {brief(rule.window)} before the evaluation"
    )
    invocation.print(f"-- bound by {span}: start, end and base (UTC, half-open)")
    invocation.print("-- bound by the days before: clusters, scales, known and the like")
    far = f" and {rule.compared}" if rule.compared else ""
    invocation.print(f"-- a row is a finding if value {rule.threshold}{far}")
    if rule.compared and rule.compared.span:
        invocation.print(f"-- base is {brief(rule.compared.span)} before the window")
    if rule.runs > 1:
        invocation.print(f"-- told when it was found in {rule.runs} evaluations in a row")
    if rule.keep_firing_for:
        invocation.print(
            f"-- said to fire for {brief(rule.keep_firing_for)} after it was last found"
        )
    if rule.urgent:
        invocation.print("-- urgent: asked after each snapshot too")


@rules.command("test")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_obj
def test_(invocation: Invocation, files: tuple[Path, ...]) -> None:
    """Try the rules on the drawn events of FILES; every alert that is not as expected is named.

    docs/rules.md shows such a file. Ends with code 2 if anything differs.
    """
    from etl.alerts import exercise  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.config import read  # noqa: PLC0415

    ready = configured(invocation)
    wrong, count = [], 0
    for path in files:
        for test in read.rule_tests(path).tests:
            count += 1
            found = exercise.failures(test, ready.rules, ready.settings)
            wrong += [f"{path}: {line}" for line in found]
    if wrong:
        raise ConfigError(wrong)
    invocation.print(f"{count} tests are passed")


@rules.command()
@click.argument("name")
@click.option(
    "--since", type=SPAN, default="30d", show_default=True, help="How far back the lake is asked."
)
@click.option("--at", type=MOMENT, metavar="TIME", help="End of the last window.  [default: now]")
@click.option(
    "--threshold",
    "thresholds",
    type=float,
    multiple=True,
    metavar="NUMBER",
    help="What to try beside the rule's own; can be given several times.  [default: 1, 2, 5, 10…]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="table: how often, and when; csv, json: everything that was measured.",
)
@click.pass_obj
def backtest(
    invocation: Invocation,
    name: str,
    since: timedelta,
    at: datetime | None,
    thresholds: tuple[float, ...],
    form: str,
) -> None:
    """Ask a rule about the past, one window after another: when it would have fired, and how often.

    Each window is a digest's day, or what the rule's own window says of that day. Nothing is
    remembered or sent.
    """
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    from etl.alerts import history  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.commands.output import console, deliver  # noqa: PLC0415
    from etl.reports import formats, terminal  # noqa: PLC0415

    ready = configured(invocation)
    rule, settings = _named(name, ready.rules), ready.settings
    end = at or invocation.now
    windows = history.evaluations(Window(end - since, end))
    if not windows:
        message = "--since is shorter than a day; give 1d or more"
        raise UsageError(message)
    with session(invocation) as opened:
        measured = history.values(rule, opened, windows, digest=settings.digest)
    if form != "table":
        deliver(invocation, formats.encode(measured, form), None)
        return
    often = history.firings(rule, measured, windows, thresholds)
    fired = measured.filter(measured["fired"]).sort_by(
        [("at", "ascending"), ("value", "descending")]
    )
    with console(invocation, None) as screen:
        for table, note in (
            (often, f"{rule.name} {rule.threshold}"),
            (fired, "when it would have fired"),
        ):
            terminal.show(
                table,
                console=screen,
                timezone=ZoneInfo(settings.timezone),
                language=settings.language,
                note=note,
            )


def _named(name: str, known: tuple[Rule, ...]) -> Rule:
    for rule in known:
        if rule.name == name:
            return rule
    message = f"there is no rule {name!r}; eventlake rules list shows them"
    raise UsageError(message)
