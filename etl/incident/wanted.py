"""A wish for events to the parameters of its statement: whose, of which time, and how they are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from etl.incident.kinds import Reference
from etl.timespan import Window

# DuckDB's LIMIT counts in 64 bits; no lake has as many rows.
_ALL = 2**62


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for; a ``namespace`` of null is every one, no ``most`` is all.

    ``types`` and ``reasons`` are any of these, all if there are none. ``every`` is each state
    that was seen, and not the newest of each event object.
    """

    window: Window
    namespace: str | None = None
    about: Reference | None = None
    types: Sequence[str] = ()
    reasons: Sequence[str] = ()
    every: bool = False
    most: int | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """What ``sql/incident/events.sql`` binds, and the statement that tells where there is something."""
        return {
            "namespace": self.namespace,
            "name": self.about.name if self.about else None,
            "kinds": list(self.about.kinds) if self.about else [],
            "start": self.window.start,
            "end": self.window.end,
            "types": [kind.lower() for kind in self.types],
            "reasons": list(self.reasons),
            "every": self.every,
            "most": self.most or _ALL,
            "within": False,
            "hosts": False,
            "owns": False,
        }
