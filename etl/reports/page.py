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
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.resources import files
from typing import Protocol
from zoneinfo import ZoneInfo

import pyarrow as pa
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from etl import __version__
from etl.errors import ConfigError, QueryError, UsageError, quoted
from etl.reports import coverage, view
from etl.reports.catalogue import Language, Report, catalogue
from etl.reports.cells import moment, plain
from etl.reports.run import Queryable, run
from etl.reports.section import Setting, section
from etl.reports.words import say
from etl.timespan import Window, brief, rfc3339

_LOG = logging.getLogger(__name__)

# What a reader asks first comes first; reports of one's own follow by name.
_ORDER = (
    "daily_summary",
    "volume_by_type",
    "top_reasons",
    "warnings_by_namespace",
    "movers",
    "first_seen_reasons",
    "crash_loops",
    "probe_failures",
    "image_pull_failures",
    "failed_scheduling",
    "volume_failures",
    "evictions_and_oom",
    "node_conditions",
    "reason_over_time",
    "noisiest_workloads",
    "noisiest_objects",
    "hour_by_weekday",
)
_LAST = ("volume_by_component", "api_cost", "coverage")
_TITLE_CHARACTERS = 200
_NONE: Mapping[str, str] = {}
# More clusters than this are counted and not named below the title.
_NAMED_CLUSTERS = 3


class PageSession(Queryable, Protocol):
    """A session of the lake that also tells which files it had to leave out."""

    warnings: list[str]


def build(  # noqa: PLR0913 -- each is one fact that the page states
    session: PageSession,
    *,
    window: Window,
    timezone: ZoneInfo,
    language: Language,
    title: str,
    generated_at: datetime,
    lake: str = "",
    reports: Mapping[str, Report] | None = None,
    extra: Mapping[str, str] = _NONE,
    begin: Callable[[str], None] = lambda _name: None,
) -> str:
    """Return the page over ``window`` as HTML, with all of ``reports`` (default: those shipped).

    ``extra`` sets parameters by text for every report that takes them; ``generated_at``
    and ``lake`` are shown only; ``begin`` is called with the name of each report before it is
    asked. A report that fails is shown as failed, and logged,
    beside those that did not. Raises ``UsageError`` for an extra that no report takes and
    ``QueryError`` if even coverage cannot be read.
    """
    shipped = catalogue()
    known = shipped if reports is None else reports
    _refuse_unknown(known, extra)
    clusters = coverage.coverage(session, window=window, timezone=timezone)
    setting = Setting(window, timezone, language, clusters, extra)
    answers = {}
    for name in _ordered(known):
        begin(name)
        answers[name] = _answer(known[name], session, setting)
    return _render(
        setting,
        title=plain(title, _TITLE_CHARACTERS),
        sections=[section(known[name], answer, setting) for name, answer in answers.items()],
        warnings=[plain(warning, 400) for warning in session.warnings],
        generated_text=f"{moment(generated_at, timezone)} ({timezone.key})",
        lake=plain(lake, _TITLE_CHARACTERS),
        command=_command(setting, lake, known, all_shipped=set(known) == set(shipped)),
    )


def _refuse_unknown(reports: Mapping[str, Report], extra: Mapping[str, str]) -> None:
    taken = {parameter.name for report in reports.values() for parameter in report.extra}
    for name in extra:
        if name not in taken:
            known = ", ".join(sorted(taken)) or "none"
            raise UsageError(f"no report takes {quoted(name, 60)!r}; they take {known}")


def _ordered(reports: Mapping[str, Report]) -> list[str]:
    first = [name for name in _ORDER if name in reports]
    last = [name for name in _LAST if name in reports]
    return [*first, *sorted(set(reports) - {*first, *last}), *last]


def _answer(report: Report, session: Queryable, setting: Setting) -> pa.Table | str:
    """Return the rows of ``report``, or why there are none."""
    try:
        return run(
            report,
            session,
            window=setting.window,
            timezone=setting.zone,
            extra=setting.taken(report),
        )
    except (ConfigError, QueryError, UsageError) as error:
        # One report of a team's own must not take the page from everybody else: the
        # failure is shown in its place.
        _LOG.warning("the report %s could not be made: %s", report.name, error)
        return plain(str(error), 500)


def _command(
    setting: Setting, lake: str, reports: Mapping[str, Report], *, all_shipped: bool
) -> str:
    """Return the command that makes this page again."""
    place = ["--lake", lake] if lake else []
    names = [] if all_shipped else _ordered(reports)
    folders = dict.fromkeys(str(r.path.parent) for r in reports.values() if r.path is not None)
    own = [part for folder in folders for part in ("--reports", folder)]
    span = ["--start", rfc3339(setting.window.start), "--end", rfc3339(setting.window.end)]
    span += [] if setting.zone.key == "UTC" else ["--timezone", setting.zone.key]
    extra = [part for name, text in setting.extra.items() for part in ("--set", f"{name}={text}")]
    words = ["eventlake", *place, "report", *names, *own, *span, *extra]
    return plain(shlex.join([*words, "--format", "html", "--output", "report.html"]), 1000)


def _render(setting: Setting, *, title: str, **parts: object) -> str:
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
