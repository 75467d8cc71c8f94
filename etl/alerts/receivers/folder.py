"""Writes each digest into a folder: for a web server, a backup, or a tool that picks files up.

A file has its final name only when it is whole, and the same name over all attempts, so a
repeat replaces it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from etl.alerts import render
from etl.alerts.dialects import Dialect, Markdown, Plain
from etl.alerts.markups import Html
from etl.alerts.model import Digest
from etl.alerts.receivers.target import Outside, Part, text_of
from etl.alerts.tidy import tidy
from etl.config.receivers import FileConfig
from etl.wire import budget
from etl.wire.outcome import Kind, Outcome

_DIALECTS: dict[str, Callable[[], Dialect]] = {
    "markdown": Markdown,
    "text": lambda: Plain(100),
    "html": Html,
}
_SUFFIXES = {"json": ".json", "markdown": ".md", "text": ".txt", "html": ".html"}
_UNFINISHED = ".tmp"
_PREFIX = "digest-"


class Folder:
    """A folder on a file system."""

    kind: ClassVar[str] = "file"
    spacing: ClassVar[timedelta] = timedelta(0)
    patience = timedelta(seconds=30)

    def __init__(self, config: FileConfig, outside: Outside) -> None:
        """Write below the folder that ``config`` names."""
        del outside
        self._config = config

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return one file; a disk has no limit, so there are no steps."""
        del step
        stamp = digest.window.end.strftime("%Y%m%dT%H%M%SZ")
        content = self._content(digest)
        # A file that is written again is the same file: nobody need be told.
        return [Part(*(2 * ({"stamp": stamp, "content": content},)))]

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Write the file, then remove what is more than ``keep``."""
        del repeat, now
        folder = Path(self._config.folder)
        name = f"{_PREFIX}{text_of(payload, 'stamp')}-{delivery_id[:8]}{self._suffix}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = folder / f".{name}{_UNFINISHED}"
            with unfinished.open("wb") as file:
                file.write(text_of(payload, "content").encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(folder / name)
            self._tidy(folder)
        except OSError as error:
            return Outcome(Kind.TRANSIENT, f"cannot write below {folder}: {error.strerror}")
        return Outcome(Kind.OK)

    def preview(self, digest: Digest) -> str:
        """Return what the file would hold."""
        return self._content(digest)

    def address(self) -> str:
        """Return the folder."""
        return self._config.folder

    @property
    def _suffix(self) -> str:
        return _SUFFIXES[self._config.format]

    def _content(self, digest: Digest) -> str:
        if self._config.format == "json":
            return budget.encode(render.to_json(tidy(digest))).decode() + "\n"
        text = render.text(digest, _DIALECTS[self._config.format]())
        if self._config.format != "html":
            return text + "\n"
        title = Html().text(render.title(digest))
        head = f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title></head>'
        return f"{head}<body>\n{text}\n</body></html>\n"

    def _tidy(self, folder: Path) -> None:
        """Remove the oldest digests; their names begin with their time."""
        if self._config.keep:
            found = sorted(folder.glob(f"{_PREFIX}*{self._suffix}"))
            for path in found[: -self._config.keep]:
                path.unlink(missing_ok=True)
