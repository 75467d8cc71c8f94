"""Messages for people and machines: all to stderr, as text or as JSON lines, without secrets.

Standard output belongs to machine formats alone. A JSON line names its run and, where
it is about one, its cluster: ``about`` says which, also for threads that are started in its context. Third-party loggers that print
whole URLs (httpx logs them at INFO) are held at WARNING, because webhook URLs are
secrets, and every record passes a filter that blanks the secrets known so far.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

ROOT = "etl"
# No trouble, but what somebody asked for: an answer of nothing. Shown also where only warnings are.
NOTICE = 25
_BLANK = "[redacted]"
# Shorter strings would blank ordinary words.
_SHORTEST_SECRET = 6
_LAST_RESORT = logging.lastResort
_CHATTY = ("httpx", "httpcore", "urllib3", "kubernetes", "apscheduler")
# What these warn of comes back as an error, and is told by whoever asked; below it they log whole bodies.
TOLD_TWICE = ("elastic_transport", "elasticsearch", "opensearch")

_secrets: set[str] = set()
_cluster: ContextVar[str] = ContextVar("cluster", default="")
_one_of_several: ContextVar[str] = ContextVar("one_of_several", default="")


def register_secret(value: str) -> None:
    """Blank ``value`` in every later log record and in ``redact``; short values are ignored."""
    if len(value) >= _SHORTEST_SECRET:
        _secrets.add(value)


def redact(text: str) -> str:
    """Return ``text`` with every registered secret blanked, longest first."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, _BLANK)
    return text


class _TextFormatter(logging.Formatter):
    """``warning: message`` for people; plain information carries no prefix."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as a line, traceback below where there is one."""
        prefix = "" if record.levelno <= NOTICE else f"{record.levelname.lower()}: "
        cluster = _one_of_several.get()
        text = prefix + (f"{cluster}: " if cluster else "") + record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return redact(text)


class _JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, run, cluster, traceback."""

    def __init__(self, run: str) -> None:
        super().__init__()
        self._run = run

    def format(self, record: logging.LogRecord) -> str:
        """Write one record as a JSON line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": "notice" if record.levelno == NOTICE else record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if self._run:
            entry["run"] = self._run
        if cluster := _cluster.get():
            entry["cluster"] = cluster
        if record.exc_info:
            entry["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


class JsonStream(io.TextIOBase):
    """A stream for text that people would read: each write is one message of ``logger``, without its last newlines."""

    def __init__(self, logger: logging.Logger) -> None:
        """Hand what is written to ``logger``."""
        super().__init__()
        self._logger = logger

    # JSON holds everything.
    encoding = "utf-8"

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, text: str, /) -> int:
        """Log ``text`` as it is asked for: also where only warnings are shown."""
        if text.strip():
            self._logger.log(NOTICE, "%s", text.rstrip("\n"))
        return len(text)


@contextmanager
def about(cluster: str, *, of_several: bool = False) -> Iterator[None]:
    """Name ``cluster`` in the JSON lines that are written meanwhile, and ``of_several`` in text too.

    An error takes the name with it: whoever tells it speaks of the same cluster.
    """
    before = _cluster.set(cluster)
    said_before = _one_of_several.set(cluster if of_several else "")
    yield
    _one_of_several.reset(said_before)
    _cluster.reset(before)


@contextmanager
def written_to(stream: TextIO) -> Iterator[None]:
    """Write the messages to ``stream`` meanwhile: above a progress bar, for example."""
    held = [
        (handler, handler.setStream(stream))
        for handler in logging.getLogger(ROOT).handlers
        if isinstance(handler, logging.StreamHandler)
    ]
    try:
        yield
    finally:
        for handler, before in held:
            if before is not None:
                handler.setStream(before)


def configure(
    *,
    quiet: bool = False,
    form: Literal["text", "json"] = "text",
    stream: TextIO | None = None,
    run: str = "",
) -> None:
    """Send the package's log to ``stream`` (stderr); ``quiet`` keeps notices, warnings and errors only.

    With ``json`` each line names ``run``, and what libraries warn of is a line as well.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_JsonFormatter(run) if form == "json" else _TextFormatter())
    # What has no handler, such as a library's warning, would be printed as it is.
    logging.lastResort = handler if form == "json" else _LAST_RESORT
    logging.captureWarnings(form == "json")
    logging.getLogger("py.warnings").handlers = [handler] if form == "json" else []
    _cluster.set("")
    _one_of_several.set("")
    logger = logging.getLogger(ROOT)
    logger.handlers = [handler]
    logger.setLevel(NOTICE if quiet else logging.INFO)
    logger.propagate = False
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in TOLD_TWICE:
        logging.getLogger(name).setLevel(logging.ERROR)
