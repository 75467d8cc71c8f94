"""A mistake in the configuration: file, path to the key, what is wrong and what is accepted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """One line of a ``ConfigError``; ``path`` is empty where the whole file is meant."""

    file: str
    path: str
    text: str

    def __str__(self) -> str:
        """Write the mistake as ``file: path.to[2].key: what is wrong``."""
        return (
            f"{self.file}: {self.path}: {self.text}" if self.path else f"{self.file}: {self.text}"
        )


def unrelated(earlier: Sequence[Mistake], later: Iterable[Mistake]) -> list[Mistake]:
    """Return the ``later`` mistakes that no ``earlier`` one explains.

    A misspelt ``match`` is one mistake; that the rule then has neither ``match`` nor
    ``expr`` follows from it. So what lies above or below an earlier mistake's path is left out.
    """
    return [m for m in later if not any(_related(m, e) for e in earlier)]


def _related(one: Mistake, other: Mistake) -> bool:
    if one.file != other.file:
        return False
    short, long = sorted((one.path, other.path), key=len)
    return long.startswith(short) and (
        long[len(short) : len(short) + 1] in {"", ".", "["} or not short
    )
