"""One share of the days of a lake: which of several jobs, that know nothing of each other, seals which day.

A day's share follows from its cluster's name and its date alone, whatever else is in the
lake and whenever a job starts. So every day has a job, and no two have the same one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from typing import Self

_WRITTEN = re.compile(r"(\d{1,6})/(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Shard:
    """Share number ``index``, from 0, of ``total``."""

    index: int = 0
    total: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``text`` such as ``0/4``; raises ``ValueError``."""
        found = _WRITTEN.fullmatch(text)
        if found is None or int(found[1]) >= int(found[2]):
            message = f"{text!r} is no share; write I/N, such as 0/4 for the first of four and 3/4 for the last"
            raise ValueError(message)
        return cls(int(found[1]), int(found[2]))

    def holds(self, cluster: str, day: date) -> bool:
        """Whether a day of a cluster belongs to this share."""
        if self.total == 1:
            return True
        # Python's own hash is another one in each process.
        digest = hashlib.sha256(f"{day.isoformat()} {cluster}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.total == self.index


WHOLE = Shard()
