"""A place and a configuration to an open lake: what all answers have in common.

An open lake is a picture of one moment: all answers count ``since`` from the same ``now`` and
show the files that were there, so that the cells of a notebook agree. Files that a later run
replaces are deleted an hour later at the earliest, so an older picture is taken anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pandas as pd
import pyarrow as pa

from etl.alerts.rules import Rule, configured
from etl.api.picture import Picture
from etl.api.said import When, utc
from etl.config.read import load
from etl.errors import UsageError
from etl.lake import layout
from etl.lake.address import Address
from etl.lake.query import Session
from etl.reports import catalogue
from etl.reports.check import check
from etl.reports.frame import frame
from etl.statements import statement
from etl.timespan import Window, parse_zone, rfc3339

# What a report and a digest look at where nobody says anything else.
SPAN = timedelta(hours=24)
# What ``now`` may be instead of a moment: as far as the lake reaches.
NEWEST = "newest"
_MOMENT = timedelta(microseconds=1)
# Below the hour for which replaced files stay, less what a slow question may take.
_PICTURE_SECONDS = 45 * 60


class Opened:
    """An open lake, without its questions."""

    def __init__(
        self,
        lake: str | os.PathLike[str],
        *,
        cluster: str | None,
        timezone: str | None,
        config: str | os.PathLike[str] | None,
        reports: Iterable[str | os.PathLike[str]],
        now: datetime | str | None,
        environ: Mapping[str, str] | None,
    ) -> None:
        """Open the lake; arguments and errors are those of ``etl.open``."""
        self._where = os.fspath(lake)
        self._config = None if config is None else Path(config)
        self._environ = os.environ if environ is None else environ
        self._settings = load(self._config, environ=self._environ)
        self._cluster = cluster
        try:
            self._zone = parse_zone(timezone or self._settings.timezone)
        except ValueError as error:
            raise UsageError(str(error)) from error
        self._newest = now == NEWEST
        self._fixed = None if now is None or self._newest else utc(now)
        files = Address(self._where, self._settings.storage, self._environ).files()
        self._lake = layout.Lake(files, configured=self._settings.cluster_names)
        folders = [*self._settings.report.folders, *reports]
        self._catalogue = catalogue.catalogue([Path(folder) for folder in folders])
        self._rules: tuple[Rule, ...] | None = None
        self._picture: Picture | None = None
        self.refresh()
        own = [report for report in self._catalogue.values() if report.path is not None]
        check(own, self._session(None))

    def __repr__(self) -> str:
        """Say which lake it is, of which clusters, and as of when."""
        if self._picture is None:
            return f"<etl.Lake {self._where!r}, closed>"
        of = self._cluster or ", ".join(self.clusters) or "none yet"
        return f"<etl.Lake {self._where!r}, clusters: {of}; as of {rfc3339(self.now)}>"

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the lake."""
        self.close()

    def close(self) -> None:
        """Release what the lake holds; frames and relations that it returned stay."""
        if self._picture is not None:
            self._picture.close()
        self._picture = None

    def refresh(self) -> None:
        """Take a new picture: what runs added meanwhile is shown, and ``now`` goes on unless it was given."""
        self.close()
        self.now = self._fixed or datetime.now(UTC)
        """The moment that ``since`` counts back from, UTC."""
        self._taken = time.monotonic()
        self._picture = Picture(self._lake, self._settings.sql)
        # A lake that is not there, or of a newer format, is told now and not by the first question.
        session = self._picture.session(self._cluster)
        if self._newest:
            (row,) = session.run(statement("incident/newest").text, {}).to_pylist()
            # Windows are half-open, and the newest belongs to them.
            self.now = row["newest"] + _MOMENT if row["newest"] else self.now

    @property
    def timezone(self) -> str:
        """The timezone in which days and hours are cut and times are shown."""
        return self._zone.key

    @property
    def clusters(self) -> list[str]:
        """The clusters that the lake holds something of."""
        return self._shown().clusters

    def _window(self, when: When, default: timedelta = SPAN) -> Window:
        # First the picture: it may have to be taken anew, and ``now`` with it.
        self._shown()
        return when.window(now=self.now, zone=self._zone, default=default)

    def _shown(self) -> Picture:
        """Return the picture, a new one where its files may be about to vanish."""
        if self._picture is not None and time.monotonic() - self._taken > _PICTURE_SECONDS:
            self.refresh()
        if self._picture is None:
            raise UsageError("this lake is closed; open it again with etl.open")
        return self._picture

    def _session(self, cluster: str | None) -> Session:
        return self._shown().session(cluster or self._cluster)

    def _ready(self) -> tuple[Rule, ...]:
        """Return the rules of the configuration, read when they are asked for."""
        if self._rules is None:
            self._rules = configured(self._config, environ=self._environ, now=self.now).rules
        return self._rules

    def _told(self, rows: pa.Table, **attributes: object) -> pd.DataFrame:
        """Return the rows as a frame with attributes, which pandas keeps and Parquet takes along as JSON."""
        self._warn()
        found = frame(rows, self._zone)
        found.attrs.update(attributes)
        return found

    def _warn(self) -> None:
        if self._picture is not None:
            self._picture.tell()
