"""Prints the digest as plain text: for terminals and for the log of a pod."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from etl.alerts import render
from etl.alerts.dialects import Plain
from etl.alerts.model import Digest
from etl.alerts.receivers.target import Outside, Part, text_of
from etl.config.receivers import ConsoleConfig
from etl.wire.outcome import Kind, Outcome


class Console:
    """A stream that people read."""

    kind: ClassVar[str] = "console"
    spacing: ClassVar[timedelta] = timedelta(0)
    patience = timedelta(seconds=30)

    def __init__(self, config: ConsoleConfig, outside: Outside) -> None:
        """Print to the stream of ``outside``."""
        self._width = config.width
        self._stream = outside.stream

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return one message; a stream has no limit, so there are no steps."""
        del step
        text = self.preview(digest)
        return [Part({"text": text}, {"text": render.marked(text, digest)})]

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Print the text and an empty line."""
        del delivery_id, repeat, now
        text = text_of(payload, "text") + "\n\n"
        # A pod without a locale may have an ASCII stream; a question mark is better than no digest.
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        except OSError as error:
            # Such as a closed pipe: nobody read it.
            return Outcome(Kind.TRANSIENT, f"cannot print: {error.strerror}")
        return Outcome(Kind.OK)

    def preview(self, digest: Digest) -> str:
        """Return the text, as long as people read."""
        return render.text(digest, Plain(self._width), plan=render.READABLE)

    def address(self) -> str:
        """All consoles are one place."""
        return self.kind
