"""A story to a terminal: 60 to 200 columns, colours only where they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from etl.incident import telling
from etl.incident.story import Story
from etl.incident.telling import Row
from etl.incident.words import say
from etl.reports.catalogue import Language

# Below this the message gets lines of its own, below what it is about.
_NARROW = 90
_ABOUT_SHARE = 0.3
_PHASE_WIDTH = 20
_INDENT = len("00:00:00 ! ")
_STYLES = {"warning": "yellow", "normal": "", "gap": "bold red", "pause": "dim", "day": "bold"}
_MARKS = {"warning": "!", "normal": " "}


def show(story: Story, *, console: Console, timezone: ZoneInfo, language: Language = "en") -> None:
    """Print ``story``; an empty one says so."""
    _flow(Text(telling.heading(story, language), style="bold"), console)
    for text in telling.facts(story, timezone, language):
        _flow(Text(text, style="dim"), console)
    rows = list(telling.rows(story, timezone, language))
    told = [row for row in rows if row.mark in _MARKS]
    if not told:
        console.print(Text(say("untold", language)))
    about = _widest([row.about for row in told], int(console.width * _ABOUT_SHARE))
    phase = _widest([row.phase for row in told], _PHASE_WIDTH)
    for row in rows:
        if row.mark not in _MARKS:
            _between(row, console)
        elif console.width < _NARROW:
            _narrow(row, console)
        else:
            _wide(row, about, phase, console)


def _between(row: Row, console: Console) -> None:
    text = {"gap": f"── {row.message} ──", "pause": f"   ⋮ {row.message}"}.get(
        row.mark, row.message
    )
    if row.mark == "day":
        console.print()
    _flow(Text(text, style=_STYLES[row.mark]), console)


def _flow(text: Text, console: Console, head: Text | None = None) -> None:
    """Print ``text`` beside ``head``, its further lines below itself, none with spaces at its end."""
    indent = head.cell_len if head else 0
    for number, part in enumerate(text.wrap(console, console.width - indent, overflow="fold")):
        part.rstrip()
        before = head if head and number == 0 else Text(" " * indent)
        console.print(before + part, soft_wrap=True)


def _print(head: Text, row: Row, console: Console) -> None:
    """Print the message beside what stands before it, its further lines below itself."""
    message = Text(row.message)
    if row.repeated:
        message.append(f"  {row.repeated}", style="bold")
    _flow(message, console, head)


def _wide(row: Row, about: int, phase: int, console: Console) -> None:
    head = Text(f"{row.time} {_MARKS[row.mark]} ")
    for text, width, style in ((row.about, about, ""), (row.phase, phase, _STYLES[row.mark])):
        cell = Text(text, style=style)
        cell.truncate(width, overflow="ellipsis", pad=True)
        head.append_text(cell).append("  ")
    _print(head, row, console)


def _narrow(row: Row, console: Console) -> None:
    head = Text(f"{row.time} {_MARKS[row.mark]} ")
    head.append(row.phase, style=_STYLES[row.mark])
    head.append(f"  {row.about}")
    head.truncate(console.width, overflow="ellipsis")
    console.print(head, soft_wrap=True)
    _print(Text(" " * _INDENT), row, console)


def _widest(texts: Sequence[str], limit: int) -> int:
    return max(1, min(limit, max(map(cell_len, texts), default=1)))
