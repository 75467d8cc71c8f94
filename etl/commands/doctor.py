"""``eventlake doctor``: what is wrong with the lake, and with leave to do so, mend it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from etl.commands.invocation import Invocation
from etl.commands.output import console, deliver
from etl.errors import LakeError

if TYPE_CHECKING:
    from etl.lake.findings import Finding


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
    invocation: Invocation, form: str, output: Path | None, *, quarantine: bool, repair: bool
) -> None:
    """Read every file of the lake to its end and list what is wrong, with what to do about each.

    Ends with code 4 if something is wrong that is not only a notice; with --quarantine or
    --repair it lists, and the code tells, what is wrong after that. It changes nothing without them.
    """
    found = _found(invocation)
    if quarantine or repair:
        _mend(invocation, found, quarantine=quarantine, repair=repair)
        found = _found(invocation)
    if form == "json":
        text = json.dumps([_row(one) for one in found], indent=2, ensure_ascii=False)
        deliver(invocation, f"{text}\n".encode(), output)
    elif found:
        _table(invocation, found, output)
    troubles = [one for one in found if one.meaning.level == "trouble"]
    if troubles:
        many = "thing is" if len(troubles) == 1 else "things are"
        message = f"{len(troubles):,} {many} wrong with the lake {invocation.lake_path}; the list says what to do about each"
        raise LakeError(message)
    notices = f"; {len(found):,} notices" if found else ""
    invocation.say(f"the lake {invocation.lake_path} is healthy{notices}")


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


def _table(invocation: Invocation, found: list[Finding], output: Path | None) -> None:
    from rich.markup import escape  # noqa: PLC0415 -- 80 ms that machine formats do not need
    from rich.table import Table  # noqa: PLC0415

    table = Table("level", "kind", "path", "what", "do")
    for one in found:
        cells = (one.meaning.level, one.kind, one.path, one.detail, one.meaning.advice)
        table.add_row(*(escape(cell) for cell in cells))
    with console(invocation, output) as screen:
        screen.print(table)
