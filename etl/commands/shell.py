"""``eventlake shell``: statements one after another, with a prompt where somebody types them.

The session is that of ``sql``: only SELECTs over the views, with the same limits. The
prompt is readline's, its history lies outside the lake, in the user's own folder.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from etl.commands.invocation import Invocation
from etl.commands.options import SIZE, SPAN
from etl.commands.output import console
from etl.errors import QueryError, StatementError

if TYPE_CHECKING:
    import pyarrow as pa

    from etl.lake.stranger import Stranger

_PROMPT, _CONTINUED = "eventlake> ", "      ...> "
_HISTORY_LINES = 1000
# How long a signal may go unheard at the prompt: SIGKILL comes 30 s after SIGTERM by default.
_HEARING_SECONDS = 0.25
_HELP = """\
A statement is one SELECT and ends with a semicolon; it may take several lines.
.tables          the views
.schema VIEW     the columns of a view
.help            this
.quit            leave, as Ctrl-D does; Ctrl-C ends a statement or drops what was typed
"""


class _Left(Exception):  # noqa: N818 -- not an error: somebody leaves
    """``.quit``, or the end of the input."""


@click.command()
@click.option(
    "--timeout", type=SPAN, metavar="SPAN", help="Time of a statement.  [default: sql.timeout]"
)
@click.option(
    "--memory", type=SIZE, metavar="SIZE", help="Memory of a statement.  [default: sql.memory]"
)
@click.pass_obj
def shell(invocation: Invocation, timeout: timedelta | None, memory: str | None) -> None:
    """Ask the lake's views one statement after another; from a pipe the first mistake ends it.

    The lake is read as it is when the shell starts. .help tells more.
    """
    from etl.lake.stranger import session  # noqa: PLC0415 -- heavy imports only in the command that needs them

    typed = invocation.stdin.isatty()
    with session(
        invocation.lake,
        cluster=invocation.cluster_option,
        timeout=timeout or invocation.settings.sql.timeout,
        memory=memory or invocation.settings.sql.memory,
    ) as opened:
        for warning in opened.warnings:
            invocation.warn(warning)
        talk = _Talk(invocation, opened)
        if not typed:
            talk.follow(_lines(invocation))
            return
        invocation.print(f"{invocation.lake_path}: .help for help, Ctrl-D to leave")
        with _history(invocation) as read:
            talk.converse(read)


class _Talk:
    """What was typed so far, and what is answered."""

    def __init__(self, invocation: Invocation, opened: Stranger) -> None:
        self._invocation = invocation
        self._session = opened
        self._typed = ""

    def follow(self, lines: Iterator[str]) -> None:
        """Answer what a file or a pipe says; its first mistake is raised."""
        with suppress(_Left):
            for line in lines:
                self._take(line)
            if self._typed.strip():
                self._answer()

    def converse(self, read: Callable[[str], str]) -> None:
        """Answer until somebody leaves; mistakes are told and forgotten."""
        with suppress(_Left):
            while True:
                try:
                    with _hearing():
                        line = read(_CONTINUED if self._typed else _PROMPT)
                    self._take(line)
                except EOFError:
                    self._invocation.print("")
                    return
                except KeyboardInterrupt as interruption:
                    # Ctrl-C is for the statement; whatever is more than that ends the command.
                    if type(interruption) is not KeyboardInterrupt:
                        raise
                    self._typed = ""
                    self._invocation.print("")
                except QueryError as error:
                    self._invocation.fail(error)

    def _take(self, line: str) -> None:
        if not self._typed and line.lstrip().startswith("."):
            self._obey(line.split())
            return
        self._typed += line.rstrip("\r\n") + "\n"
        if not self._typed.strip():
            self._typed = ""
        elif self._typed.rstrip().endswith(";"):
            self._answer()

    def _answer(self) -> None:
        text, self._typed = self._typed, ""
        self._show(self._session.run(text, {}))

    def _show(self, table: pa.Table) -> None:
        from etl.reports import terminal  # noqa: PLC0415

        settings = self._invocation.settings
        with console(self._invocation, None) as screen:
            terminal.show(
                table,
                console=screen,
                timezone=ZoneInfo(settings.timezone),
                language=settings.language,
            )

    def _obey(self, words: list[str]) -> None:
        from etl.lake.views import PUBLIC  # noqa: PLC0415

        match words:
            case [".quit" | ".exit"]:
                raise _Left
            case [".help"]:
                self._invocation.print(_HELP)
            case [".tables"]:
                self._invocation.print("\n".join(PUBLIC))
            case [".schema", name] if name.lower() in PUBLIC:
                self._show(self._session.columns(name.lower()))
            case [".schema", *_]:
                raise StatementError(f".schema wants one of {', '.join(PUBLIC)}")
            case _:
                raise StatementError(
                    f"there is no {words[0][:40]!r} here; .help tells what there is"
                )


def _lines(invocation: Invocation) -> Iterator[str]:
    for line in invocation.stdin:
        yield line.decode("utf-8", "replace")


@contextmanager
def _hearing() -> Iterator[None]:
    """Let a prompt hear every signal: one that comes just before it waits does not end the waiting.

    Python runs a signal's handler when the main thread is back from the system. Readline
    shows the prompt, then waits for a key, and a signal between the two, or one that another
    thread takes, is heard at the next key only. An alarm that does nothing ends the waiting
    now and then; readline waits on after it.
    """
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, _HEARING_SECONDS, _HEARING_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _history(invocation: Invocation) -> Iterator[Callable[[str], str]]:
    """Give what reads a line at a prompt, with the lines of earlier days behind the arrow keys."""
    try:
        import readline  # noqa: PLC0415 -- not every Python has it, and only a prompt needs it
    except ImportError:
        yield input
        return
    path = _history_file(invocation)
    # A history that cannot be read or kept, as on a read-only system, stops nobody.
    with suppress(OSError):
        readline.read_history_file(path)
    try:
        yield input
    finally:
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            readline.set_history_length(_HISTORY_LINES)
            readline.write_history_file(path)


def _history_file(invocation: Invocation) -> Path:
    home = invocation.environ.get("HOME") or "."
    state = invocation.environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    return Path(state) / "eventlake" / "history"
