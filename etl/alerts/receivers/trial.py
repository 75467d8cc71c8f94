"""A marked test message to one receiver, past the outbox, and what each of its targets answered.

A tool that opens incidents is told at once that the test is over.
"""

from __future__ import annotations

import secrets as chance
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from etl.alerts.model import Digest
from etl.alerts.receivers import Placed
from etl.wire.outcome import Kind, Outcome, TransportError
from etl.wire.secrets import SecretError


def tried(
    placed: Placed, digest: Digest, *, now: datetime, sleep: Callable[[float], None]
) -> Iterator[Outcome]:
    """Send each message of ``digest`` once and yield what came of it; the first failure is the last message."""
    # Not that of a delivery: a test may be sent as often as somebody likes.
    name = chance.token_hex(16)
    parts = placed.target.prepare(placed.digest(digest))
    if placed.per_alert:
        over = tuple(replace(finding, state="resolved") for finding in digest.findings)
        parts += placed.target.prepare(replace(digest, findings=(), resolved=over))
    for number, part in enumerate(parts):
        if number and placed.target.spacing > timedelta(0):
            sleep(placed.target.spacing.total_seconds())
        try:
            outcome = placed.target.send(
                part.payload, delivery_id=f"{name[:30]}{number:02d}", repeat=False, now=now
            )
        except TransportError as error:
            outcome = error.outcome
        except SecretError as error:
            # As in a delivery: it waits until the file or variable is there.
            outcome = Outcome(Kind.RETRY_AFTER, str(error))
        yield outcome
        if not outcome.delivered:
            return
