"""What a target is to the forwarder: it takes messages in order, and says which are settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One observation as one target gets it."""

    id: str
    """Names the observation: the same in every repeat, another for every other observation."""
    key: str
    """The event's uid: what has one key keeps its order."""
    cluster: str
    at: datetime
    """``last_seen``, UTC."""
    body: bytes
    """The document: JSON in one line, or what a text template made."""
    context: Mapping[str, object]
    """What templates see: ``event``, ``cluster``, ``observation`` …, for templated topics and headers."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch.

    ``settled`` counts the messages from its beginning that are done with: the target has
    acknowledged them, or they are in ``refused`` (place in the batch and why), because no
    repeat can ever succeed. What follows them is sent again, so it may arrive twice: that
    is the cut. ``failure`` says why not all are settled, in one line without secrets, and
    ``wait`` how long the target wants to be left alone.
    """

    settled: int
    refused: tuple[tuple[int, str], ...] = ()
    failure: str = ""
    wait: timedelta | None = None


class Sender(Protocol):
    """An open way to one target."""

    def send(self, batch: Sequence[Message]) -> Receipt:
        """Send ``batch`` in order and return when each message is settled, or no more will be."""

    def close(self) -> None:
        """Close connections; nothing is on its way any more."""
