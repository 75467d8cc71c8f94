"""What the evaluations after snapshots hold, for those that meet the same alerts: one truth for both.

A digest counts a day and an urgent evaluation an hour, so they may differ about an alert: the
one has it firing still while the other told that it is over. What opens and closes alerts, such as
Alertmanager, hears of an alert that the urgent memory has told from there alone. The digest sends it
again as long as it fires there, and neither opens nor closes it.
"""

from __future__ import annotations

from dataclasses import dataclass

from etl.alerts.alert import Alert
from etl.alerts.memory import memories
from etl.alerts.model import Kind
from etl.lake.files import Files
from etl.timespan import Window


@dataclass(frozen=True, slots=True)
class Standing:
    """What urgent memories know.

    ``alive``: any of them evaluated since the window began; of others nothing is known here.
    ``fired`` are the fingerprints of what fired in the window, ``firing`` the alerts that were told
    and fire now, ``paused`` counts those that had to wait for the pause of urgent messages.
    """

    alive: bool = False
    fired: frozenset[str] = frozenset()
    firing: tuple[Alert, ...] = ()
    paused: int = 0

    def rules(self, alert: Alert, before: Alert | None) -> bool:
        """Whether the urgent memory has the say about ``alert`` of a digest, which was ``before``.

        Once it had, it keeps it as long as the digest remembers the alert, or the digest would open
        again what is over. While nobody can know, and nobody looked, all stays as it was.
        """
        had = before is not None and before.urgent
        return alert.fingerprint in self.fired or (had and (self.alive or bool(alert.stands)))

    def holds(self, alert: Alert) -> bool:
        """Whether any of them has ``alert`` firing."""
        return any(one.fingerprint == alert.fingerprint for one in self.firing)


UNKNOWN = Standing()
"""Of no urgent memory: nobody is told at once, or nobody asks."""


def standing(files: Files, window: Window, *, without: str | None = None) -> Standing:
    """Return what urgent memories know of ``window``, but the one of the scope ``without``."""
    kind: Kind = "urgent"
    alive = False
    fired: set[str] = set()
    paused: set[str] = set()
    firing: dict[str, Alert] = {}
    for memory in memories(files, kind):
        if memory.cluster == without:
            continue
        records = memory.since(window.start)
        if not records:
            continue
        alive = True
        for record in records:
            fired |= {one.fingerprint for one in record.alerts if one.fired_at is not None}
            paused |= {one.fingerprint for one in record.alerts if one.stayed == "paused"}
        told = [one for one in records[0].alerts if one.fires and one.told_at is not None]
        firing |= {one.fingerprint: one for one in told}
    return Standing(alive, frozenset(fired), tuple(firing.values()), len(paused))
