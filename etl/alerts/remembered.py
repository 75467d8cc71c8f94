"""What the outbox knows of earlier digests: which one was the last, who has it, who does not and why."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby

from etl.alerts.delivery import Subject
from etl.alerts.model import Kind, Language
from etl.alerts.outbox import SKIPPED, Outbox
from etl.alerts.receivers import placed, title
from etl.alerts.receivers.target import Outside
from etl.alerts.words import WORDS, counted
from etl.config.settings import Settings
from etl.errors import quoted
from etl.lake.files import Files
from etl.timespan import Window, brief, rfc3339


def was_delivered(
    files: Files,
    settings: Settings,
    window: Window,
    clusters: Sequence[str],
    *,
    kind: Kind = "digest",
) -> bool:
    """Whether every target has this digest, or it is in the outbox: then it is not due any more."""
    outbox, subject = Outbox(files), Subject(clusters, window, kind)
    targets = placed(settings, Outside({}, sys.stderr))
    return all(outbox.known(subject.id(item.receiver.name, item.place, 1)) for item in targets)


def last_digest(files: Files, clusters: Collection[str] | None = None) -> Subject | None:
    """Return the newest digest that was handed to the outbox: its clusters and its window.

    With ``clusters`` only digests about exactly these count: jobs of several clusters may share a
    lake. If ``was_delivered`` says no about it, a crash or a new receiver left it half done, and
    sending it again reaches only those that miss it.
    """
    wanted = None if clusters is None else set(clusters)
    found = [
        subject
        for subject in Outbox(files).subjects()
        if subject.kind == "digest" and wanted in (None, set(subject.clusters))
    ]
    return max(found, key=lambda subject: subject.window.end, default=None)


def health(files: Files, now: datetime, *, language: Language = "en") -> list[str]:
    """Return lines for the next digest: who has not got the last one, and who gets none any more."""
    outbox, words = Outbox(files), WORDS[language]
    lines = []
    shown = [r.created_at for r in outbox.receipts() if r.outcome != SKIPPED]
    told = max(shown, default=None)
    for dead in outbox.dead():
        entry = dead.entry
        # Since the last digest that anybody got: earlier ones were in its health section.
        if told is None or dead.died_at >= told:
            name = title(entry.receiver, entry.place)
            window = rfc3339(entry.end)
            reason = quoted(dead.reason)
            lines.append(words.dead_letter.format(receiver=name, window=window, reason=reason))
    waiting = sorted(outbox.waiting(), key=lambda entry: (entry.receiver, entry.place))
    for (receiver, place), group in groupby(waiting, key=lambda e: (e.receiver, e.place)):
        entries = sorted(group, key=lambda entry: entry.created_at)
        tried = outbox.attempts(entries[0].id)
        lines.append(
            counted(
                words.waiting,
                len(entries),
                receiver=title(receiver, place),
                since=brief(now - entries[0].created_at),
                reason=quoted(tried[-1].detail) if tried else words.no_attempt,
            )
        )
    return lines + [words.unreadable.format(path=path) for path in outbox.unreadable]
