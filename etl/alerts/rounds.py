"""One evaluation with memory: what the lake says of a window, and what is told of it.

A window that was evaluated before is told as it was told then: its record says what was known
at that time, and what was said. So a day that is replayed changes nothing and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from etl.alerts import retired, silences
from etl.alerts.alert import Record
from etl.alerts.digest import Facts, gathered
from etl.alerts.inhibition import Inhibition
from etl.alerts.learned import BY_TIME, Learned, learned
from etl.alerts.memory import Memory
from etl.alerts.model import Kind, Language, Silenced
from etl.alerts.remember import Customs, Occasion, remembered
from etl.alerts.retired import Retired
from etl.alerts.rules import Rule
from etl.alerts.standing import UNKNOWN, Standing, standing
from etl.config.settings import Settings
from etl.lake.files import Files
from etl.lake.query import Session
from etl.timespan import Window


@dataclass(frozen=True, slots=True)
class Round:
    """What one evaluation found, its record, and the silences that were in force.

    Without a record nobody remembers: the window lies before what was evaluated last. A digest also
    knows what ``urgent`` messages have told.
    """

    facts: Facts
    record: Record | None
    silences: tuple[Silenced, ...]
    urgent: Standing = UNKNOWN
    gone: tuple[Retired, ...] = ()


def evaluated(  # noqa: PLR0913 -- of whom, by which rules, about when, in which words
    session: Session,
    files: Files,
    settings: Settings,
    rules: Sequence[Rule],
    *,
    cluster: str,
    window: Window,
    now: datetime,
    languages: Sequence[Language],
    keep: bool = True,
) -> Round:
    """Evaluate ``rules`` for the digest of ``window``, after the one before; ``keep`` writes the record.

    ``cluster`` is the one that the session is limited to, empty for all. Raises ``LakeError``.
    """

    def look(looked: Learned, gone: frozenset[str]) -> Facts:
        return gathered(
            session,
            settings,
            rules,
            window=window,
            learned=looked,
            languages=languages,
            gone=gone,
        )

    return remembering(
        session,
        files,
        settings,
        rules,
        look,
        kind="digest",
        cluster=cluster,
        window=window,
        now=now,
        keep=keep,
    )


def remembering(  # noqa: PLR0913 -- the same, of any kind
    session: Session,
    files: Files,
    settings: Settings,
    rules: Sequence[Rule],
    look: Callable[[Learned, frozenset[str]], Facts],
    *,
    kind: Kind,
    cluster: str,
    window: Window,
    now: datetime,
    keep: bool = True,
) -> Round:
    """Return what ``look`` finds in what was learned since the evaluation before, and what is told of it."""
    memory = Memory(files, kind, cluster)
    before, number = memory.newest()
    record = memory.of(window) if before and before.end >= window.end else None
    looked = _looked_at(session, before, record, window, now)
    gone = retired.gone(files, session, window.end, now=now)
    facts = look(looked, retired.names(gone))
    quiet = silences.in_force(settings, files, window.end)
    urgent = standing(files, window, without=cluster if kind == "urgent" else None)
    if before is None or before.end < window.end:
        inhibition = Inhibition.of(settings)
        record = remembered(
            before,
            number,
            facts.evaluation,
            rules,
            Occasion(kind, cluster, window, looked, now, urgent, retired.names(gone)),
            covered=facts.covered,
            clusters=facts.clusters,
            customs=Customs(
                repeat_interval=settings.digest.repeat_interval,
                expire_after=settings.digest.expire_after,
                silenced=quiet.hold,
                inhibited=inhibition.holds,
                pause=settings.urgent.pause if kind == "urgent" else timedelta(0),
            ),
        )
        if keep and memory.write(record) is None:
            # Another run evaluated at the same time and was first: what it wrote counts.
            record = memory.of(window)
        elif keep:
            memory.prune(before, now)
            silences.prune(files, now)
    held = quiet.counted(record.alerts) if record else ()
    return Round(facts, record, held, urgent if kind == "digest" else UNKNOWN, gone)


def _looked_at(
    session: Session, before: Record | None, record: Record | None, window: Window, now: datetime
) -> Learned:
    if record is not None:
        return Learned(record.since, record.until)
    if before is not None and before.end >= window.end:
        return BY_TIME
    # After a pause in which nobody evaluated, the window itself says where it begins.
    since = before.until if before is not None and before.end >= window.start else {}
    return learned(session, window, since=since, now=now)
