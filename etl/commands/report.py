"""``eventlake report``: questions to the lake, answered for eyes or for machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from etl.commands.asking import session
from etl.commands.catalogue import known, show_list
from etl.commands.invocation import Invocation
from etl.commands.options import DAY, LOCAL_MOMENT, SPAN, window, zone_of
from etl.commands.output import console, deliver
from etl.progress import Turns
from etl.timespan import Window

if TYPE_CHECKING:
    import pyarrow as pa

    from etl.commands.bar import Bar
    from etl.lake.query import Session
    from etl.progress import Logged
    from etl.reports.catalogue import Report

_FORMATS = ["table", "csv", "json", "markdown", "parquet", "html"]
_FOR_ONE = {"csv", "json", "parquet"}
_DEFAULT_SPAN = timedelta(hours=24)
# From so many answers on it pays to keep the open days in memory (etl.lake.keep).
_MANY = 4


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--list", "list_", is_flag=True, help="List the reports and what each answers.")
@click.option("--day", type=DAY, metavar="DAY", help="A calendar day, such as 2026-11-23.")
@click.option(
    "--since", type=SPAN, metavar="SPAN", help="The time until now, such as 24h.  [default: 24h]"
)
@click.option("--start", type=LOCAL_MOMENT, metavar="TIME", help="First moment of the window.")
@click.option("--end", type=LOCAL_MOMENT, metavar="TIME", help="End of the window.  [default: now]")
@click.option(
    "--timezone",
    metavar="ZONE",
    help="IANA timezone for days, hours, shown times, and given ones without an offset.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
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
@click.option(
    "--set",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the report, such as reason=BackOff.",
)
@click.option(
    "--reports",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with reports of your own, beside those of the configuration.",
)
@click.pass_obj
def report(  # noqa: PLR0913 -- click gives options as arguments
    invocation: Invocation,
    names: tuple[str, ...],
    *,
    day: date | None,
    since: timedelta | None,
    start: datetime | None,
    end: datetime | None,
    timezone: str | None,
    form: str,
    output: Path | None,
    given: tuple[str, ...],
    folders: tuple[Path, ...],
    list_: bool,
) -> None:
    """Answer the questions NAME..., all of them by default.

    csv, json and parquet hold one answer, so they take one NAME. html is one page
    with charts that works without a network.
    """
    from etl.reports.catalogue import find  # noqa: PLC0415

    reports = known(invocation, folders)
    if list_:
        if form == "html":
            message = "--list has no page; take table, csv, json, markdown or parquet"
            raise click.UsageError(message)
        show_list(invocation, reports.values(), form=form, output=output)
        return
    chosen = [find(name, reports) for name in names] or list(reports.values())
    if form in _FOR_ONE and len(chosen) != 1:
        message = (
            f"--format {form} holds one answer: name one report; eventlake report --list shows them"
        )
        raise click.UsageError(message)
    extra = _parameters(given, chosen)
    zone = zone_of(timezone, invocation.settings.timezone)
    span = window(
        now=invocation.now,
        zone=zone,
        default=_DEFAULT_SPAN,
        day=day,
        since=since,
        start=start,
        end=end,
    )
    many = len(chosen) >= _MANY
    with (
        session(invocation, many=many) as opened,
        invocation.progress("report") as pace,
    ):
        for warning in opened.warnings:
            invocation.warn(warning)
        opened.tell = turns = Turns(pace, "report", len(chosen))
        answer = _Answer(invocation, opened, span, zone, extra, turns.begin)
        if form == "table":
            answer.tables(chosen, output, pace)
            return
        if form == "html":
            made = answer.page(chosen).encode()
        elif form == "markdown":
            made = answer.markdown(chosen)
        else:
            made = answer.encoded(chosen[0], form)
        with pace.aside():
            deliver(invocation, made, output)


class _Answer:
    """The chosen reports over one window, in the form that was asked for."""

    def __init__(
        self,
        invocation: Invocation,
        opened: Session,
        span: Window,
        zone: ZoneInfo,
        extra: dict[str, str],
        begin: Callable[[str], None],
    ) -> None:
        self._invocation = invocation
        self._session = opened
        self._window = span
        self._zone = zone
        self._extra = extra
        self._begin = begin

    def tables(self, chosen: Sequence[Report], output: Path | None, pace: Bar | Logged) -> None:
        """Show one answer after the other, as soon as it is there."""
        from etl.reports import coverage, terminal  # noqa: PLC0415

        language = self._invocation.settings.language
        note = coverage.line(
            coverage.coverage(self._session, window=self._window, timezone=self._zone),
            timezone=self._zone,
            language=language,
        )
        with console(self._invocation, output) as screen:
            for number, item in enumerate(chosen):
                table = self._rows(item)
                with pace.aside():
                    if number:
                        screen.print()
                    terminal.show(
                        table,
                        console=screen,
                        timezone=self._zone,
                        language=language,
                        title=item.titles[language],
                        question=item.questions[language],
                        # Once is enough for the eye, but nothing found must never stand alone.
                        note=note if number == len(chosen) - 1 or table.num_rows == 0 else "",
                    )

    def markdown(self, chosen: Sequence[Report]) -> bytes:
        language = self._invocation.settings.language
        parts = [
            f"## {item.titles[language]}\n\n{item.questions[language]}\n\n".encode()
            + self.encoded(item, "markdown")
            for item in chosen
        ]
        return parts[0].split(b"\n\n", 2)[2] if len(parts) == 1 else b"\n".join(parts)

    def encoded(self, item: Report, form: str) -> bytes:
        from etl.reports import formats  # noqa: PLC0415

        return formats.encode(self._rows(item), form)

    def page(self, chosen: Sequence[Report]) -> str:
        from etl.reports import page  # noqa: PLC0415

        return page.build(
            self._session,
            window=self._window,
            timezone=self._zone,
            language=self._invocation.settings.language,
            title=", ".join(self._session.clusters) or "eventlake",
            generated_at=self._invocation.now,
            lake=self._invocation.lake_path,
            reports={item.name: item for item in chosen},
            extra=self._extra,
            begin=self._begin,
        )

    def _rows(self, item: Report) -> pa.Table:
        from etl.reports import run  # noqa: PLC0415

        self._begin(item.name)
        return run.run(
            item, self._session, window=self._window, timezone=self._zone, extra=self._for(item)
        )

    def _for(self, item: Report) -> dict[str, str]:
        """Return the given parameters that this report takes."""
        taken = {parameter.name for parameter in item.extra}
        return {k: v for k, v in self._extra.items() if k in taken}


def _parameters(given: Sequence[str], chosen: Sequence[Report]) -> dict[str, str]:
    """Read ``--set``; what no chosen report would look at is refused."""
    pairs: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            message = f"--set {text}: write it NAME=VALUE, such as reason=BackOff"
            raise click.UsageError(message)
        pairs[name] = value
    taken = sorted({parameter.name for item in chosen for parameter in item.extra})
    for name in pairs:
        if name not in taken:
            near = get_close_matches(name, taken, n=1)
            offer = (
                f"did you mean {near[0]}?" if near else f"taken are {', '.join(taken) or 'none'}"
            )
            message = f"--set {name}: no chosen report takes it; {offer}"
            raise click.UsageError(message)
    return pairs
