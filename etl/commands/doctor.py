"""``eventlake doctor``: what is wrong with the lake, and with leave to do so, mend it; or whether a run would work."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etl.commands.digest import configured
from etl.commands.invocation import Invocation
from etl.commands.output import console, deliver
from etl.errors import ClusterError, DeliveryError, LakeError, UsageError

if TYPE_CHECKING:
    from etl.config.settings import Source
    from etl.lake.findings import Finding

# What a run would end with.
_FAILURES = {kind.exit_code: kind for kind in (UsageError, ClusterError, LakeError, DeliveryError)}


@click.command()
@click.option(
    "--quarantine",
    is_flag=True,
    help="Move files that should not be read to quarantine/; nothing is deleted.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Rebuild what can be: caches, the marker, days to be sealed; sweep what dead runs left.",
)
@click.option(
    "--live",
    is_flag=True,
    help="Look at cluster, schedule, lake and receivers as a run needs them, and send nothing.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
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
def doctor(
    invocation: Invocation,
    form: str,
    output: Path | None,
    *,
    quarantine: bool,
    repair: bool,
    live: bool,
) -> None:
    """Read every file of the lake to its end and list what is wrong, with what to do about each.

    Ends with code 4 if something is wrong that is not only a notice; with --quarantine or
    --repair it lists, and the code tells, what is wrong after that. It changes nothing without them.

    With --live it looks at the configuration in its world instead: may the account list events, do
    clocks agree, does the schedule leave room, can the lake be written to, can receivers be reached.
    The code is that of the first thing that fails.
    """
    if live:
        if quarantine or repair:
            message = "--live looks at what a run needs, and mends nothing; call doctor once more without it"
            raise UsageError(message)
        _live(invocation, form, output)
        return
    found = _found(invocation)
    if quarantine or repair:
        _mend(invocation, found, quarantine=quarantine, repair=repair)
        found = _found(invocation)
    if form == "json":
        text = json.dumps([_row(one) for one in found], indent=2, ensure_ascii=False)
        deliver(invocation, f"{text}\n".encode(), output)
    elif found:
        rows = [(o.meaning.level, o.kind, o.path, o.detail, o.meaning.advice) for o in found]
        _table(invocation, ("level", "kind", "path", "what", "do"), rows, output)
    troubles = [one for one in found if one.meaning.level == "trouble"]
    if troubles:
        many = "thing is" if len(troubles) == 1 else "things are"
        message = f"{len(troubles):,} {many} wrong with the lake {invocation.lake_path}; the list says what to do about each"
        raise LakeError(message)
    notices = f"; {len(found):,} notices" if found else ""
    invocation.say(f"the lake {invocation.lake_path} is healthy{notices}")


def _live(invocation: Invocation, form: str, output: Path | None) -> None:
    """Print a line for each thing that a run needs; raises the error that a run would end with."""
    from etl.checkup.everything import examined  # noqa: PLC0415 -- heavy imports only in the command that needs them

    ready = configured(invocation)
    found = list(
        examined(
            invocation.lake,
            ready.settings,
            _members(invocation),
            environ=invocation.environ,
            clock=invocation.clock,
        )
    )
    if form == "json":
        rows = [
            {"level": c.level, "subject": c.subject, "detail": c.detail, "advice": c.advice}
            for c in found
        ]
        text = json.dumps(rows, indent=2, ensure_ascii=False)
        deliver(invocation, f"{text}\n".encode(), output)
    else:
        lines = [(c.level, c.subject, c.detail, c.advice) for c in found]
        _table(invocation, ("level", "what", "how it is", "do"), lines, output)
    failed = [one for one in found if one.level == "fail"]
    if failed:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        message = f"a run would fail: {failed[0].subject}{more}; the list says what to do"
        raise _FAILURES[failed[0].code](message)
    warned = sum(one.level == "warn" for one in found)
    invocation.say(f"a run would work; {warned} warnings" if warned else "a run would work")


def _members(invocation: Invocation) -> dict[str, Source]:
    """Return the clusters that a run would read, by name; an empty name where nothing tells it."""
    from etl.source import live  # noqa: PLC0415 -- as above

    settings = invocation.settings
    if fleet := invocation.fleet:
        return {name: settings.source_of(name) for name in fleet}
    name = invocation.cluster
    source = settings.source_of(name)
    if not name:
        try:
            name = live.connect(source, invocation.environ).name
        except ClusterError:
            # The line about the cluster says why.
            name = ""
    return {name: source}


def _found(invocation: Invocation) -> list[Finding]:
    from etl.lake.examine import Expected, examine  # noqa: PLC0415 -- heavy imports only in the command that needs them

    expected = Expected(
        invocation.now, invocation.settings.ttl(invocation.cluster_option), invocation.not_before
    )
    return examine(invocation.lake, expected, cluster=invocation.cluster_option)


def _mend(invocation: Invocation, found: list[Finding], *, quarantine: bool, repair: bool) -> None:
    from etl.lake import mend  # noqa: PLC0415 -- as above

    lake = invocation.lake
    if quarantine:
        for done in mend.quarantine(lake, found, now=invocation.now):
            invocation.say(done)
    if repair:
        for done in mend.repair(
            lake,
            found,
            clock=invocation.clock,
            ttl=invocation.settings.ttl(invocation.cluster_option),
            cluster=invocation.cluster_option,
        ):
            invocation.say(done)


def _row(one: Finding) -> dict[str, Any]:
    return {
        "level": one.meaning.level,
        "kind": one.kind,
        "path": one.path,
        "cluster": one.cluster,
        "date": one.date.isoformat() if one.date else None,
        "detail": one.detail,
        "advice": one.meaning.advice,
    }


def _table(
    invocation: Invocation,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    output: Path | None,
) -> None:
    from rich.markup import escape  # noqa: PLC0415 -- 80 ms that machine formats do not need
    from rich.table import Table  # noqa: PLC0415

    table = Table(*heads)
    for cells in rows:
        table.add_row(*(escape(cell) for cell in cells))
    with console(invocation, output) as screen:
        screen.print(table)
