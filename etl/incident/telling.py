"""A story to words: its head, its phases in short, and its rows with days, gaps and pauses between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from etl.incident.story import Line, Story
from etl.reports import coverage
from etl.reports.cells import moment, plain
from etl.timespan import Window, brief

# A pause that is worth a word: shorter ones are seen by the times themselves.
_PAUSE = timedelta(hours=1)
# Steps of the summary; a story with more is told by its lines.
_STEPS = 8
_NAMED = 4
_CHARACTERS = 400
_NAME_CHARACTERS = 253


@dataclass(frozen=True, slots=True)
class Row:
    """A line as it is shown; ``mark`` is warning, normal, gap, pause or day.

    A gap, a pause and a day have only a ``message``.
    """

    mark: str
    time: str
    about: str
    phase: str
    message: str
    repeated: str = ""


def heading(story: Story) -> str:
    """Say what the story is about."""
    subject = story.subject
    where = f"{subject.place.namespace}/" if subject.namespaced else ""
    return plain(f"{subject.kind} {where}{subject.name}, cluster {subject.place.cluster}", 600)


def facts(story: Story, zone: ZoneInfo) -> list[str]:
    """Return the lines below the heading: window, events, what belongs to it, the phases, coverage."""
    window, lines = story.window, story.lines
    events = sum(line.occurrences for line in lines)
    span = f"{moment(window.start, zone)} to {moment(window.end, zone)} {zone.key}"
    told = f"{_many(events, 'event')} in {_many(len(lines), 'line')}"
    found = [f"Window: {span} ({brief(window.length)}): {told}"]
    found += [_belongings(story)] if story.around else []
    found += [f"In short: {in_short(story, zone)}"] if story.own else []
    known = (story.proof,) if story.proof else ()
    found.append(coverage.line(known, timezone=zone, language="en"))
    return found


def in_short(story: Story, zone: ZoneInfo) -> str:
    """Return the phases in the order in which they began."""
    steps: dict[str, tuple[datetime, int]] = {}
    for line in story.own:
        at, count = steps.get(line.phase, (line.started_at, 0))
        steps[line.phase] = (at, count + line.occurrences)
    told = [
        f"{name} {at.astimezone(zone):%H:%M:%S}" + (f" ×{count:,}" if count > 1 else "")
        for name, (at, count) in steps.items()
    ]
    more = f" → and {len(told) - _STEPS} more" if len(told) > _STEPS else ""
    return plain(" → ".join(told[:_STEPS]), 600) + more


def rows(story: Story, zone: ZoneInfo) -> Iterator[Row]:
    """Yield the rows in order: a day before its first line, gaps and pauses where they began."""
    left = sorted(story.gaps, key=lambda gap: gap.start)
    day, reached = "", None
    for line in story.lines:
        while left and left[0].start <= line.started_at:
            yield _gap(left[0], zone)
            reached = max(reached or left[0].end, left.pop(0).end)
        today = f"{line.started_at.astimezone(zone):%A, %Y-%m-%d}"
        if today != day:
            yield Row("day", "", "", "", today)
        elif reached is not None and line.started_at - reached >= _PAUSE:
            yield Row("pause", "", "", "", f"{brief(line.started_at - reached)} later")
        day = today
        yield _row(line, story, zone)
        reached = max(reached or line.ended_at, line.ended_at)
    for gap in left:
        yield _gap(gap, zone)


def repeated(line: Line, zone: ZoneInfo) -> str:
    """Say how often, over which time and of how many objects; and what is known of the time before."""
    parts = []
    if line.occurrences > 1:
        over = line.ended_at - line.started_at
        parts.append(f"×{line.occurrences:,}" + (f" over {brief(over)}" if over else ""))
    if line.n > line.occurrences and line.first_seen and line.objects == 1:
        since = moment(line.first_seen, zone)
        parts.append(
            f"the {line.n:,}th since {since}"
            if line.occurrences == 1
            else f"{line.n:,} since {since}"
        )
    if line.objects > 1:
        parts.append(f"of {line.objects} objects")
    return ", ".join(parts)


def _row(line: Line, story: Story, zone: ZoneInfo) -> Row:
    name = "" if line.relation == "subject" or _plainly(line, story) else f" {line.object_name}"
    container = f" [{line.container}]" if line.container else ""
    return Row(
        mark="warning" if line.type == "Warning" else "normal",
        time=f"{line.started_at.astimezone(zone):%H:%M:%S}",
        about=plain(f"{line.object_kind}{name}{container}", _NAME_CHARACTERS),
        phase=plain(line.phase, 40),
        message=plain(line.message, _CHARACTERS) or plain(line.reason, 80),
        repeated=repeated(line, zone),
    )


def _plainly(line: Line, story: Story) -> bool:
    """Whether the kind alone says which object is meant."""
    names = {other.object_name for other in story.lines if other.object_kind == line.object_kind}
    return len(names) == 1


def _gap(gap: coverage.Span, zone: ZoneInfo) -> Row:
    text = (
        f"gap from {moment(gap.start, zone)} to {moment(gap.end, zone)} ({brief(gap.length)}):"
        f" nothing proves that all was seen"
    )
    return Row("gap", "", "", "", text + (f", {plain(gap.cause, 60)}" if gap.cause else ""))


def _belongings(story: Story) -> str:
    told = []
    for relation, names in story.around.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        told.append(f"{relation}: {plain(', '.join(names[:_NAMED]), 300)}{more}")
    return "Around it: " + "; ".join(told)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def default_window(newest: datetime, span: timedelta) -> Window:
    """Return ``span`` up to the newest event, which belongs to it."""
    return Window(newest - span, newest + timedelta(microseconds=1))
