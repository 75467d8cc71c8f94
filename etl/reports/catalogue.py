"""SQL files to reports: what each one asks, takes and draws, read from its header.

    -- title: Top reasons                    what it is called; title_zh likewise
    -- question: What happened most?         what it answers; question_zh likewise
    -- parameters: start, end, limit=20      every named parameter of the statement
    -- chart: bar x=occurrences y=reason color=type limit=15

``start``, ``end`` and ``timezone`` are given by the window; ``bucket`` is a length of time
(``auto`` fits the window); each other parameter is what its default looks like: a whole
number, a number, or text. One without a default has to be given and is text.
A report of one's own is a ``.sql`` file of this form in a folder of one's own. It can be
neither without title and question nor called like one that is there: every mistake is
told with its file and line, and nothing runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, cast, get_args

import pyarrow as pa

from etl.errors import ConfigError, UsageError, quoted
from etl.statements import Statement, in_folder, parse

Language = Literal["en", "zh"]
ChartKind = Literal["bar", "columns", "stacked_area", "heatmap"]

# What run() binds from the window, whatever the report.
WINDOW_PARAMETERS = ("start", "end", "timezone")
_PARAMETER = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(?:=(?P<default>\S.*)?)?")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_HEADER_KEYS = ("title", "title_zh", "question", "question_zh", "parameters", "chart")
_CHART_KEYS: Mapping[str, frozenset[str]] = {
    "bar": frozenset({"x", "y", "color", "limit", "mark"}),
    "columns": frozenset({"x", "y", "color", "limit"}),
    "stacked_area": frozenset({"x", "y", "color", "limit"}),
    "heatmap": frozenset({"x", "y", "color", "mark"}),
}
# A chart of more categories is a list, and a list is a table.
_CATEGORIES = 15
_LISTED = pa.schema(
    [
        pa.field("name", pa.string()),
        pa.field("title", pa.string()),
        pa.field("question", pa.string()),
        pa.field("parameters", pa.list_(pa.string())),
        pa.field("chart", pa.string()),
        pa.field("file", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One named parameter: a default of ``None`` means that it has to be given."""

    name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw, by column: ``limit`` categories at most, the greatest first.

    ``mark`` draws a line across a bar at that amount; a heat map hatches cells where it is zero.
    """

    kind: ChartKind
    x: str
    y: str
    color: str = ""
    limit: int = _CATEGORIES
    mark: str = ""

    @property
    def amount(self) -> str:
        """The column whose numbers are drawn."""
        return {"bar": self.x, "heatmap": self.color}.get(self.kind, self.y)


@dataclass(frozen=True, slots=True)
class Report:
    """One question with its statement; titles and questions by language."""

    name: str
    text: str
    titles: Mapping[Language, str]
    questions: Mapping[Language, str]
    parameters: tuple[Parameter, ...]
    chart: Chart | None = None
    path: Path | None = None
    """The file of a report of one's own; null for those that eventlake brings."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """In which line of the file each key of the header stands."""

    @property
    def place(self) -> str:
        """The file as messages name it."""
        return f"sql/reports/{self.name}.sql" if self.path is None else str(self.path)

    @property
    def extra(self) -> tuple[Parameter, ...]:
        """The parameters that a caller may set, beyond the window."""
        return tuple(p for p in self.parameters if p.name not in WINDOW_PARAMETERS)


def catalogue(folders: Sequence[Path] = ()) -> dict[str, Report]:
    """Return the shipped reports and those of ``folders``, by name, sorted.

    Raises ``ConfigError`` with every mistake found: a header that cannot be read, a
    name that is taken, a folder that is not there.
    """
    mistakes: list[str] = []
    reports = {
        (name := s.name.rpartition("/")[2]): _report(name, s, None, mistakes)
        for s in in_folder("reports")
    }
    for path, statement in _in_folders(folders, mistakes):
        if statement.name in reports:
            mistakes.append(
                f"{path}: there is a report named {statement.name} already"
                f" ({reports[statement.name].place}); rename the file"
            )
            continue
        mistakes += _without_header(path, statement)
        reports[statement.name] = _report(statement.name, statement, path, mistakes)
    if mistakes:
        raise ConfigError(mistakes)
    return dict(sorted(reports.items()))


def find(name: str, reports: Mapping[str, Report]) -> Report:
    """Return the report ``name``; raises ``UsageError`` that offers near matches."""
    if name in reports:
        return reports[name]
    near = get_close_matches(name, reports, n=3)
    offer = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(reports)}"
    raise UsageError(f"there is no report {quoted(name, 60)!r}; {offer}")


def listed(reports: Iterable[Report], language: Language) -> pa.Table:
    """Return a row per report: what it is called, answers, takes and draws, and the file of one's own."""
    rows = [
        {
            "name": item.name,
            "title": item.titles[language],
            "question": item.questions[language],
            "parameters": [
                p.name if p.default is None else f"{p.name}={p.default}" for p in item.extra
            ],
            "chart": item.chart.kind if item.chart else None,
            "file": None if item.path is None else str(item.path),
        }
        for item in reports
    ]
    return pa.Table.from_pylist(rows, _LISTED)


def _in_folders(folders: Sequence[Path], mistakes: list[str]) -> list[tuple[Path, Statement]]:
    found = []
    # A folder may be given twice, by the configuration and on the command line.
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        if not folder.is_dir():
            mistakes.append(f"{folder}: this folder of reports is not there")
            continue
        for path in sorted(folder.glob("*.sql")):
            if not _NAME.fullmatch(path.stem):
                mistakes.append(f"{path}: name it in lower case letters, digits and _")
                continue
            try:
                found.append((path, parse(path.stem, path.read_text("utf-8-sig"))))
            except (OSError, UnicodeDecodeError) as error:
                # Collected like every other mistake: one bad file is shown beside the others.
                mistakes.append(f"{path}: cannot be read: {error}")
    return found


def _without_header(path: Path, statement: Statement) -> list[str]:
    """Say what the header of a report of one's own lacks, and which of its keys are slips."""
    lacking = [key for key in ("title", "question") if not statement.header.get(key)]
    found = [
        f"{path}:{statement.lines.get(key, 1)}: the header has no {key};"
        f" begin the file with a line -- {key}: …"
        for key in lacking
    ]
    for key, line in statement.lines.items():
        near = get_close_matches(key, _HEADER_KEYS, n=1)
        if near and near[0] != key:
            found.append(f"{path}:{line}: {key}: did you mean {near[0]}?")
    return found


def _report(name: str, statement: Statement, path: Path | None, mistakes: list[str]) -> Report:
    header, lines = statement.header, statement.lines
    title = header.get("title") or name.replace("_", " ").capitalize()
    question = header.get("question", "")
    place = f"sql/reports/{name}.sql" if path is None else str(path)
    parameters = _parameters(
        header.get("parameters", ""), f"{place}:{lines.get('parameters', 1)}", mistakes
    )
    chart = None
    if header.get("chart"):
        chart = _chart(header["chart"], f"{place}:{lines['chart']}", mistakes)
    return Report(
        name=name,
        text=statement.text,
        titles={"en": title, "zh": header.get("title_zh") or title},
        questions={"en": question, "zh": header.get("question_zh") or question},
        parameters=parameters,
        chart=chart,
        path=path,
        lines=lines,
    )


def _parameters(text: str, place: str, mistakes: list[str]) -> tuple[Parameter, ...]:
    found: dict[str, Parameter] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = _PARAMETER.fullmatch(part)
        if not match or match["name"] in found:
            mistakes.append(f"{place}: parameters: {quoted(part, 60)!r} is no name or name=default")
            continue
        name, default = match["name"], match["default"]
        if name in WINDOW_PARAMETERS and default is not None:
            mistakes.append(f"{place}: parameters: {name} comes from the window, without a default")
        found[name] = Parameter(name, default)
    return tuple(found.values())


def _chart(text: str, place: str, mistakes: list[str]) -> Chart | None:
    kind, *pairs = text.split()
    options = dict(pair.partition("=")[::2] for pair in pairs)
    limit = options.get("limit", str(_CATEGORIES))
    if (
        not _needed(kind) <= set(options) <= _CHART_KEYS.get(kind, frozenset())
        or not all(options.values())
        or not limit.isdecimal()
        or int(limit) == 0
    ):
        kinds = ", ".join(get_args(ChartKind))
        mistakes.append(
            f"{place}: chart: {quoted(text, 80)!r} is not one of {kinds} with "
            "x=column y=column and, if wanted, color=column limit=number mark=column"
        )
        return None
    return Chart(
        kind=cast("ChartKind", kind),
        x=options["x"],
        y=options["y"],
        color=options.get("color", ""),
        limit=int(limit),
        mark=options.get("mark", ""),
    )


def _needed(kind: str) -> set[str]:
    return {"x", "y", "color"} if kind == "heatmap" else {"x", "y"}
