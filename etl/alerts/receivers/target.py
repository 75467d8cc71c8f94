"""What every target is: it prepares messages from a digest and sends one of them, once.

Preparing needs no network and no secret, so that the messages can be put into the
outbox before anything can fail. Sending takes what was prepared, perhaps days ago, and
makes one attempt; when to try again is decided above.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Protocol, TextIO

from etl.alerts.model import Digest
from etl.wire.outcome import Outcome

# How often a receiver may say "too large" before the message is given up: 3072, 2304, 1728 bytes
# in the place of WeCom's 4096 are below every limit that was ever reported for it.
STEPS = 3
_STEP = 0.75


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of the window as PNG, and the same marked as a possible repeat, for chats that take no text beside it."""

    once: bytes
    repeat: bytes


@dataclass(frozen=True, slots=True)
class Outside:
    """What a target may use of the world: the environment's variables, a stream to print to, the page, a chart."""

    environ: Mapping[str, str]
    stream: TextIO
    page: Callable[[], bytes | None] = lambda: None
    """The HTML page as ``run`` last wrote it, for those who attach it; null if there is none."""
    chart: Chart | None = None
    """The chart of the digest's window, for those who want one; null if nobody does or it could not be drawn."""

    def chart_for(self, digest: Digest, *, wanted: bool, step: int = 0) -> Chart | None:
        """Return the chart that goes with ``digest``: none where it is not ``wanted``, and none after a refusal for size."""
        return self.chart if wanted and digest.illustrated and not step else None


@dataclass(frozen=True, slots=True)
class Part:
    """One message as JSON data, and the same marked as a possible repeat.

    Both are made at once, because a repeat may be sent by a run that has no digest.
    """

    payload: object
    repeat: object
    about: str = ""
    """What names the message where a digest is many of them: an action and an alert."""


class Target(Protocol):
    """One place that digests go to."""

    kind: ClassVar[str]
    """The word before ``_configs``."""
    spacing: ClassVar[timedelta]
    """The least time between two messages to one address."""

    @property
    def patience(self) -> timedelta:
        """How long one ``send`` may take."""
        ...

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return the messages; each ``step`` asks for a shorter one. Raises ``LeafError``."""
        ...

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Make one attempt; raises ``TransportError`` or ``SecretError``."""
        ...

    def preview(self, digest: Digest) -> str:
        """Return what would be sent, for people."""
        ...

    def address(self) -> str:
        """Return what messages to one place have in common, for spacing; raises ``SecretError``."""
        ...


def budget_at(limit: int, step: int) -> int:
    """Return the bytes that a message may have after ``step`` refusals for its size."""
    return int(limit * _STEP**step)


def text_of(payload: object, *path: str) -> str:
    """Return the text at ``path`` of a payload that came from the outbox; empty if it is not there."""
    for key in path:
        payload = payload.get(key) if isinstance(payload, Mapping) else None
    return payload if isinstance(payload, str) else ""
