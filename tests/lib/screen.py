"""A terminal of its own for a test: a pty of a given width, and what stands on its screen in the end.

Understands what progress bars write: lines, carriage returns, cursor up, erased lines,
colours, and whether the cursor is shown. Anything else fails the test that meets it.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_SEQUENCE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")
_LINES = 50
_PIECE = 65_536
_PATIENCE_SECONDS = 60


class Screen:
    """What a terminal shows after it was told ``said``."""

    def __init__(self, said: str, width: int) -> None:
        """Follow everything that was written to a terminal of ``width`` columns."""
        self.width = width
        self.cursor_shown = True
        self._lines = [""]
        self._row = self._column = 0
        position = 0
        while position < len(said):
            if match := _SEQUENCE.match(said, position):
                self._obey(*match.groups())
                position = match.end()
            else:
                self._put(said[position])
                position += 1

    @property
    def lines(self) -> list[str]:
        """The lines down to the last that is not blank, without blanks at their ends."""
        found = [line.rstrip() for line in self._lines]
        while found and not found[-1]:
            found.pop()
        return found

    def _put(self, character: str) -> None:
        if character == "\r":
            self._column = 0
            return
        if character == "\n" or self._column == self.width:
            self._row += 1
            self._column = 0
            if self._row == len(self._lines):
                self._lines.append("")
        if character != "\n":
            assert character.isprintable(), f"{character!r} is not understood"
            line = self._lines[self._row].ljust(self._column)
            self._lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
            self._column += 1

    def _obey(self, number: str, letter: str) -> None:
        match letter:
            case "A":
                self._row = max(0, self._row - int(number or 1))
            case "K" if number == "2":
                self._lines[self._row] = ""
            case "h" | "l" if number == "?25":
                self.cursor_shown = letter == "h"
            case "m":
                pass
            case _:
                raise AssertionError(f"ESC[{number}{letter} is not understood")


class Terminal:
    """Both sides of a pty: ``stream`` is what a program writes to."""

    def __init__(self, ours: int, stream: TextIO, width: int) -> None:
        """Use ``terminal`` to get one."""
        self.stream = stream
        self._ours = ours
        self._width = width
        self._said = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def screen(self) -> Screen:
        """Read what was written so far and return what is to be seen."""
        self.stream.flush()
        while select.select([self._ours], [], [], 0)[0]:
            # A terminal turns every line feed into a carriage return and a line feed.
            self._said += self._decoder.decode(os.read(self._ours, _PIECE))
        return Screen(self._said, self._width)

    def until(self, text: str) -> Screen:
        """Wait until a line holds ``text``, for a minute at most, and return what is to be seen."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        found = self.screen()
        while not any(text in line for line in found.lines):
            assert time.monotonic() < deadline, f"waited for {text!r}: {found.lines}"
            select.select([self._ours], [], [], 0.1)
            found = self.screen()
        return found

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._ours, text.encode())


@contextmanager
def terminal(width: int) -> Iterator[Terminal]:
    """Open a terminal of ``width`` columns that remembers what it was told."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, width, 0, 0))
    try:
        with os.fdopen(theirs, "w", encoding="utf-8") as stream:
            yield Terminal(ours, stream, width)
    finally:
        os.close(ours)


def own_terminal() -> None:
    """Make standard input the terminal that a new session is controlled by; for ``preexec_fn``."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
