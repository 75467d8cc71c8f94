"""``eventlake rules``: what is asked of the lake, whether it is right, and by which SQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from etl.commands.digest import configured
from etl.commands.invocation import Invocation
from etl.errors import UsageError

if TYPE_CHECKING:
    from etl.alerts.rules import Rule


@click.group()
def rules() -> None:
    """List, check and explain the rules: the default ones and your own."""


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
    enabled = sum(rule.enabled for rule in ready.rules)
    invocation.print(f"{len(ready.rules)} rules are right, {enabled} of them are switched on")


@rules.command()
@click.argument("name")
@click.pass_obj
def explain(invocation: Invocation, name: str) -> None:
    """Print the SQL of a rule and what is bound to its parameters."""
    rule = _named(name, configured(invocation).rules)
    bound = {k: v for k, v in rule.parameters.items() if v is not None}
    invocation.print(rule.statement.rstrip())
    invocation.print("\n-- bound: " + json.dumps(bound, ensure_ascii=False, default=str))
    invocation.print("-- bound by the window: start, end and base (UTC, half-open)")
    invocation.print(f"-- a row is a finding if value {rule.threshold}")


def _named(name: str, known: tuple[Rule, ...]) -> Rule:
    for rule in known:
        if rule.name == name:
            return rule
    message = f"there is no rule {name!r}; eventlake rules list shows them"
    raise UsageError(message)
