"""What a command is given: settings, lake, time, environment, streams."""

from __future__ import annotations

import logging
import random
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from etl.errors import EventlakeError, UsageError
from etl.log import NOTICE
from etl.timespan import brief

if TYPE_CHECKING:
    from etl.commands.bar import Bar
    from etl.config.settings import Settings
    from etl.ingest import Run
    from etl.lake.address import Address
    from etl.lake.door import Door
    from etl.lake.files import Files
    from etl.lake.layout import Lake
    from etl.progress import Logged

DEFAULT_LAKE = "lake"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Invocation:
    """One call of the command line; ``cli`` builds it, commands only read it."""

    now: datetime
    clock: Callable[[], datetime]
    begin: Callable[[], tuple[datetime, Callable[[], datetime]]]
    """Reads the time anew, and returns it with a clock that goes on from there: for what goes on for days."""
    sleep: Callable[[float], None]
    environ: Mapping[str, str]
    stdin: BinaryIO
    stdout: TextIO
    stderr: TextIO
    config: str | None = None
    lake_option: str | None = None
    cluster_option: str | None = None
    engine: str = "duckdb"
    """Who answers questions: duckdb or spark."""
    quiet: bool = False
    log_format: str = "text"
    run_id: str = field(default_factory=lambda: secrets.token_hex(4))
    _settings: Settings | None = None
    _files: dict[str, Files] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """The configuration, read once; raises ``ConfigError`` with every mistake."""
        if self._settings is None:
            from etl.config.read import load  # noqa: PLC0415 -- PyYAML and msgspec only when asked

            self._settings = load(Path(self.config) if self.config else None, environ=self.environ)
        return self._settings

    @property
    def lake_path(self) -> str:
        """Where the lake is: option or environment, else the configuration, else ``./lake``."""
        return self.lake_option or self.settings.lake or DEFAULT_LAKE

    def volume(self, *, plugin: bool) -> str | None:
        """The address of a lake on a volume in a cluster; null where the lake is not there.

        The plugin of kubectl goes there by itself when no lake is named: that is the empty address.
        """
        named = self.lake_option
        # A configuration is read as a whole, with all its mistakes, by the command that needs it.
        if named is None and self.config and (plugin or _may_name_a_volume(Path(self.config))):
            named = self.settings.lake or None
        if named is None:
            return "" if plugin else None
        return named if named.startswith("pvc://") else None

    @property
    def address(self) -> Address:
        """Where the lake is, for other processes too."""
        from etl.lake.address import Address  # noqa: PLC0415

        path = self.lake_path
        # The settings of stores are read only where there is one.
        if "://" not in path:
            return Address(path)
        return Address(path, self.settings.storage, dict(self.environ))

    @property
    def lake(self) -> Lake:
        """The lake; it need not exist yet."""
        from etl.lake.layout import Lake  # noqa: PLC0415

        path = self.lake_path
        if path not in self._files:
            self._files[path] = self.address.files()
        # Without a file nothing is configured, and reading the defaults would take its time.
        names = self.settings.cluster_names if self.config else ()
        return Lake(self._files[path], configured=names)

    @property
    def cluster(self) -> str:
        """The one cluster's name by option, environment or configuration; empty where none or several are said."""
        if self.cluster_option:
            return self.cluster_option
        names = self.settings.cluster_names
        return names[0] if len(names) == 1 else ""

    @property
    def fleet(self) -> tuple[str, ...]:
        """The clusters that one job reads, where they are several; none where it is one.

        Raises ``UsageError`` for a --cluster that the configuration does not have among its own.
        """
        named = [one.name for one in self.settings.clusters]
        if self.cluster_option and named and self.cluster_option not in named:
            message = (
                f"the configuration has no cluster {self.cluster_option!r} among its clusters: "
                + ", ".join(named)
            )
            raise UsageError(message)
        return () if self.cluster else tuple(named)

    @property
    def told_of(self) -> str | None:
        """The cluster whose urgent alerts are remembered by themselves; null where they are all of one job.

        Each job that reads one cluster remembers for itself. Where one reads several, also
        what is asked about one of them is remembered with the rest, or it would be told twice.
        """
        return None if self.settings.clusters else self.cluster or None

    def required_cluster(self, why: str) -> str:
        """Return the cluster's name; raises ``UsageError`` that says ``why`` one is needed."""
        if not self.cluster:
            message = f"{why}: name it with --cluster NAME, EVENTLAKE_CLUSTER or cluster: in the configuration"
            raise UsageError(message)
        return self.cluster

    @property
    def run(self) -> Run:
        """The identity of this run for ledger and parts."""
        from etl.ingest import Run  # noqa: PLC0415

        return Run(self.now, self.run_id, self.clock)

    def again(self) -> Invocation:
        """Return this call as if it were made now: another time, another name, the same settings and lake."""
        now, clock = self.begin()
        return replace(self, now=now, clock=clock, run_id=secrets.token_hex(4))

    def delayed(self, jitter: timedelta) -> Invocation:
        """Wait a random share of ``jitter`` and return this call as of then: what a CronJob cannot do by itself."""
        if not jitter:
            return self
        wait = random.uniform(0, jitter.total_seconds())  # noqa: S311 -- spread, not secrecy
        _log.info("waiting %.0f s, by chance up to %s", wait, brief(jitter))
        self.sleep(wait)
        now, clock = self.begin()
        return replace(self, now=now, clock=clock)

    def not_before(self, cluster: str) -> date | None:
        """Return the oldest day of which ``cluster`` takes anything new; null where all is kept."""
        return self.settings.retention.not_before(cluster, self.now)

    @property
    def door(self) -> Door | None:
        """What is masked or left out before it is stored, to be counted anew; null where nothing is."""
        if self.settings.ingest == type(self.settings.ingest)():
            return None
        from etl.lake.door import Door  # noqa: PLC0415 -- pyarrow only for who has such a setting

        return Door(self.settings.ingest)

    @contextmanager
    def progress(self, title: str, unit: str = "") -> Iterator[Bar | Logged]:
        """Tell somebody who waits how far a piece of work is; ``unit`` is the plural of what is counted.

        A bar on a terminal, else a message every ten seconds; with ``--quiet`` nothing, because
        these are no warnings.
        """
        from etl.commands.bar import Bar, is_wanted  # noqa: PLC0415
        from etl.progress import Logged  # noqa: PLC0415

        plain = self.quiet or self.log_format != "text"
        if plain or not is_wanted(self.stderr, self.environ.get("TERM")):
            yield Logged(title, unit, self.clock)
            return
        with Bar(title, unit, clock=self.clock, stream=self.stderr, environ=self.environ) as bar:
            yield bar

    def say(self, text: str) -> None:
        """Write a line for a person to standard error, unless ``--quiet``."""
        _log.info("%s", text)

    def notice(self, text: str) -> None:
        """Write a line to standard error that is all the answer somebody gets, so also with ``--quiet``."""
        _log.log(NOTICE, "%s", text)

    def warn(self, text: str) -> None:
        """Write a line that a person has to see to standard error."""
        _log.warning("%s", text)

    def fail(self, error: EventlakeError) -> None:
        """Write an error to standard error that does not end the command yet."""
        _log.error("%s", error.shown)

    def defect(self, error: Exception) -> None:
        """Write what is a mistake of ours to standard error, whole, where it does not end the command."""
        _log.error(
            "this is a defect of eventlake; please report it with the lines below", exc_info=error
        )

    def print(self, text: str) -> None:
        """Write to standard output: the answer that was asked for, and nothing else."""
        self.stdout.write(text if text.endswith("\n") else text + "\n")
        self.stdout.flush()


def _may_name_a_volume(config: Path) -> bool:
    try:
        return b"pvc://" in config.read_bytes()
    except OSError:
        # The command says what is wrong with the file.
        return False
