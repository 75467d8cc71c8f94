"""All reports of a window to one HTML file that needs nothing else: it opens from a mail, offline.

The page asks no one for anything: style, script and drawings are in it, and its content
security policy forbids the rest, down to the script, which runs only by its hash. Text of
events reaches the page through Jinja's escaping alone.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.resources import files
from typing import Protocol
from zoneinfo import ZoneInfo

import pyarrow as pa
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from etl import __version__
from etl.errors import ConfigError, QueryError, UsageError
from etl.reports import coverage, view
from etl.reports.catalogue import Language, Report, catalogue
from etl.reports.cells import moment, plain
from etl.reports.charts import Drawing, draw
from etl.reports.run import Queryable, run
from etl.reports.words import say
from etl.timespan import Window, brief, rfc3339

_LOG = logging.getLogger(__name__)

# What a reader asks first comes first; reports of one's own follow by name.
_ORDER = (
    "daily_summary",
    "volume_by_type",
    "top_reasons",
    "warnings_by_namespace",
    "reason_over_time",
    "first_seen_reasons",
    "noisiest_objects",
)
_LAST = ("coverage",)
# Its sums over all clusters are shown large.
_SUMMARY = "daily_summary"
# Drawn twice, for desks and for telephones: a drawing that is scaled down cannot be read.
_WIDE, _NARROW = 1080, 350
# A row is about 1.5 kB of HTML; the page has to stay below 2 MB.
_MOST_ROWS = 200
_TITLE_CHARACTERS = 200
# More clusters than this are counted and not named below the title.
_NAMED_CLUSTERS = 3


class PageSession(Queryable, Protocol):
    """A session of the lake that also tells which files it had to leave out."""

    warnings: list[str]


@dataclass(frozen=True, slots=True)
class _Section:
    """One report on the page."""

    name: str
    title: str
    question: str
    about: str = ""
    note: str = ""
    caution: bool = False
    drawings: Mapping[str, Markup] | None = None
    legend: tuple[tuple[str, str], ...] = ()
    heads: Sequence[view.Head] = ()
    rows: Sequence[view.Row] = ()
    tiles: Sequence[view.Tile] = ()
    fold: str = ""
    cut: str = ""


@dataclass(frozen=True, slots=True)
class _Setting:
    """What every part of the page is made for."""

    window: Window
    zone: ZoneInfo
    language: Language
    clusters: tuple[coverage.ClusterCoverage, ...]

    @property
    def proven(self) -> bool:
        """Whether an empty answer is a quiet one."""
        return coverage.worst(self.clusters) == "complete"

    @property
    def unproven(self) -> list[coverage.Span]:
        """Spans that charts mark: what any cluster has left open, by time."""
        spans = {s for c in self.clusters for s in c.spans if s.state != "covered"}
        return sorted(spans, key=lambda span: (span.start, span.end, span.state, span.cause))


def build(
    session: PageSession,
    *,
    window: Window,
    timezone: ZoneInfo,
    language: Language,
    title: str,
    generated_at: datetime,
    lake: str = "",
    reports: Mapping[str, Report] | None = None,
) -> str:
    """Return the page over ``window`` as HTML, with all of ``reports`` (default: those shipped).

    ``generated_at`` and ``lake`` are shown only. A report that fails is shown as failed,
    and logged, beside those that did not. Raises ``QueryError`` if even coverage cannot
    be read.
    """
    known = catalogue() if reports is None else reports
    clusters = coverage.coverage(session, window=window, timezone=timezone)
    setting = _Setting(window, timezone, language, clusters)
    answers = {name: _answer(known[name], session, setting) for name in _ordered(known)}
    return _render(
        setting,
        title=plain(title, _TITLE_CHARACTERS),
        sections=[_section(known[name], answer, setting) for name, answer in answers.items()],
        warnings=[plain(warning, 400) for warning in session.warnings],
        generated_text=f"{moment(generated_at, timezone)} ({timezone.key})",
        lake=plain(lake, _TITLE_CHARACTERS),
        command=_command(window, lake),
    )


def _ordered(reports: Mapping[str, Report]) -> list[str]:
    first = [name for name in _ORDER if name in reports]
    last = [name for name in _LAST if name in reports]
    return [*first, *sorted(set(reports) - {*first, *last}), *last]


def _answer(report: Report, session: Queryable, setting: _Setting) -> pa.Table | str:
    """Return the rows of ``report``, or why there are none."""
    try:
        return run(report, session, window=setting.window, timezone=setting.zone)
    except (ConfigError, QueryError, UsageError) as error:
        # One report of a team's own must not take the page from everybody else: the
        # failure is shown in its place.
        _LOG.warning("the report %s could not be made: %s", report.name, error)
        return plain(str(error), 500)


def _section(report: Report, answer: pa.Table | str, setting: _Setting) -> _Section:
    language = setting.language
    title, question = report.titles[language], report.questions[language]
    make = partial(_Section, report.name, title, question, about=_about(report))
    if isinstance(answer, str):
        return make(note=say("failed", language, error=answer), caution=True)
    drawn, note = None, ""
    if _is_empty(report, answer):
        note = say("none" if setting.proven else "none known", language)
    elif report.chart:
        try:
            drawn = _drawings(report, answer, setting)
        except UsageError as error:
            # As above: a chart that does not fit its rows leaves the rows.
            _LOG.warning("the report %s could not be drawn: %s", report.name, error)
            note = say("failed", language, error=plain(str(error), 500))
    answer = _without_needless(answer, setting)
    tiles = view.tiles(answer, language) if report.name == _SUMMARY else []
    shown = answer.slice(0, _MOST_ROWS)
    cut = shown.num_rows < answer.num_rows
    return make(
        note=note,
        caution=bool(note) and not setting.proven,
        drawings={k: Markup(d.svg) for k, d in drawn.items()} if drawn else None,  # noqa: S704 -- Vega escapes texts; tests hold it to that
        legend=drawn["wide"].legend if drawn else (),
        heads=view.heads(answer, language),
        rows=view.rows(shown, zone=setting.zone, language=language),
        tiles=tiles,
        fold=_fold(report, answer, language),
        cut=say("cut", language, count=_MOST_ROWS, total=answer.num_rows) if cut else "",
    )


def _drawings(report: Report, answer: pa.Table, setting: _Setting) -> dict[str, Drawing]:
    if report.chart is None:
        return {}
    return {
        size: draw(
            report.chart,
            answer,
            window=setting.window,
            timezone=setting.zone,
            language=setting.language,
            width=width,
            unproven=setting.unproven,
        )
        for size, width in (("wide", _WIDE), ("narrow", _NARROW))
    }


def _without_needless(answer: pa.Table, setting: _Setting) -> pa.Table:
    """Leave out the column of the cluster where there is one cluster, which the head names."""
    if len(setting.clusters) > 1 or set(answer.column_names) <= {"cluster"}:
        return answer
    return answer.drop_columns([name for name in ("cluster",) if name in answer.column_names])


def _fold(report: Report, answer: pa.Table, language: Language) -> str:
    """Return what a folded table is called: where figures or a course of time show it already."""
    if report.name == _SUMMARY and answer.num_rows == 1:
        return say("numbers of summary", language)
    if report.chart and report.chart.kind != "bar":
        return say("numbers of", language)
    return ""


def _about(report: Report) -> str:
    """Return the texts that a report was asked with, such as the one reason it follows."""
    return ", ".join(
        p.default
        for p in report.extra
        if p.default and p.name not in {"bucket", "limit"} and not p.default[0].isdecimal()
    )


def _is_empty(report: Report, answer: pa.Table) -> bool:
    if answer.num_rows == 0 or report.chart is None:
        return bool(answer.num_rows == 0)
    amount = report.chart.x if report.chart.kind == "bar" else report.chart.y
    if amount not in answer.column_names:
        return False
    return not any(answer[amount].to_pylist())


def _command(window: Window, lake: str) -> str:
    place = ["--lake", lake] if lake else []
    span = ["--start", rfc3339(window.start), "--end", rfc3339(window.end)]
    return plain(
        shlex.join(
            ["eventlake", *place, "report", *span, "--format", "html", "--output", "report.html"]
        ),
        _TITLE_CHARACTERS * 2,
    )


def _render(setting: _Setting, *, title: str, **parts: object) -> str:
    language, window = setting.language, setting.window
    assets = files("etl.reports") / "assets"
    script = (assets / "page.js").read_text("utf-8")
    names = [plain(cluster.cluster, 60) for cluster in setting.clusters]
    few = ", ".join(names) if names else say("no clusters", language)
    many = say("all clusters", language, count=len(names))
    template = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True
    ).from_string((assets / "page.html.j2").read_text("utf-8"))
    return template.render(
        parts,
        title=title,
        language=language,
        say=lambda key, **filled: say(key, language, **filled),
        templates={
            "rows": say("rows", language, count="{count}"),
            "matching": say("matching", language, count="{count}", total="{total}"),
        },
        style=Markup((assets / "page.css").read_text("utf-8")),  # noqa: S704 -- our own file
        script=Markup(script),  # noqa: S704 -- our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        window_text=(
            f"{moment(window.start, setting.zone)} – {moment(window.end, setting.zone)}"
            f" ({brief(window.length)})"
        ),
        zone=setting.zone.key,
        clusters_text=few if len(names) <= _NAMED_CLUSTERS else many,
        level=coverage.worst(setting.clusters),
        strips=view.strips(setting.clusters, zone=setting.zone, language=language),
        version=__version__,
    )
