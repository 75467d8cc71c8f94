"""One tree of errors, and the exit code that each of them ends the command with.

Every error that a user can cause or has to act on is an ``EventlakeError`` whose
text says what to do; anything else that reaches ``cli`` is a defect of eventlake
and ends with code 1 and a traceback. The codes are documented in the README and
in docs/operations.md, and a test holds the three together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

# An answer's body can be megabytes of foreign text; a message quotes this much.
QUOTED_CHARACTERS = 300


class EventlakeError(Exception):
    """Root of all expected failures: shown as one message, without a traceback."""

    exit_code: ClassVar[int] = 1

    @property
    def shown(self) -> str:
        """What a person is shown."""
        return str(self)


class UsageError(EventlakeError):
    """The command line asks for something that cannot be done as asked."""

    exit_code: ClassVar[int] = 2


class ConfigError(UsageError):
    """The configuration is wrong; carries every mistake found, not the first.

    Each entry of ``mistakes`` is one line: file, path to the key, what is wrong.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        """Join ``mistakes`` (at least one) into the message."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class InputError(UsageError):
    """A file given to ``import`` cannot be read or holds no events."""


class HostileArchiveError(InputError):
    """An archive given to ``import`` is built to harm: a bomb, or names that lead out of it."""


class ClusterError(EventlakeError):
    """The cluster could not be reached, refused us, or answered nonsense."""

    exit_code: ClassVar[int] = 3


class ForbiddenError(ClusterError):
    """The cluster does not let this account list events there; elsewhere it may."""


class PartlyReadError(ClusterError):
    """Some of several clusters could not be read; what the others told is in the lake."""

    exit_code: ClassVar[int] = 6


class LakeError(EventlakeError):
    """The lake cannot be read or written: disk, permissions, format version."""

    exit_code: ClassVar[int] = 4


class QueryError(LakeError):
    """A statement failed in DuckDB; the message is DuckDB's own, first line."""


class StatementError(QueryError):
    """A statement is wrong: not one SELECT, a name that is not there, or more than it may take.

    ``excerpt`` is its line with a mark below the place; empty where nobody knows the place.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, excerpt: str = "") -> None:
        """Keep the ``excerpt`` beside the ``message``, which is one line."""
        super().__init__(message)
        self.excerpt = excerpt

    @property
    def shown(self) -> str:
        """The message, and below it the place."""
        return f"{self}\n{self.excerpt}" if self.excerpt else str(self)


class DeliveryError(EventlakeError):
    """At least one receiver did not get its message; the outbox keeps it."""

    exit_code: ClassVar[int] = 5


class LakeWarning(UserWarning):
    """Something is missing from an answer, such as a damaged file that was left out; the API warns of it."""


def quoted(text: str, limit: int = QUOTED_CHARACTERS) -> str:
    """Return foreign ``text`` fit for one line of a message: printable, at most ``limit`` characters."""
    flat = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    flat = " ".join(flat.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
