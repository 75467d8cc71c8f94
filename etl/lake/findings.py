"""What can be wrong with a lake: the kinds of findings, how bad each is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal[
    "damaged",
    "duplicate",
    "foreign",
    "live",
    "lost",
    "marker",
    "misplaced",
    "store",
    "superseded",
    "temporary",
    "unsealed",
]
Level = Literal["trouble", "notice"]
Remedy = Literal["quarantine", "repair", ""]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a kind of finding says of a lake: how bad it is, which option mends it, what to do."""

    level: Level
    remedy: Remedy
    advice: str


# trouble: something is wrong or missing in answers; notice: a run will see to it, or it only costs space.
MEANINGS: dict[Kind, Meaning] = {
    "damaged": Meaning(
        "trouble",
        "quarantine",
        "bring it back from a backup, or take it out with --quarantine; what is still listed is written again",
    ),
    "duplicate": Meaning(
        "notice", "quarantine", "a copy changes no answer; take it out with --quarantine"
    ),
    "foreign": Meaning(
        "trouble", "quarantine", "it does not belong here; take it out with --quarantine"
    ),
    "live": Meaning(
        "trouble",
        "repair",
        "take it away with --repair; the next snapshot compares with the lake itself",
    ),
    "lost": Meaning(
        "trouble",
        "",
        "bring it back from a backup or from quarantine/; until then coverage has to show a gap",
    ),
    "marker": Meaning("trouble", "repair", "write it anew with --repair"),
    "misplaced": Meaning(
        "trouble", "quarantine", "move it to where it belongs, or take it out with --quarantine"
    ),
    "store": Meaning(
        "trouble", "", "let only one run work at a time; upgrade the store, or move the lake"
    ),
    "superseded": Meaning("notice", "repair", "the next sealing deletes it, or --repair"),
    "temporary": Meaning("notice", "repair", "the next run deletes it, or --repair"),
    "unsealed": Meaning("notice", "repair", "seal it with --repair, or: eventlake seal"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, and in which words."""

    kind: Kind
    path: str
    detail: str
    cluster: str | None = None
    date: date | None = None

    @property
    def meaning(self) -> Meaning:
        """How bad it is and what to do."""
        return MEANINGS[self.kind]
