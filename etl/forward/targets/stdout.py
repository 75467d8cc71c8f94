"""Observations to standard output, as JSON lines and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from etl.forward.sending import Message, Receipt


class StdoutSender:
    """A stream that somebody reads."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``, which stays open."""
        self._stream = stream

    def send(self, batch: Sequence[Message]) -> Receipt:
        """Write ``batch``; all of it is settled once the stream has taken it."""
        try:
            self._stream.write("".join(f"{message.body.decode()}\n" for message in batch))
            self._stream.flush()
        except OSError as error:
            # Nobody reads any more: what the reader has of it comes again.
            return Receipt(0, failure=f"cannot write to standard output: {error.strerror}")
        return Receipt(len(batch))

    def close(self) -> None:
        """Leave the stream to its owner."""
