"""A story to words: its head, its phases in short, and its rows with days, gaps and pauses between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from etl.incident import words
from etl.incident.story import Line, Story
from etl.incident.words import say
from etl.reports import coverage
from etl.reports.catalogue import Language
from etl.reports.cells import moment, plain
from etl.reports.words import say as say_report
from etl.reports.words import value
from etl.timespan import Window, brief

# A pause that is worth a word: shorter ones are seen by the times themselves.
_PAUSE = timedelta(hours=1)
# Less is no time that anybody would write down.
_SECOND = timedelta(seconds=1)
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


def heading(story: Story, language: Language = "en") -> str:
    """Say what the story is about."""
    subject = story.subject
    where = f"{subject.place.namespace}/" if subject.namespaced else ""
    name, cluster = f"{where}{subject.name}", subject.place.cluster
    return plain(say("heading", language, kind=subject.kind, name=name, cluster=cluster), 600)


def facts(story: Story, zone: ZoneInfo, language: Language = "en") -> list[str]:
    """Return the lines below the heading: window, events, what belongs to it, the phases, coverage."""
    window, lines = story.window, story.lines
    events = sum(line.occurrences for line in lines)
    happened = _many(events, "event", language)
    found = [
        say(
            "window",
            language,
            start=moment(window.start, zone),
            end=moment(window.end, zone),
            zone=zone.key,
            length=brief(window.length),
            told=_many(len(lines), "line", language, events=happened),
        )
    ]
    found += [_belongings(story, language)] if story.around else []
    if story.own:
        found.append(say("in short", language, steps=in_short(story, zone, language)))
    known = (story.proof,) if story.proof else ()
    found.append(coverage.line(known, timezone=zone, language=language))
    return found


def in_short(story: Story, zone: ZoneInfo, language: Language = "en") -> str:
    """Return the phases in the order in which they began."""
    steps: dict[str, tuple[datetime, int]] = {}
    for line in story.own:
        at, count = steps.get(line.phase, (line.started_at, 0))
        steps[line.phase] = (at, count + line.occurrences)
    told = [
        f"{words.phase(name, language)} {at.astimezone(zone):%H:%M:%S}"
        + (f" ×{count:,}" if count > 1 else "")
        for name, (at, count) in steps.items()
    ]
    left = len(told) - _STEPS
    more = say("more steps", language, count=left) if left > 0 else ""
    return plain(" → ".join(told[:_STEPS]), 600) + more


def rows(story: Story, zone: ZoneInfo, language: Language = "en") -> Iterator[Row]:
    """Yield the rows in order: a day before its first line, gaps and pauses where they began."""
    left = sorted(story.gaps, key=lambda gap: gap.start)
    day, reached = "", None
    for line in story.lines:
        while left and left[0].start <= line.started_at:
            yield _gap(left[0], zone, language)
            reached = max(reached or left[0].end, left.pop(0).end)
        today = _day(line.started_at.astimezone(zone), language)
        if today != day:
            yield Row("day", "", "", "", today)
        elif reached is not None and line.started_at - reached >= _PAUSE:
            pause = brief(line.started_at - reached)
            yield Row("pause", "", "", "", say("later", language, length=pause))
        day = today
        yield _row(line, story, zone, language)
        reached = max(reached or line.ended_at, line.ended_at)
    for gap in left:
        yield _gap(gap, zone, language)


def repeated(line: Line, zone: ZoneInfo, language: Language = "en") -> str:
    """Say how often, over which time and of how many objects; and what is known of the time before."""
    parts = []
    if line.occurrences > 1:
        over = line.ended_at - line.started_at
        count = f"{line.occurrences:,}"
        parts.append(
            say("over", language, count=count, length=brief(over))
            if over >= _SECOND
            else f"×{count}"
        )
    if line.n > line.occurrences and line.first_seen and line.objects == 1:
        key = "the nth since" if line.occurrences == 1 else "since"
        parts.append(say(key, language, n=f"{line.n:,}", moment=moment(line.first_seen, zone)))
    if line.objects > 1:
        parts.append(say("objects", language, count=line.objects))
    return say_report("comma", language).join(parts)


def _day(at: datetime, language: Language) -> str:
    name = words.weekday(at.weekday(), f"{at:%A}", language)
    return f"{name}{say_report('comma', language)}{at:%Y-%m-%d}"


def _row(line: Line, story: Story, zone: ZoneInfo, language: Language) -> Row:
    name = "" if line.relation == "subject" or _plainly(line, story) else f" {line.object_name}"
    container = f" [{line.container}]" if line.container else ""
    return Row(
        mark="warning" if line.type == "Warning" else "normal",
        time=f"{line.started_at.astimezone(zone):%H:%M:%S}",
        about=plain(f"{line.object_kind}{name}{container}", _NAME_CHARACTERS),
        phase=plain(words.phase(line.phase, language), 40),
        message=plain(line.message, _CHARACTERS) or plain(line.reason, 80),
        repeated=repeated(line, zone, language),
    )


def _plainly(line: Line, story: Story) -> bool:
    """Whether the kind alone says which object is meant."""
    names = {other.object_name for other in story.lines if other.object_kind == line.object_kind}
    return len(names) == 1


def _gap(gap: coverage.Span, zone: ZoneInfo, language: Language) -> Row:
    text = say(
        "gap",
        language,
        start=moment(gap.start, zone),
        end=moment(gap.end, zone),
        length=brief(gap.length),
    )
    cause = value(plain(gap.cause, 60), "cause", language)
    return Row("gap", "", "", "", text + (say_report("comma", language) + cause if cause else ""))


def _belongings(story: Story, language: Language) -> str:
    told = []
    for relation, all_names in story.around.items():
        names = plain(say_report("comma", language).join(all_names[:_NAMED]), 300)
        if (more := len(all_names) - _NAMED) > 0:
            names = say("and more", language, names=names, count=more)
        told.append(
            say("relation", language, relation=words.relation(relation, language), names=names)
        )
    return say("around", language, names=say_report("semicolon", language).join(told))


def _many(count: int, noun: str, language: Language, **filled: object) -> str:
    return say(noun if count == 1 else f"{noun}s", language, count=f"{count:,}", **filled)


def default_window(newest: datetime, span: timedelta) -> Window:
    """Return ``span`` up to the newest event, which belongs to it."""
    return Window(newest - span, newest + timedelta(microseconds=1))
