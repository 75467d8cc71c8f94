"""The order of the steps of the main job: snapshot, page, digest when it is due, what is pending.

Every step takes what it needs as arguments, the clock included, and knows neither the
command line nor the environment. A step that fails does not stop the next ones: the
digest matters most on the day when the cluster does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO

import msgspec.structs

from etl import illustration
from etl.alerts import deliver, digest, rounds, switches, urgent
from etl.alerts.deliver import Delivery
from etl.alerts.model import Digest, Language
from etl.alerts.receivers import draws, target
from etl.alerts.rules import Configured
from etl.config.receivers import Receiver
from etl.config.settings import Settings
from etl.forward import health as forwarding
from etl.lake.layout import Lake
from etl.lake.query import Session, session
from etl.reports import page
from etl.reports.catalogue import Report
from etl.timespan import Window, parse_zone

DIGEST_SPAN = timedelta(hours=24)
PAGE = "index.html"


@dataclass(frozen=True, slots=True)
class Outside:
    """What the steps need of the world: time, environment, how to wait, where a console writes, the page."""

    now: datetime
    environ: Mapping[str, str]
    sleep: Callable[[float], None]
    stream: TextIO
    page: Path | None = None
    """Where ``run`` writes the page."""

    def for_targets(self, chart: target.Chart | None = None) -> target.Outside:
        """Return what of it receivers get."""
        return target.Outside(self.environ, self.stream, self._page_now, chart)

    def _page_now(self) -> bytes | None:
        """Return the page as it was last written; null where none was."""
        try:
            return self.page.read_bytes() if self.page else None
        except OSError:
            # A digest without its attachment is better than none; the page may never have been written.
            return None


def build_page(
    opened: Session,
    settings: Settings,
    *,
    reports: Mapping[str, Report],
    window: Window,
    generated_at: datetime,
    lake: str,
    begin: Callable[[str], None] = lambda _name: None,
) -> str:
    """Return the page of ``reports`` over ``window`` as one HTML text; ``begin`` hears of each in its turn."""
    clusters = ", ".join(opened.clusters)
    return page.build(
        opened,
        window=window,
        timezone=parse_zone(settings.timezone),
        language=settings.language,
        title=clusters or "eventlake",
        generated_at=generated_at,
        lake=lake,
        reports=reports,
        begin=begin,
    )


def page_path(settings: Settings, lake: str) -> Path:
    """Return where ``run`` writes the page: the configured folder, else ``reports`` beside the lake.

    Beside an object store there is no folder: its page goes where the command works.
    """
    if settings.report.output:
        return Path(settings.report.output).expanduser() / PAGE
    beside = Path.cwd() if "://" in lake else Path(lake).resolve().parent
    return beside / "reports" / PAGE


@dataclass(frozen=True, slots=True)
class Due:
    """A digest that has to be sent: its window, and for one that is half sent its clusters."""

    window: Window
    clusters: tuple[str, ...] | None = None


def due_digest(
    lake: Lake, settings: Settings, now: datetime, *, cluster: str | None = None
) -> Due | None:
    """Return the digest that is due, or null if it was made, or nothing was seen before its end.

    Without the second condition the first run of a new lake would send a digest about a
    time in which it did not exist. A digest that a crash left half sent, or that a new
    receiver has not got, is due again, and reaches only those that miss it.
    """
    last = deliver.last_digest(lake.files, None if cluster is None else [cluster])
    window = digest.due(settings, now, last.window.end if last else None)
    if window is not None:
        days = [file.date for file in lake.ledger(cluster)]
        seen_before = last is not None or (bool(days) and min(days) < window.end.date())
        return Due(window) if seen_before else None
    if last is None or deliver.was_delivered(lake.files, settings, last.window, last.clusters):
        return None
    return Due(last.window, tuple(last.clusters))


def digests(
    opened: Session,
    lake: Lake,
    configured: Configured,
    *,
    window: Window,
    now: datetime,
    cluster: str | None = None,
    keep: bool = False,
    health: Callable[[Language], list[str]],
) -> list[tuple[Digest, Settings]]:
    """Return a digest for each language that receivers want, with settings that name just those receivers.

    It tells what is new since the evaluation before; ``keep`` remembers this one.
    """
    settings = configured.settings
    languages = _languages(settings)
    told = rounds.evaluated(
        opened,
        lake.files,
        settings,
        switches.turned(lake.files, configured.rules, now),
        cluster=cluster or "",
        window=window,
        now=now,
        languages=list(languages),
        keep=keep,
    )
    return [
        (
            digest.written(
                told.facts,
                settings,
                language=language,
                health=health(language),
                record=told.record,
                silences=told.silences,
                urgent=told.urgent,
                gone=told.gone,
            ),
            msgspec.structs.replace(settings, language=language, receivers=receivers),
        )
        for language, receivers in languages.items()
    ]


def send_digest(
    lake: Lake,
    configured: Configured,
    outside: Outside,
    *,
    due: Due,
    cluster: str | None = None,
    notes: Sequence[str] = (),
) -> Delivery:
    """Build the digest that is due and send it to every receiver; ``notes`` join its health section."""

    def health(language: Language) -> list[str]:
        targets = configured.settings.forward.targets
        return [
            *notes,
            *deliver.health(lake.files, outside.now, language=language),
            *forwarding.lines(lake.files, targets, now=outside.now, language=language),
        ]

    sent = Delivery()
    with session(lake, cluster=cluster, many=True) as opened:
        built = digests(
            opened,
            lake,
            configured,
            window=due.window,
            now=outside.now,
            cluster=cluster,
            keep=True,
            health=health,
        )
        drawn = None
        if draws(configured.settings) and any(one.illustrated for one, _ in built):
            clusters = built[0][0].clusters
            drawn = illustration.chart(
                opened, configured.settings, window=due.window, clusters=clusters
            )
    for one, settings in built:
        if due.clusters is not None:
            one = replace(one, clusters=due.clusters)  # noqa: PLW2901 -- the same digest, named as it was
        sent += deliver.send_digest(
            one,
            settings,
            lake.files,
            outside=outside.for_targets(drawn),
            now=outside.now,
            sleep=outside.sleep,
        )
    return sent


def send_urgent(
    lake: Lake, configured: Configured, outside: Outside, *, cluster: str | None = None
) -> Delivery:
    """Ask the urgent rules about what was learned since they were last asked, and send what is new at once.

    A message that a run recorded and did not come to send is sent first.
    """
    rules = switches.turned(lake.files, configured.rules, outside.now)
    sent = Delivery()
    if not any(rule.urgent and rule.enabled for rule in rules):
        return sent
    settings, scope = configured.settings, cluster or ""
    left = urgent.unsent(lake.files, settings, cluster=scope, now=outside.now)
    if left and deliver.was_delivered(
        lake.files, settings, Window(left.start, left.end), sorted(left.until), kind="urgent"
    ):
        left = None
    with session(lake, cluster=cluster) as opened:
        window = urgent.due(opened, lake.files, settings, cluster=scope, now=outside.now)
        for one in [Window(left.start, left.end) if left else None, window]:
            if one is None:
                continue
            told = urgent.evaluated(
                opened,
                lake.files,
                settings,
                rules,
                cluster=scope,
                window=one,
                now=outside.now,
                languages=list(_languages(settings)),
            )
            sent += _told(told, lake, settings, outside)
    return sent


def _told(told: rounds.Round, lake: Lake, settings: Settings, outside: Outside) -> Delivery:
    """Send what an urgent evaluation has to say, if it has anything."""
    sent = Delivery()
    if told.record is None or not told.record.spoke:
        return sent
    for language, receivers in _languages(settings).items():
        message = digest.written(
            told.facts, settings, language=language, record=told.record, silences=told.silences
        )
        sent += deliver.send_digest(
            # What goes on is no news; the digest tells of it.
            replace(message, still=()),
            msgspec.structs.replace(settings, language=language, receivers=receivers),
            lake.files,
            outside=outside.for_targets(),
            now=outside.now,
            sleep=outside.sleep,
        )
    return sent


def _languages(settings: Settings) -> dict[Language, list[Receiver]]:
    """Return the receivers by the language that they want."""
    languages: dict[Language, list[Receiver]] = {}
    for receiver in settings.receivers:
        languages.setdefault(receiver.language or settings.language, []).append(receiver)
    return languages or {settings.language: []}


def send_pending(lake: Lake, settings: Settings, outside: Outside) -> Delivery:
    """Send what earlier runs left in the outbox."""
    return deliver.send_pending(
        settings,
        lake.files,
        outside=outside.for_targets(),
        now=outside.now,
        sleep=outside.sleep,
    )
