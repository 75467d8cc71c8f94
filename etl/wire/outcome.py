"""What became of one attempt to deliver: seven words that every transport translates its answers to.

The sender decides by the word alone: what is delivered gets a receipt, what may
help later is kept, what can never work is given up, and what nobody can know is
sent again with a mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """The classes of outcome."""

    OK = "ok"
    """The receiver says that it has the message."""
    ACCEPTED = "accepted"
    """The receiver took the message and handles it later; whether it succeeds stays unseen."""
    RETRY_AFTER = "retry_after"
    """Not now: the receiver, or our own side, names a pause (``wait``)."""
    TRANSIENT = "transient"
    """Not delivered, and the same request may succeed soon: network, 5xx, busy."""
    PERMANENT = "permanent"
    """Not delivered, and the same request can never succeed."""
    TOO_LARGE = "too_large"
    """Refused for its size; a shorter message may pass."""
    UNKNOWN = "unknown"
    """The request was sent, but nothing that can be trusted came back: it may have arrived."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt's result; ``detail`` is one line for people and holds no secret.

    ``status`` is the HTTP status, ``code`` the vendor's own code where the body holds
    one, ``wait`` the pause that a ``retry_after`` asks for, ``owed`` the recipients that
    did not get a mail which others got.
    """

    kind: Kind
    detail: str = ""
    status: int | None = None
    code: str = ""
    wait: timedelta | None = None
    owed: tuple[str, ...] = ()

    @property
    def delivered(self) -> bool:
        """Whether the message counts as delivered and gets a receipt."""
        return self.kind in {Kind.OK, Kind.ACCEPTED}


class TransportError(Exception):
    """No usable answer came back; ``outcome`` says what that means for the sender."""

    def __init__(self, outcome: Outcome) -> None:
        """Carry ``outcome``; its detail is the message."""
        self.outcome = outcome
        super().__init__(outcome.detail)
