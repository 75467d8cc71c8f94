"""What the snapshots prove about a window: spans per cluster, and the one line that says it.

Every answer carries this line, because an empty answer over a time that nobody watched
is not a quiet one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from etl.reports.catalogue import Language, catalogue
from etl.reports.cells import moment, percent, plain
from etl.reports.run import Queryable, run
from etl.reports.words import say, value
from etl.statements import statement
from etl.timespan import Window, brief

State = Literal["covered", "gap", "unknown"]
# complete: proven; partial: only an end of the window is not known (yet); gap: something
# may have been missed in between; unknown: no snapshot at all reaches into the window.
Level = Literal["complete", "partial", "gap", "unknown"]
_WORST_FIRST: tuple[Level, ...] = ("unknown", "gap", "partial", "complete")
# Gaps and clusters that one line names; the rest is counted.
_NAMED = 3
_CAUSE_CHARACTERS = 60
_ALL = ""
# What is nearer than this part of the window is drawn as one: on 1,000 pixels one sees no more,
# and a page over months of failed runs stays small.
_DRAWN_APART = 300


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the window; ``cause`` says why it is not covered."""

    start: datetime
    end: datetime
    state: State
    cause: str = ""

    @property
    def length(self) -> timedelta:
        """The time between start and end."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class ClusterCoverage:
    """The spans of one cluster, which tile the window in order."""

    cluster: str
    window: Window
    spans: tuple[Span, ...]
    namespaces: tuple[str, ...] = ()
    """The namespaces that were listed, where it was not all of them."""
    not_stored: tuple[tuple[str, str], ...] = ()
    """What was left out by ``ingest.drop``: namespace or reason, and its name."""

    @property
    def limited(self) -> bool:
        """Whether the spans do not speak of all events."""
        return bool(self.namespaces or self.not_stored)

    @property
    def share(self) -> float:
        """The covered part of the window, 0 to 1."""
        covered = sum((s.length for s in self.spans if s.state == "covered"), timedelta(0))
        return covered / self.window.length if self.window.length else 0.0

    @property
    def level(self) -> Level:
        """How bad it is, in one word."""
        states = {span.state for span in self.spans}
        if "covered" not in states:
            return "gap" if "gap" in states else "unknown"
        if "gap" in states:
            return "gap"
        return "partial" if "unknown" in states else "complete"


def coverage(
    session: Queryable, *, window: Window, timezone: ZoneInfo
) -> tuple[ClusterCoverage, ...]:
    """Return what is proven of ``window`` for each cluster, by name."""
    rows = run(catalogue()["coverage"], session, window=window, timezone=timezone).to_pylist()
    spans: dict[str, list[Span]] = {}
    listed: dict[str, set[str]] = {}
    for row in rows:
        if row["scope"] != "cluster":
            continue
        if row["state"] != "unknown":
            names = row["namespaces"].split(", ") if row["namespaces"] else [_ALL]
            listed.setdefault(row["cluster"], set()).update(names)
        spans.setdefault(row["cluster"], []).append(
            Span(row["started_at"], row["ended_at"], row["state"], row["cause"] or "")
        )
    not_stored = _not_stored(session, window)
    return tuple(
        ClusterCoverage(
            name,
            window,
            tuple(found),
            _only(listed.get(name, {_ALL})),
            tuple(not_stored.get(name, ())),
        )
        for name, found in spans.items()
    )


def _not_stored(session: Queryable, window: Window) -> dict[str, list[tuple[str, str]]]:
    """Return what each cluster's runs left out in the window."""
    bounds = {"start": window.start, "end": window.end}
    found: dict[str, list[tuple[str, str]]] = {}
    for row in session.run(statement("checks/not_stored").text, bounds).to_pylist():
        found.setdefault(row["cluster"], []).append((row["what"], row["name"]))
    return found


def _only(listed: set[str]) -> tuple[str, ...]:
    """Return the namespaces that were listed, none where the whole cluster was."""
    return () if _ALL in listed else tuple(sorted(listed))


def unproven(spans: Iterable[Span], window: Window) -> list[Span]:
    """Return what is not covered as it is drawn: in order, and near gaps as one.

    Joining overstates a gap by a few pixels and never hides one.
    """
    least = window.length / _DRAWN_APART
    found: list[Span] = []
    left = {span for span in spans if span.state != "covered"}
    for span in sorted(left, key=lambda s: (s.state, s.start, s.end, s.cause)):
        last = found[-1] if found else None
        if last and last.state == span.state and span.start - last.end < least:
            cause = last.cause if span.cause in last.cause else f"{last.cause}, {span.cause}"
            found[-1] = Span(last.start, max(last.end, span.end), last.state, cause)
        else:
            found.append(span)
    return found


def worst(clusters: tuple[ClusterCoverage, ...]) -> Level:
    """Level of the least covered cluster; unknown where there is none."""
    levels = {cluster.level for cluster in clusters} or {"unknown"}
    return next(level for level in _WORST_FIRST if level in levels)


def line(clusters: tuple[ClusterCoverage, ...], *, timezone: ZoneInfo, language: Language) -> str:
    """Return the coverage line: complete in a few words, every other case with numbers."""
    level = worst(clusters)
    head = say("coverage", language) + say("colon", language)
    if not clusters or (level == "complete" and not any(c.limited for c in clusters)):
        return head + say("complete" if clusters else "nothing known", language)
    bad = sorted((c for c in clusters if c.level != "complete" or c.limited), key=lambda c: c.share)
    several = len(clusters) > 1
    sentences = [
        (plain(c.cluster, _CAUSE_CHARACTERS) + say("colon", language) if several else "")
        + sentence(c, timezone=timezone, language=language)
        for c in bad[:_NAMED]
    ]
    if len(bad) > _NAMED:
        sentences.append(say("and more", language, count=len(bad) - _NAMED))
    if several and len(bad) < len(clusters):
        sentences.append(say("others complete", language, count=len(clusters) - len(bad)))
    return head + say("semicolon", language).join(sentences)


def sentence(cluster: ClusterCoverage, *, timezone: ZoneInfo, language: Language) -> str:
    """Say what is proven of one cluster's window, and which parts are not and why."""
    told = _proven(cluster, timezone=timezone, language=language)
    if cluster.namespaces:
        names = _named(cluster.namespaces, language)
        told = say("only namespaces", language, names=names, told=told)
    if cluster.not_stored:
        names = _named([name for _what, name in cluster.not_stored], language)
        told = say("not stored", language, names=names, told=told)
    return told


def _named(all_names: Sequence[str], language: Language) -> str:
    names = [plain(name, _CAUSE_CHARACTERS) for name in all_names[:_NAMED]]
    if len(all_names) > _NAMED:
        names.append(say("and more", language, count=len(all_names) - _NAMED))
    return say("comma", language).join(names)


def _proven(cluster: ClusterCoverage, *, timezone: ZoneInfo, language: Language) -> str:
    if cluster.level in {"complete", "unknown"}:
        return say("complete" if cluster.level == "complete" else "nothing known", language)
    parts = [f"{percent(cluster.share)} {say('not proven', language)}"]
    gaps = [span for span in cluster.spans if span.state == "gap"]
    if gaps:
        parts.append(_gaps(gaps, timezone=timezone, language=language))
    first, last = cluster.spans[0], cluster.spans[-1]
    if first.state == "unknown":
        when, length = moment(first.end, timezone), brief(first.length)
        parts.append(say("before", language, moment=when, length=length))
    if last.state == "unknown" and last is not first:
        when, length = moment(last.start, timezone), brief(last.length)
        parts.append(say("after", language, moment=when, length=length))
    return say("comma", language).join(parts)


def _gaps(gaps: list[Span], *, timezone: ZoneInfo, language: Language) -> str:
    named = [
        f"{moment(gap.start, timezone)} – {moment(gap.end, timezone)}"
        f" ({value(plain(gap.cause, _CAUSE_CHARACTERS), 'cause', language)})"
        for gap in gaps[:_NAMED]
    ]
    if len(gaps) > _NAMED:
        named.append(say("and more", language, count=len(gaps) - _NAMED))
    length = brief(sum((gap.length for gap in gaps), timedelta(0)))
    key = "gap" if len(gaps) == 1 else "gaps"
    return say(
        key, language, count=len(gaps), length=length, spans=say("comma", language).join(named)
    )
