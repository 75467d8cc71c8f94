"""The bar on a terminal: what ``etl.progress`` knows as one line that is drawn anew ten times a second.

It appears when work has taken a moment, messages are written above it, and it leaves nothing
behind, however the work ends. Only the terminal that shows the messages, standard error, is
drawn on.
"""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self, TextIO

from etl import log
from etl.progress import Pace

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

# Work that takes less needs no bar, and neither the 80 ms that rich takes to be imported.
_SOON = timedelta(seconds=0.4)
# Columns from which there is room for the count, and a share of the line for the title.
_ROOM_FOR_COUNT = 72
_TITLE_SHARE = 0.5
_DUMB = {"", "dumb", "unknown"}
# Of a terminal that does not tell.
_COLUMNS, _LINES = 80, 25
# For the ^C that the terminal itself shows: in the next line it would stay.
_MARGIN = 3
_LOOKS = ("TERM", "COLORTERM", "NO_COLOR")


def is_wanted(stream: TextIO, terminal: str | None) -> bool:
    """Whether ``stream`` is a terminal that can move its cursor; ``terminal`` is what TERM says."""
    return stream.isatty() and (terminal or "").lower() not in _DUMB


class Bar(Pace):
    """Work that is drawn while it goes on; use as a context manager."""

    def __init__(
        self,
        title: str,
        unit: str,
        *,
        clock: Callable[[], datetime],
        stream: TextIO,
        environ: Mapping[str, str],
        after: timedelta = _SOON,
    ) -> None:
        """Begin now; the bar is shown on ``stream`` if the work lasts longer than ``after``.

        ``environ`` tells what the terminal can: TERM, COLORTERM, NO_COLOR.
        """
        super().__init__(title, unit, clock)
        self._stream = stream
        self._environ = environ
        self._after = after
        self._changing = threading.Lock()
        self._timer: threading.Timer | None = None
        self._wanted = False
        self._shown: _Shown | None = None

    def __enter__(self) -> Self:
        """Return itself, to be shown soon."""
        self._wanted = True
        if self._after:
            self._timer = threading.Timer(self._after.total_seconds(), self._show_aside)
            self._timer.daemon = True
            self._timer.start()
        else:
            self._show()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        if self._timer is not None:
            self._timer.cancel()
        with self._changing:
            self._wanted = False
            shown, self._shown = self._shown, None
            if shown is not None:
                shown.close()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bar away meanwhile, so that others can write on the same terminal."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def _show_aside(self) -> None:
        # Signals are for the main thread: what it waits for, another one's hearing does not end.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        self._show()

    def _show(self) -> None:
        with self._changing:
            # It may have been taken away while the timer came to it.
            if self._wanted and self._shown is None:
                self._shown = _Shown(self, _console(self._stream, self._environ))


class _Shown:
    """The line on the screen, and the messages that go above it."""

    def __init__(self, pace: Pace, console: Console) -> None:
        self._progress = _drawn(pace, console)
        self._progress.start()
        self._messages = log.written_to(_Above(console))
        self._messages.__enter__()

    def close(self) -> None:
        self._messages.__exit__(None, None, None)
        self._progress.stop()


class _Above(io.StringIO):
    """A stream whose lines stand above the bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def write(self, text: str) -> int:
        """Write whole lines, as the log does; long ones are wrapped by the terminal."""
        from rich.text import Text  # noqa: PLC0415 -- imported by then

        self._console.print(Text(text.removesuffix("\n")), soft_wrap=True)
        return len(text)


def _console(stream: TextIO, environ: Mapping[str, str]) -> Console:
    """Return a console as wide as the terminal is, also after its window was drawn to another size."""
    from rich.console import Console, ConsoleDimensions  # noqa: PLC0415 -- only when a bar is shown

    class Terminal(Console):
        """A console that asks its own stream how wide it is, where rich asks standard input first."""

        @property  # type: ignore[misc]  # rich's can also be set; nobody does
        def size(self) -> ConsoleDimensions:
            """Columns that may be drawn on, and lines; a terminal that says 0 does not know."""
            columns, lines = os.get_terminal_size(stream.fileno())
            return ConsoleDimensions((columns or _COLUMNS) - _MARGIN, lines or _LINES)

    looks = {name: environ[name] for name in _LOOKS if name in environ}
    return Terminal(file=stream, highlight=False, force_terminal=True, _environ=looks)


def _drawn(pace: Pace, console: Console) -> Progress:
    """Return rich's progress with one task, whose words are those of ``pace`` at the time of drawing."""
    from rich.progress import BarColumn, Progress, ProgressColumn, Task  # noqa: PLC0415 -- as above
    from rich.table import Column  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    class Words(ProgressColumn):
        """A word about the pace."""

        def __init__(self, word: Callable[[], str], column: Column | None = None) -> None:
            super().__init__(column or Column(no_wrap=True))
            self._word = word

        def render(self, task: Task) -> Text:
            # Also what the bar itself shows is looked up when it is drawn.
            task.completed, task.total = pace.share or 0.0, None if pace.share is None else 1.0
            return Text(self._word())

    wide = console.width >= _ROOM_FOR_COUNT
    longest = max(12, int(console.width * _TITLE_SHARE))
    columns = [
        Words(lambda: pace.title, Column(no_wrap=True, overflow="ellipsis", max_width=longest)),
        BarColumn(bar_width=None),
        Words(lambda: "" if pace.share is None else f"{pace.share:.0%}"),
        *([Words(lambda: pace.counted)] if wide else []),
        Words(lambda: pace.rate),
        Words(lambda: pace.left),
    ]
    progress = Progress(
        *columns,
        console=console,
        transient=True,
        expand=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    progress.add_task("", total=None)
    return progress
