"""The reports that a command knows: those of eventlake, of the configuration, of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.commands.invocation import Invocation
from etl.commands.output import deliver

if TYPE_CHECKING:
    from etl.reports.catalogue import Report


def known(invocation: Invocation, folders: Sequence[Path] = ()) -> dict[str, Report]:
    """Return all reports by name; raises ``ConfigError`` with every mistake of one's own ones."""
    from etl.reports.catalogue import catalogue  # noqa: PLC0415 -- heavy imports only in the command that needs them

    configured = [Path(folder) for folder in invocation.settings.report.folders]
    reports = catalogue([*configured, *folders])
    if own := [item for item in reports.values() if item.path is not None]:
        from etl.lake.query import Session  # noqa: PLC0415
        from etl.reports.check import check  # noqa: PLC0415

        with Session() as session:
            check(own, session)
    return reports


def show_list(
    invocation: Invocation, reports: Iterable[Report], *, form: str, output: Path | None
) -> None:
    """Say of each report what it answers: as a list to read, or as rows."""
    language = invocation.settings.language
    if form == "table":
        formatter = click.HelpFormatter(width=100)
        formatter.write_dl([(item.name, item.questions[language]) for item in reports])
        deliver(invocation, formatter.getvalue().encode(), output)
        return
    from etl.reports import formats  # noqa: PLC0415
    from etl.reports.catalogue import listed  # noqa: PLC0415

    deliver(invocation, formats.encode(listed(reports, language), form), output)
