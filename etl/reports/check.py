"""A report's header held against its statement: one SELECT, and the parameters that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from etl.errors import ConfigError, EventlakeError, StatementError
from etl.reports.catalogue import Report

# Where DuckDB says that it stumbled.
_LINE = re.compile(r"\bLINE (\d+):")


class Parameterised(Protocol):
    """What can tell the named parameters of a statement: a session of the lake."""

    def parameters(self, text: str, /) -> set[str]:
        """Names that ``text`` binds; raises unless it is exactly one SELECT."""


def check(reports: Iterable[Report], session: Parameterised) -> None:
    """Compare each header with what its statement binds; raises ``ConfigError`` with all mistakes."""
    if mistakes := [text for report in reports for text in _mistakes(report, session)]:
        raise ConfigError(mistakes)


def _mistakes(report: Report, session: Parameterised) -> Iterator[str]:
    try:
        bound = session.parameters(report.text)
    except EventlakeError as error:
        # Collected, so that all mistakes of a folder are shown at once.
        stumbled = _LINE.search(error.excerpt) if isinstance(error, StatementError) else None
        yield f"{report.place}:{stumbled[1] if stumbled else _first_line(report)}: {error}"
        return
    declared = {parameter.name for parameter in report.parameters}
    for name in sorted(bound - declared):
        line = _line_of(report, name)
        yield f"{report.place}:{line}: parameters: ${name} is used but not listed in the header"
    for name in sorted(declared - bound):
        line = report.lines.get("parameters", 1)
        yield f"{report.place}:{line}: parameters: {name} is listed but ${name} is not used"


def _first_line(report: Report) -> int:
    """Return the line in which the statement begins: the first that is no comment."""
    for number, line in enumerate(report.text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("--"):
            return number
    return 1


def _line_of(report: Report, parameter: str) -> int:
    wanted = re.compile(rf"\${re.escape(parameter)}\b")
    for number, line in enumerate(report.text.splitlines(), 1):
        if wanted.search(line.partition("--")[0]):
            return number
    return _first_line(report)
