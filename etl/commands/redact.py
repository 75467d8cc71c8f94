"""``eventlake redact``: mask what is in the lake already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from etl.commands.invocation import Invocation
from etl.config.door import MASK, wrong
from etl.errors import UsageError
from etl.timespan import Window

if TYPE_CHECKING:
    from etl.lake.masks import Masks
    from etl.lake.redact import Matched

_NAME = "redact"


@click.command()
@click.option(
    "--match",
    metavar="RE",
    help="Expression of RE2 that is masked.  [default: the rules of ingest.redact]",
)
@click.option("--replace", metavar="TEXT", help=f"What stands there instead.  [default: {MASK}]")
@click.option("--dry-run", is_flag=True, help="Say what would be masked, and change nothing.")
@click.pass_obj
def redact(
    invocation: Invocation, match: str | None, replace: str | None, *, dry_run: bool
) -> None:
    """Mask secrets in every file of the lake, and in the page; what held them is deleted at once.

    Set ingest.redact first: what is still listed would be stored again. It can be run again at
    any time, and has to be after it was interrupted.
    """
    masks = _masks(invocation, match, replace)
    invocation.lake.check()
    if not (_foretold if dry_run else _masked)(invocation, masks):
        invocation.notice("nothing matches")
    rules = {rule.match for rule in invocation.settings.ingest.redact}
    if not {rule.match for rule in masks.rules} <= rules:
        invocation.warn(
            "ingest.redact does not have this expression: a snapshot or an import may store again"
            " what it masks"
        )


def _foretold(invocation: Invocation, masks: Masks) -> int:
    """Say what would be masked; return how many days and documents that are."""
    from etl.lake import documents  # noqa: PLC0415 -- heavy imports only in the command that needs them
    from etl.lake import redact as masking  # noqa: PLC0415

    seen = masking.found(invocation.lake, masks, invocation.cluster_option)
    for warning in seen.warnings:
        invocation.warn(warning)
    for day in seen.days:
        _say(invocation, day, "would be masked")
    paths = list(documents.matching(invocation.lake.files, masks))
    for path in paths:
        invocation.say(f"{path} would be masked")
    return len(seen.days) + len(paths)


def _masked(invocation: Invocation, masks: Masks) -> int:
    """Mask, and say what; return how many days and documents that were."""
    from etl.lake import documents  # noqa: PLC0415 -- as above
    from etl.lake import redact as masking  # noqa: PLC0415

    lake, done = invocation.lake, 0
    for told in masking.redact(
        lake,
        masks,
        run_id=invocation.run_id,
        clock=invocation.clock,
        cluster=invocation.cluster_option,
        others=sum(1 for _path in documents.matching(lake.files, masks)),
    ):
        if isinstance(told, str):
            invocation.warn(told)
        else:
            done += 1
            _say(invocation, told, "masked")
    for path in documents.redact(lake.files, masks):
        done += 1
        invocation.say(f"{path} masked")
    for warning in masking.sweep(lake, now=invocation.clock()):
        invocation.warn(warning)
    _write_page_anew(invocation)
    return done


def _masks(invocation: Invocation, match: str | None, replace: str | None) -> Masks:
    """Return the rules that are wanted; raises ``UsageError`` for what cannot be one."""
    from etl.lake.masks import Mask, Masks  # noqa: PLC0415 -- as above

    if match is None:
        rules = invocation.settings.ingest.redact
        if not rules or replace is not None:
            message = (
                "name what is masked with --match, or rules in ingest.redact of the configuration"
            )
            raise UsageError(message)
        return Masks(tuple(Mask(one.name, one.match, one.replace) for one in rules))
    replacement = MASK if replace is None else replace
    for option, text in wrong(match, replacement):
        message = f"--{option} {text}"
        raise UsageError(message)
    return Masks((Mask(_NAME, match, replacement),))


def _write_page_anew(invocation: Invocation) -> None:
    """Write the page of ``run`` anew, if there is one: what it showed is in its bytes."""
    from etl import pipeline  # noqa: PLC0415 -- as above
    from etl.commands.run import write_page  # noqa: PLC0415

    path = pipeline.page_path(invocation.settings, invocation.lake_path)
    if not path.exists():
        return
    # Gone before the new one is there: a page that cannot be written must not keep the old one.
    path.unlink()
    span = Window(invocation.now - invocation.settings.report.since, invocation.now)
    write_page(invocation, path, span, cluster=None)
    invocation.say(f"{path} written anew")


def _say(invocation: Invocation, day: Matched, what: str) -> None:
    files = len(day.counting) + len(day.replaced)
    invocation.say(
        f"{day.cluster}: {day.date} {what}: {day.rows.total():,} states, {files:,} files"
    )
