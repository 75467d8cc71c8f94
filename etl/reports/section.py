"""A report's answer to a card of the page: what is said, drawn and listed of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

import pyarrow as pa
from markupsafe import Markup

from etl.errors import UsageError
from etl.reports import coverage, view
from etl.reports.catalogue import Language, Report
from etl.reports.cells import plain
from etl.reports.charts import Drawing, draw
from etl.reports.words import say
from etl.timespan import Window

_LOG = logging.getLogger(__name__)

# Its sums over all clusters are shown large.
_SUMMARY = "daily_summary"
# Drawn twice, for desks and for telephones: a drawing that is scaled down cannot be read.
_WIDE, _NARROW = 1080, 350
# A cell is about 110 bytes of HTML; the page has to stay below 2 MB.
_MOST_CELLS = 4000
_ABOUT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Section:
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
class Setting:
    """What every part of the page is made for."""

    window: Window
    zone: ZoneInfo
    language: Language
    clusters: tuple[coverage.ClusterCoverage, ...]
    extra: Mapping[str, str]

    def taken(self, report: Report) -> dict[str, str]:
        """Return the extra parameters that ``report`` takes."""
        names = {parameter.name for parameter in report.extra}
        return {name: text for name, text in self.extra.items() if name in names}

    @property
    def proven(self) -> bool:
        """Whether an empty answer is a quiet one."""
        return coverage.worst(self.clusters) == "complete"

    @property
    def unproven(self) -> list[coverage.Span]:
        """Spans that charts mark: what any cluster has left open."""
        spans = (span for cluster in self.clusters for span in cluster.spans)
        return coverage.unproven(spans, self.window)


def section(report: Report, answer: pa.Table | str, setting: Setting) -> Section:
    """Return ``answer`` as a card: its rows, or the reason why there are none."""
    language = setting.language
    title, question = report.titles[language], report.questions[language]
    make = partial(Section, report.name, title, question, about=_about(report, setting))
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
    shown = answer.slice(0, _MOST_CELLS // max(1, answer.num_columns))
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
        cut=say("cut", language, count=shown.num_rows, total=answer.num_rows) if cut else "",
    )


def _drawings(report: Report, answer: pa.Table, setting: Setting) -> dict[str, Drawing]:
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


def _without_needless(answer: pa.Table, setting: Setting) -> pa.Table:
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


def _about(report: Report, setting: Setting) -> str:
    """Return the texts that a report was asked with, such as the one reason it follows."""
    asked = {p.name: p.default or "" for p in report.extra} | setting.taken(report)
    # A number says nothing without its name; --list has them all.
    texts = [text for name, text in asked.items() if name != "bucket" and not _is_number(text)]
    return plain(", ".join(filter(None, texts)), _ABOUT_CHARACTERS)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_empty(report: Report, answer: pa.Table) -> bool:
    if answer.num_rows == 0 or report.chart is None:
        return bool(answer.num_rows == 0)
    if report.chart.amount not in answer.column_names:
        return False
    return not any(answer[report.chart.amount].to_pylist())
