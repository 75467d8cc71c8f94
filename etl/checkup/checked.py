"""One thing that was looked at: how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Checked:
    """A line of the answer; ``code`` is the exit code that a failure of its kind has."""

    level: Level
    subject: str
    detail: str
    advice: str = ""
    code: int = 0

    def of(self, cluster: str) -> Checked:
        """Return the line with the name of the cluster that it is about."""
        return replace(self, subject=f"{cluster}: {self.subject}")


def ok(subject: str, detail: str) -> Checked:
    """Say that something is as it should be."""
    return Checked("ok", subject, detail)


def warn(subject: str, detail: str, advice: str) -> Checked:
    """Say that something works and is not as it should be."""
    return Checked("warn", subject, detail, advice)


def fail(subject: str, detail: str, advice: str, *, code: int) -> Checked:
    """Say that something does not work."""
    return Checked("fail", subject, detail, advice, code)
