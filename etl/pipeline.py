"""The order of the steps of the main job: snapshot, page, digest when it is due, what is pending.

Every step takes what it needs as arguments, the clock included, and knows neither the
command line nor the environment. A step that fails does not stop the next ones: the
digest matters most on the day when the cluster does not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TextIO

import msgspec.structs

from etl.alerts import deliver, digest
from etl.alerts.deliver import Delivery
from etl.alerts.model import Digest, Language
from etl.alerts.outbox import Outbox
from etl.alerts.rules import Configured
from etl.config.settings import Receiver, Settings
from etl.lake.layout import Lake
from etl.lake.query import Session, session
from etl.reports import page
from etl.timespan import Window, parse_zone

DIGEST_SPAN = timedelta(hours=24)
PAGE = "index.html"


@dataclass(frozen=True, slots=True)
class Outside:
    """What the steps need of the world: time, environment, how to wait, where a console writes."""

    now: datetime
    environ: Mapping[str, str]
    sleep: Callable[[float], None]
    stream: TextIO


def build_page(
    opened: Session, settings: Settings, *, window: Window, generated_at: datetime, lake: str
) -> str:
    """Return the page of all reports over ``window`` as one HTML text."""
    clusters = ", ".join(opened.clusters)
    return page.build(
        opened,
        window=window,
        timezone=parse_zone(settings.timezone),
        language=settings.language,
        title=clusters or "eventlake",
        generated_at=generated_at,
        lake=lake,
    )


def page_path(settings: Settings, lake: str) -> Path:
    """Return where ``run`` writes the page: the configured folder, else ``reports`` beside the lake."""
    folder = settings.report.output
    return (Path(folder).expanduser() if folder else Path(lake).resolve().parent / "reports") / PAGE


def due_window(
    lake: Lake, settings: Settings, now: datetime, *, cluster: str | None = None
) -> Window | None:
    """Return the window of the digest that is due, or null if it was made, or nothing was seen before its end.

    Without the second condition the first run of a new lake would send a digest about a
    time in which it did not exist.
    """
    made = _windows_made(Outbox(lake.files), cluster)
    window = digest.due(settings, now, max(made, default=None))
    if window is None or made:
        return window
    days = [file.date for file in lake.ledger(cluster)]
    return window if days and min(days) < window.end.date() else None


def digests(
    opened: Session,
    configured: Configured,
    *,
    window: Window,
    health: Callable[[Language], list[str]],
) -> Iterator[tuple[Digest, Settings]]:
    """Yield a digest for each language that receivers want, with settings that name just those receivers."""
    settings = configured.settings
    languages: dict[Language, list[Receiver]] = {}
    for receiver in settings.receivers:
        languages.setdefault(receiver.language or settings.language, []).append(receiver)
    for language, receivers in (languages or {settings.language: []}).items():
        built = digest.build(
            opened,
            settings,
            configured.rules,
            window=window,
            language=language,
            health=health(language),
        )
        yield built, msgspec.structs.replace(settings, language=language, receivers=receivers)


def send_digest(
    lake: Lake,
    configured: Configured,
    outside: Outside,
    *,
    window: Window,
    cluster: str | None = None,
    notes: Sequence[str] = (),
) -> Delivery:
    """Build the digest of ``window`` and send it to every receiver; ``notes`` join its health section."""

    def health(language: Language) -> list[str]:
        return [*notes, *deliver.health(lake.files, outside.now, language=language)]

    sent = Delivery()
    with session(lake, cluster=cluster) as opened:
        built = list(digests(opened, configured, window=window, health=health))
    for one, settings in built:
        sent += deliver.send_digest(
            one,
            settings,
            lake.files,
            now=outside.now,
            environ=outside.environ,
            sleep=outside.sleep,
            stream=outside.stream,
        )
    return sent


def send_pending(lake: Lake, settings: Settings, outside: Outside) -> Delivery:
    """Send what earlier runs left in the outbox."""
    return deliver.send_pending(
        settings,
        lake.files,
        now=outside.now,
        environ=outside.environ,
        sleep=outside.sleep,
        stream=outside.stream,
    )


def _windows_made(outbox: Outbox, cluster: str | None) -> list[datetime]:
    """Return the ends of all windows that a digest was made for, sent or not."""
    entries = [*outbox.waiting(), *outbox.receipts(), *(dead.entry for dead in outbox.dead())]
    return [e.end for e in entries if cluster is None or e.clusters == [cluster]]
